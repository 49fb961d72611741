import { z } from 'zod';
import sample from '../admin.ts';
import { defineAdmin } from '../index.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';

const ticking = defineTask({
  name: 'ticking',
  params: z.object({ name: z.string() }),
  run: () => undefined,
});

/** Every three seconds a task and a bulk operation, each of the times that are missed as well. */
export const scheduledAdmin = defineAdmin({
  ...sample,
  taskHooks: [],
  tasks: [ticking],
  schedules: [
    defineSchedule({
      name: 'ticking',
      cron: '*/3 * * * * *',
      catchUp: 'each',
      overlap: 'allow',
      task: ticking,
      params: { name: 'tick' },
    }),
    defineSchedule({
      name: 'archiving',
      cron: '*/3 * * * * *',
      catchUp: 'each',
      overlap: 'after',
      bulk: {
        resource: 'cities',
        operation: 'update',
        where: { id: 1 },
        parameters: { notes: { append: 'x' } },
      },
    }),
  ],
});
