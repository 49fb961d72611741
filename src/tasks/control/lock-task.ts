import type { Principal } from '../../auth/principal.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError, notFound } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import { isTaskId } from '../looking/queries.ts';
import { isFinished, type TaskState } from '../states.ts';
import { isWorkedOn } from '../stop-task.ts';
import type { TaskRow } from '../task-row.ts';
import { seenSql } from '../who-sees.ts';

/** Where the row was not to be had in time. */
export const taskHeld =
  'The task is in the middle of a step and does not answer. Nothing was changed. Try again in a moment.';

export interface Unfinished {
  kind: TaskRow['kind'];
  backend: string;
  state: TaskState;
  isWorkedOn: boolean;
}

/**
 * The state of a task that somebody wants to move, its row locked. Not found and not theirs are the
 * same 404; what has finished meanwhile is AppError 'task-finished' (409).
 */
export async function lockUnfinished(
  client: Queryable,
  context: Pick<TaskContext, 'db' | 'registry' | 'people'>,
  principal: Principal,
  taskId: number,
): Promise<Unfinished> {
  if (!isTaskId(taskId)) throw notFound();
  const { t } = context.db;
  const { rows } = await query<Pick<Unfinished, 'kind' | 'backend' | 'state'>>(
    client,
    sql`select kind, backend, state from ${raw(t.task)} where id = ${taskId} and ${await seenSql(context, principal, client)} for update`,
  );
  const task = rows[0];
  if (!task) throw notFound();
  if (isFinished(task.state))
    throw new AppError('task-finished', 409, 'This task had already finished.', {
      state: task.state,
    });
  return { ...task, isWorkedOn: await isWorkedOn(client, t, taskId) };
}
