import { definePage } from 'bulkhead';
import { closeDay } from './close-day.ts';
import { inEuros } from './money.ts';
import { sells } from './tenancy.ts';

const shownDays = 30;

/** What was sold by day, of the orders that the person may see. */
export const revenue = definePage({
  path: '/revenue',
  label: 'Revenue',
  icon: 'chart-line',
  group: 'Sales',
  allowed: sells,
  view: 'revenue/show',
  async load({ client, where, url }) {
    const since = new Date(Date.now() - shownDays * 86_400_000);
    const sold = await client.order.findMany({
      where: where('orders', { placedAt: { gte: since }, state: { in: ['paid', 'shipped'] } }),
      select: { placedAt: true, total: true },
    });
    const days = Map.groupBy(sold, ({ placedAt }) => placedAt.toISOString().slice(0, 10));
    const totals = [...days]
      .map(([day, orders]) => ({
        day,
        count: orders.length,
        cents: orders.reduce((sum, { total }) => sum + total, 0),
      }))
      .sort((one, other) => other.day.localeCompare(one.day));
    const cents = totals.reduce((sum, day) => sum + day.cents, 0);
    const most = Math.max(1, ...totals.map((day) => day.cents));
    return {
      title: 'Revenue',
      lead: `Paid orders of the last ${shownDays} days`,
      total: inEuros(cents),
      count: sold.length,
      mean: sold.length === 0 ? '–' : inEuros(cents / sold.length),
      days: totals.map((day) => ({
        ...day,
        total: inEuros(day.cents),
        share: Math.round((day.cents / most) * 100),
        href: url(`/orders?placedAt=${day.day}`),
      })),
      wrong: '',
      day: '',
    };
  },
  async submit({ form, tasks }) {
    const day = form.get('day') ?? '';
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) return { again: { wrong: 'Choose a day.', day } };
    const { id } = await tasks.launch(closeDay, { day });
    return { to: `/tasks/${id}`, message: `${day} is being counted.`, level: 'info' };
  },
});
