import { z } from 'zod';
import { defineTask } from '../index.ts';
import { clientOf } from './client.ts';

/** Counts all places by their status: who asks again within ten minutes is given the same figures. */
export const tally = defineTask({
  name: 'places.tally',
  params: z.object({}),
  title: 'Tally of all cities',
  unique: {},
  resultReuseMs: 10 * 60_000,
  launchable: {
    on: 'list',
    resource: 'cities',
    label: 'Tally',
    icon: 'chart-column',
    allowed: ({ roles }) => roles.includes('editor') || roles.includes('admin'),
  },
  async run(_params, task) {
    const groups = await task.tx((tx) =>
      clientOf(tx).city.groupBy({ by: ['status'], _count: true, orderBy: { status: 'asc' } }),
    );
    return Object.fromEntries(groups.map(({ status, _count }) => [status, _count]));
  },
});
