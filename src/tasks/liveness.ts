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

/** SQL: has a `worker` row said nothing for longer than it may? Only one that has heartbeats. */
export const isSilentSql =
  'worker.heartbeat_at < clock_timestamp() - make_interval(secs => worker.stale_after_ms / 1000.0)';

/**
 * SQL: has the main loop of a `worker` row stood still for longer than what it is at in a chunk may
 * take?
 */
export const isBusySql =
  'worker.loop_at < clock_timestamp() - make_interval(secs => worker.busy_after_ms / 1000.0)';

/** SQL: does a row `worker` listen to the queue of a task, whose columns have no name before them, and hear its backend? */
const listensSql = `(worker.queues is null or case kind when 'bulk' then '${bulkQueue}' else queue end = any(worker.queues)) and backend = any(worker.backends)`;

/**
 * SQL: does a row `worker` know what a task is about, whose columns have no name before them? One of
 * before that was said may, so it is taken to.
 */
const knowsSql = `(worker.knows is null or case kind
    when 'own' then coalesce((worker.knows -> 'own' ->> operation)::int >= parameters_version, false) and (not is_undo or worker.knows -> 'undo' ? operation)
    else coalesce((worker.knows -> 'bulk' -> resource ->> operation)::int >= parameters_version, false)
      and (operation <> 'undo' or coalesce(worker.knows -> 'bulk' -> resource ? (parameters -> 'what' ->> 'operation'), true)) end)`;

/**
 * What there is for a task: a worker that is alive and runs such, none that knows what it is about, or
 * none at all.
 */
export type WorkerFor = 'there' | 'unknowing' | 'none';

/** SQL: `WorkerFor` of a task, among rows that have what `aliveWorkersSql` gives and no other column. */
export function workerForSql(alive: string): string {
  return `(select case when bool_or(${knowsSql}) then 'there' when count(*) > 0 then 'unknowing' else 'none' end from ${alive} worker where ${listensSql})`;
}

/** SQL: what those that are alive listen to and know. */
export function aliveWorkersSql(t: TableNames): string {
  return `(select queues, backends, knows from ${t.worker} worker where ${isAliveSql})`;
}

/** Remembers that a worker has ended: where none is alive, that is since when. */
export async function noteWorkerEnd(client: Queryable, t: TableNames): Promise<void> {
  await client.query(
    `insert into ${t.worker_end} (id, at) values (1, clock_timestamp()) on conflict (id) do update set at = excluded.at`,
  );
}
