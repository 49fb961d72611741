import { advisoryClass } from '../db/advisory-class.ts';
import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import { bulkQueue } from '../queue-names.ts';

/**
 * SQL: does the session of a `worker` row still hold its advisory lock? Who waits for its end has it
 * shared for a blink.
 */
export const isAliveSql = `exists (
  select 1 from pg_locks held where held.locktype = 'advisory' and held.mode = 'ExclusiveLock' and held.granted and held.objsubid = 2
    and held.classid = ${advisoryClass.liveness}::int::oid and held.objid = worker.lock_id::oid
    and held.database = (select oid from pg_database where datname = current_database())
)`;

/** SQL: is any worker alive that listens to this task's queue, and hears its backend? Within a select from `task`. */
export function hasWorkerSql(t: TableNames): string {
  return `exists (select 1 from ${t.worker} worker
    where (queues is null or case kind when 'bulk' then '${bulkQueue}' else queue end = any(queues)) and backend = any(worker.backends) and ${isAliveSql})`;
}

/** Remembers that a worker has ended: where none is alive, that is since when. */
export async function noteWorkerEnd(client: Queryable, t: TableNames): Promise<void> {
  await client.query(
    `insert into ${t.worker_end} (id, at) values (1, clock_timestamp()) on conflict (id) do update set at = excluded.at`,
  );
}
