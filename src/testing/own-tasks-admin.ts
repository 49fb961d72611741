import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import { defineTask } from '../task-definitions/define-task.ts';

const params = z.object({ country: z.string(), ms: z.number() });

/** Holds a country for a while. */
export const holding = defineTask({
  name: 'holding',
  params,
  title: ({ country }) => `Hold ${country}`,
  async run({ country, ms }, task) {
    await task.lock('countries', [country]);
    task.progress(1, 2, `Holding ${country}`);
    await wait(ms, null, { signal: task.signal });
    return task.attempt;
  },
});

/** The same, and never twice. */
export const once = defineTask({ ...holding.options, name: 'once', attempts: 1 });

/** The sample, with tasks of its own. */
export const ownTasksAdmin = defineAdmin({ ...sample, tasks: [holding, once] });
