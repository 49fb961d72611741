import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import type { TaskContext } from '../context.ts';
import { moveTask, moveTasks } from '../move-task.ts';
import { wakeWaiting } from '../running/slots.ts';
import { type TaskState, unfinishedSql } from '../states.ts';

/**
 * Does the task wait for children that go on? For rows `task`. It is asked whenever a task is
 * looked for, so that there is no wake-up to lose.
 */
export function awaitsChildrenSql(t: TableNames): string {
  const awaited = `select from ${t.task} child where child.id = any(task.awaits)`;
  // Null would leave the rest to be asked for every task that waits for nothing.
  return `(coalesce(task.waits_for = 'children', false) and exists (${awaited} and child.state in (${unfinishedSql}))
           and not (task.fails_fast and exists (${awaited} and child.state in ('partial', 'failed', 'cancelled'))))`;
}

/** Ids of the children of a task that have not ended. */
export async function unfinishedChildren(
  client: Queryable,
  t: TableNames,
  taskId: number,
): Promise<number[]> {
  const { rows } = await client.query<{ id: number }>(
    `select id from ${t.task} where parent_id = $1 and state in (${unfinishedSql})`,
    [taskId],
  );
  return rows.map(({ id }) => id);
}

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

/** Ends a task, or asks its parts to stop where any go on: with the last of them it ends. */
export async function endWithParts(
  client: Queryable,
  context: TaskContext,
  taskId: number,
  to: 'failed' | 'cancelled',
  why: { reason?: string; message?: string } = {},
): Promise<void> {
  const goesOn = await cancelDescendants(client, context, taskId);
  const reason = to === 'cancelled' ? 'cancelled' : why.reason;
  await moveTask(client, context.db.t, taskId, goesOn ? 'cancelling' : to, {
    ...why,
    ...(goesOn && { reason }),
  });
  if (!goesOn) await wakeWaiting(client, context, taskId);
}

/**
 * Ends tasks that are to stop, and waited for nothing but parts of theirs, the last of which has
 * ended. What each of them holds is let go with it, and not before.
 */
export async function endEmptied(context: TaskContext, pool: Pool): Promise<void> {
  const { t } = context.db;
  const isEmptied = `kind = 'own' and model is null and state = 'cancelling' and exists (select from ${t.task} child where child.parent_id = task.id)
    and not exists (select from ${t.task_slot} where task_id = task.id)
    and not exists (select from ${t.task} child where child.parent_id = task.id and child.state in (${unfinishedSql}))`;
  for (;;) {
    const { rows } = await pool.query<{ id: number }>(
      `select id from ${t.task} task where ${isEmptied} order by id`,
    );
    if (rows.length === 0) return;
    for (const { id } of rows) {
      await transaction(pool, async (client) => {
        const {
          rows: [task],
        } = await client.query<{ reason: string | null }>(
          `select reason from ${t.task} task where id = $1 and ${isEmptied} for update`,
          [id],
        );
        if (!task) return;
        const to = task.reason === 'cancelled' ? 'cancelled' : 'failed';
        await moveTask(client, t, id, to, { reason: task.reason ?? undefined });
        await wakeWaiting(client, context, id);
      });
    }
  }
}
