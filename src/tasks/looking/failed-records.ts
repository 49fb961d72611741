import type { Database } from '../../db/database.ts';
import type { TableNames } from '../../db/names.ts';
import { query, raw, type Sql, shared, sql } from '../../db/sql.ts';

/** A record that a task did not change, and why. */
export interface FailedRecord {
  key: string;
  code: string;
  message: string;
  field: string | null;
}

/** In the order of keys, after `after`; for one reason or any, of one chunk or all. */
export async function listFailedRecords(
  { pages, t }: Database,
  taskId: number,
  {
    code,
    after,
    limit,
    chunk = null,
  }: { code: string | null; after: string; limit: number; chunk?: number | null },
): Promise<FailedRecord[]> {
  const { rows } = await pages.query<FailedRecord>(
    `select key, code, message, field from ${t.task_failure} failure cross join unnest(failure.keys) key
     where failure.task_id = $1 and ($2::text is null or code = $2) and key > $3 and ($5::int is null or chunk = $5)
     order by key, code limit $4`,
    [taskId, code, after, limit, chunk],
  );
  return rows;
}

/**
 * How many records a retry would try, by reason; those of a reason that were all tried again are
 * absent.
 */
export async function countRetryable(
  { pages, t }: Database,
  taskId: number,
): Promise<Map<string, number>> {
  const { rows } = await query<{ code: string; count: number }>(
    pages,
    sql`select failure.code, count(*)::int as count from ${raw(t.task_failure)} failure cross join unnest(failure.keys) as failed(key)
     join (${refusedKeysSql(t, taskId, null)}) left_over on left_over.key = failed.key
     where failure.task_id = ${taskId} group by failure.code`,
  );
  return new Map(rows.map(({ code, count }) => [code, count]));
}

/**
 * Records that a task could not change, for one reason or (null) any, and that no retry has dealt
 * with since.
 */
export function refusedKeysSql(t: TableNames, taskId: number | null, reason: string | null): Sql {
  const task = shared(sql`${taskId}::int`);
  const code = shared(sql`${reason}::text`);
  return sql`select distinct key from ${raw(t.task_failure)} failure cross join unnest(failure.keys) key
    where failure.task_id = ${task} and (${code} is null or failure.code = ${code})
    except
    select key from ${raw(t.task)} retry join ${raw(t.chunk)} chunk on chunk.task_id = retry.id cross join unnest(chunk.keys) key
    where retry.follows_id = ${task} and retry.selection ->> 'kind' = 'refused' and chunk.state = 'done'`;
}

export interface FollowUpTask {
  id: number;
  isUndo: boolean;
  state: string;
  /** Records that it changed, or put back. */
  changed: number;
  isUndone: boolean;
}

/**
 * SQL: the undos of a task (an alias) have put back as many records as it changed; one that was
 * undone in its turn is not counted.
 */
export function isUndoneSql(t: TableNames, task: string): string {
  return `(${task}.changed > 0 and exists (select 1 from ${t.task} undo where undo.follows_id = ${task}.id and undo.selection ->> 'kind' = 'changed'
    and undo.changed >= ${task}.changed and not exists (select 1 from ${t.task} again where again.follows_id = undo.id and again.selection ->> 'kind' = 'changed' and again.changed > 0)))`;
}

/** The tasks that went on from one: its retries and undos, the newest first. */
export async function listFollowUps(
  { pages, t }: Database,
  taskId: number,
): Promise<FollowUpTask[]> {
  const { rows } = await pages.query<FollowUpTask>(
    `select id, is_undo or coalesce(selection ->> 'kind' = 'changed', false) as "isUndo", state, changed,
       exists (select 1 from ${t.task} again where again.follows_id = task.id and again.selection ->> 'kind' = 'changed' and again.changed > 0) as "isUndone" from ${t.task} task where follows_id = $1 order by id desc limit 20`,
    [taskId],
  );
  return rows;
}
