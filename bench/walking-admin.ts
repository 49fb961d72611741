import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../src/admin.ts';
import { defineTask } from '../src/task-definitions/define-task.ts';

const steps = 1_000_000;

/** Goes on, and says how far it is, until it is asked to stop. */
export const walk = defineTask({
  name: 'bench.walk',
  params: z.object({ n: z.number() }),
  title: ({ n }) => `Walk ${n}`,
  async run(_params, task) {
    for (let step = 1; ; step++) {
      task.progress(step % steps, steps);
      await wait(500, null, { signal: task.signal });
    }
  },
});

export const walkingAdmin = { ...sample, schedules: [], taskHooks: [], tasks: [walk] };
