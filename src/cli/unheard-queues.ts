import type { AdminDefinition } from '../admin-definition.ts';
import { didYouMean } from '../nearest.ts';
import { bulkQueue, defaultQueue } from '../queue-names.ts';

/** A sentence for each queue that a worker is to listen to and no task of the admin is put in. */
export function unheardQueues(
  queues: readonly string[] | undefined,
  { tasks = [] }: Pick<AdminDefinition, 'tasks'>,
): string[] {
  const known = new Set([
    bulkQueue,
    defaultQueue,
    ...tasks.map(({ options }) => options.queue ?? defaultQueue),
  ]);
  return (queues ?? [])
    .filter((name) => !known.has(name))
    .map(
      (name) => `No task of this admin is put in the queue "${name}".${didYouMean(name, known)}`,
    );
}
