import { defineSchedule } from '../index.ts';
import { recount } from './recount.ts';

/** The country that is looked at most: its totals are of today. */
export const nightlyRecount = defineSchedule({
  name: 'nightly-recount',
  cron: '30 2 * * *',
  timeZone: 'Europe/Madrid',
  task: recount,
  params: { country: 'ESP' },
});

export const weeklyRecount = defineSchedule({
  name: 'weekly-recount',
  cron: '0 4 * * 1',
  timeZone: 'Europe/Paris',
  task: recount,
  params: { country: 'FRA' },
});

/** Drafts in which nobody lives are put away once a month, as long as they are about as many as ever. */
export const monthlyArchive = defineSchedule({
  name: 'monthly-archive',
  cron: '0 5 1 * *',
  timeZone: 'Europe/Madrid',
  bulk: {
    resource: 'cities',
    operation: 'archive',
    where: { status: 'draft', population: 0, featured: false },
    changeReason: 'Nobody lives there',
    maxRecords: 5_000,
    maxMove: 0.5,
  },
});

export const schedules = [nightlyRecount, weeklyRecount, monthlyArchive];
