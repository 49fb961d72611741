import { z } from 'zod';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';

/** Lets so many milliseconds pass, and gives the time that it began with and ended with. */
export const sleeping = defineTask({
  name: 'sleeping',
  params: z.object({ ms: z.number() }),
  attempts: 1,
  async run({ ms }, task) {
    await task.sleep('a while', ms);
    return task.attempt;
  },
});

/** Does nothing. */
export const ticking = defineTask({ name: 'ticking', params: z.object({}), run: () => null });

/** Tasks that wait for their time, and a schedule whose time comes once an hour. */
export const sleepingAdmin = defineAdmin({
  ...sample,
  definition: import.meta.url,
  taskHooks: [],
  tasks: [sleeping, ticking],
  schedules: [defineSchedule({ name: 'hourly', cron: '0 * * * *', task: ticking, params: {} })],
});
