import { defineSchedule, defineTask } from 'bulkhead';
import { z } from 'zod';
import { sells } from './tenancy.ts';

/** Counts what each company sold on a day; once more it comes to the same. */
export const closeDay = defineTask({
  name: 'sales.close-day',
  params: z.object({ day: z.iso.date().nullable() }),
  title: ({ day }) => `Close ${day ?? 'yesterday'}`,
  unique: {},
  launchable: {
    on: 'list',
    resource: 'orders',
    label: 'Close yesterday',
    icon: 'calculator',
    allowed: sells,
    params: () => ({ day: null }),
  },
  async run({ day: given }, task) {
    const day = given === null ? startOf(new Date(), -1) : new Date(`${given}T00:00:00Z`);
    const placedAt = { gte: day, lt: startOf(day, 1) };
    return task.tx(async (tx) => {
      const sold = await tx.order.groupBy({
        by: ['tenantId'],
        where: { placedAt, state: { in: ['paid', 'shipped'] }, deletedAt: null },
        _count: true,
        _sum: { total: true },
      });
      for (const { tenantId, _count: orders, _sum } of sold) {
        const counted = { orders, total: _sum.total ?? 0 };
        await tx.dayTotal.upsert({
          where: { tenantId_day: { tenantId, day } },
          create: { tenantId, day, ...counted },
          update: counted,
        });
      }
      return { companies: sold.length };
    });
  },
});

function startOf(at: Date, days: number): Date {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + days));
}

export const nightly = defineSchedule({
  name: 'nightly-close',
  cron: '15 1 * * *',
  timeZone: 'Europe/Berlin',
  task: closeDay,
  params: { day: null },
});
