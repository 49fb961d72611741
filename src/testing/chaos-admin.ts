import sample from '../admin.ts';
import { defineAdmin } from '../admin-definition.ts';
import type { PrismaClientLike } from '../resources/client.ts';
import { plainModel, writeHeard } from './acknowledged.ts';
import { chaosTasks, schedules } from './chaos-tasks.ts';
import { tortureAdmin } from './torture.ts';

/** Models of the torture schema that are odd in ways in which no table of the sample can be. */
export const oddModels = [
  'ScalarList',
  'IdBigInt',
  'IdSnowflake',
  'IdCuid',
  'IdDatabaseUuid',
] as const;

const delegates = oddModels.map((name): string => `${name[0]?.toLowerCase()}${name.slice(1)}`);

/** The sample's places, odd tables beside them, and tasks of its own: one database, two clients. */
export const chaosAdmin = defineAdmin({
  ...sample,
  definition: import.meta.url,
  taskHooks: [
    {
      name: 'chaos.heard',
      on: ['task:succeeded', 'task:partial', 'task:failed', 'task:cancelled'],
      run: ({ task }) => writeHeard(task.id, task.state),
    },
  ],
  tasks: chaosTasks,
  schedules,
  resources: [
    ...sample.resources,
    // In many chunks, so that a crash finds some that are not on disk yet.
    ...tortureAdmin.resources
      .filter(({ model }) => oddModels.some((name) => name === model))
      .map((one) =>
        one.model === plainModel
          ? { ...one, options: { ...one.options, bulk: { ...one.options.bulk, chunkSize: 10 } } }
          : one,
      ),
  ],
  createClient(parts) {
    const other = tortureAdmin.createClient(parts);
    const from = (target: PrismaClientLike, name: string | symbol) =>
      Reflect.get(delegates.includes(String(name)) ? other : target, name);
    return new Proxy(sample.createClient(parts), { get: from });
  },
});
