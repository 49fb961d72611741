import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../src/admin.ts';
import { defineAdmin } from '../src/admin-definition.ts';
import { defineTask } from '../src/task-definitions/define-task.ts';

/** So long in all, 50 ms of a query and 50 ms of waiting in turn, until it is asked to stop. */
export const long = defineTask({
  name: 'bench.long',
  params: z.object({ ms: z.number() }),
  async run({ ms }, task) {
    const end = Date.now() + ms;
    const total = Math.ceil(ms / 1000);
    for (let left = ms; left > 0; left = end - Date.now()) {
      task.signal.throwIfAborted();
      await task.tx((tx) => tx.$queryRawUnsafe('select pg_sleep(0.05)::text'));
      await wait(50, null, { signal: task.signal });
      task.progress(Math.min(total, Math.round((ms - left) / 1000)), total);
    }
  },
});

/** One query. */
export const small = defineTask({
  name: 'bench.small',
  params: z.object({ n: z.number() }),
  async run({ n }, task) {
    await task.tx((tx) => tx.$queryRawUnsafe('select $1::int', n));
  },
});

/** The sample, with tasks of a bench. */
export const besideAdmin = defineAdmin({
  ...sample,
  schedules: [],
  definition: import.meta.url,
  taskHooks: [],
  tasks: [long, small],
});
