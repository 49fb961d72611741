import type { Queryable } from '../db/transaction.ts';
import type { TaskContext } from './context.ts';
import { moveTasks } from './move-task.ts';
import { type TaskState, unfinishedSql } from './states.ts';
import { wakeWaiting } from './wake-waiting.ts';

/**
 * Asks what a task has launched as parts of itself to stop, and what those have. Gives whether any
 * of it still goes on. The caller holds the task's row; rows are always locked from the oldest task
 * to the newest, and none of an ancestor after one of its parts.
 */
export async function cancelDescendants(
  client: Queryable,
  context: TaskContext,
  taskId: number,
): Promise<boolean> {
  const { t } = context.db;
  const { rows } = await client.query<{ id: number; parentId: number; state: TaskState }>(
    `with recursive below as (
       select id from ${t.task} where parent_id = $1
       union all
       select task.id from below join ${t.task} task on task.parent_id = below.id
     )
     select id, parent_id as "parentId", state from ${t.task} where id in (select id from below) and state in (${unfinishedSql}) order by id for update`,
    [taskId],
  );
  if (rows.length === 0) return false;
  // In a statement of its own, which sees the slots that were taken until the rows were locked.
  const slots = await client.query<{ id: number }>(
    `select distinct task_id as id from ${t.task_slot} where task_id = any($1)`,
    [rows.map(({ id }) => id)],
  );
  const goOn = new Set(slots.rows.map(({ id }) => id));
  // From the newest: a part is newer than what it is a part of.
  for (const { id, parentId, state } of rows.toReversed())
    if (goOn.has(id) || state === 'cancelling') goOn.add(id).add(parentId);
  const why = {
    reason: 'cancelled',
    message: `Cancelled with task ${taskId}, which it is a part of.`,
  };
  const stopping = rows.filter(({ id }) => goOn.has(id)).map(({ id }) => id);
  const ended = rows.filter(({ id }) => !goOn.has(id)).map(({ id }) => id);
  await moveTasks(client, t, stopping, 'cancelling', why);
  await moveTasks(client, t, ended, 'cancelled', why);
  for (const id of ended) await wakeWaiting(client, context, id);
  return goOn.has(taskId);
}
