import type { Queryable } from '../../db/transaction.ts';
import { bulkQueue, defaultQueue } from '../../queue-names.ts';
import type { TaskContext } from '../context.ts';
import { unfinishedSql } from '../states.ts';

/** A queue that is known: by code, by a worker, by a task that has not ended, or since it is paused. */
export interface QueueInfo {
  readonly name: string;
  /** Who has paused it; null: it is not paused. */
  readonly pausedBy: string | null;
  readonly pausedAt: Date | null;
  readonly reason: string | null;
}

/** By their names, bulk work first; one statement. */
export async function listQueues(
  { db: { pages, t }, definitions }: Pick<TaskContext, 'db' | 'definitions'>,
  client: Queryable = pages,
): Promise<QueueInfo[]> {
  const ofCode = [...definitions.values()].map(({ options }) => options.queue ?? defaultQueue);
  const { rows } = await client.query<QueueInfo>(
    `select name, paused.by ->> 'name' as "pausedBy", paused.at as "pausedAt", paused.reason
     from (select unnest($1::text[]) as name union select unnest(queues) from ${t.worker} union select name from ${t.paused_queue}
       union select queue from ${t.task} where kind = 'own' and state in (${unfinishedSql})) queue left join ${t.paused_queue} paused using (name)
     order by name <> '${bulkQueue}', name`,
    [[bulkQueue, ...ofCode]],
  );
  return rows;
}
