import { entryJson, insertEntriesSql } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError, notFound } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import { getTask, isTaskId } from '../looking/queries.ts';
import type { TaskState } from '../states.ts';
import { seenSql } from '../who-sees.ts';

type Seeing = Pick<TaskContext, 'db' | 'registry' | 'people'>;

/** States of which somebody is to say that they have seen to it. */
export function canAcknowledge(state: TaskState): boolean {
  return state === 'failed' || state === 'partial';
}

/**
 * Keeps that somebody has seen to a task that failed, and when; who was first stays: false where
 * somebody was before. Throws AppError 'not-found' (404), 'not-failed' (409).
 */
export async function acknowledge(
  context: Seeing,
  principal: Principal,
  taskId: number,
  client: Queryable = context.db.pages,
): Promise<boolean> {
  if (!isTaskId(taskId)) throw notFound();
  const { t } = context.db;
  const { rows } = await query<{ state: TaskState }>(
    client,
    sql`select state from ${raw(t.task)} where id = ${taskId} and ${await seenSql(context, principal, client)}`,
  );
  const [task] = rows;
  if (!task) throw notFound();
  if (!canAcknowledge(task.state))
    throw new AppError('not-failed', 409, 'Nothing of this task failed.', { state: task.state });
  const by = JSON.stringify({ id: principal.id, name: principal.name });
  const kept = await query(
    client,
    sql`with seen as (
        update ${raw(t.task)} set acknowledged_at = clock_timestamp(), acknowledged_by = ${by}::jsonb
        where id = ${taskId} and acknowledged_at is null returning id, ${entryJson(context.db, { act: 'task-acknowledged', by: principal, taskId })} as entry
      ), entry as (${raw(insertEntriesSql(t, 'seen'))})
      select id from seen`,
  );
  return kept.rows.length > 0;
}

/** Nobody has seen to it any more. Throws AppError 'not-found' (404). */
export async function withdrawAcknowledgement(
  context: Seeing,
  principal: Principal,
  taskId: number,
): Promise<void> {
  await getTask(context, principal, taskId);
  await query(
    context.db.pages,
    sql`with unseen as (
        update ${raw(context.db.t.task)} set acknowledged_at = null, acknowledged_by = null
        where id = ${taskId} and acknowledged_at is not null returning ${entryJson(context.db, { act: 'acknowledgement-withdrawn', by: principal, taskId })} as entry
      ) ${raw(insertEntriesSql(context.db.t, 'unseen'))}`,
  );
}
