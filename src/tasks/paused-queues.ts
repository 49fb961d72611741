import type { TableNames } from '../db/names.ts';
import { bulkQueue } from '../queue-names.ts';

/** SQL: the queue of a `task`, in whichever select it stands. */
export const queueSql = `case kind when 'bulk' then '${bulkQueue}' else queue end`;

/**
 * SQL: is nothing new taken of a task's queue? Of what runs within the call that launches it nobody
 * asks, since that would wait for it. Within a select from `task`.
 */
export function isPausedSql(t: TableNames): string {
  return `(backend <> 'inline' and ${queueSql} in (select paused.name from ${t.paused_queue} paused))`;
}

/** SQL: who has paused a task's queue, when and why, as JSON; null: it is not paused. */
export function queuePauseSql(t: TableNames): string {
  return `case when finished_at is null and backend <> 'inline' then (select jsonb_build_object('by', paused.by ->> 'name', 'at', paused.at, 'reason', paused.reason)
    from ${t.paused_queue} paused where paused.name = ${queueSql}) end`;
}
