import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { cancelDescendants } from '../cancel-descendants.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { unfinishedSql } from '../states.ts';
import { wakeWaiting } from '../wake-waiting.ts';

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
