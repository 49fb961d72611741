import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import { cancelDescendants } from './cancel-descendants.ts';
import type { TaskContext } from './context.ts';
import { type MoveReason, moveTask } from './move-task.ts';
import type { TaskState } from './states.ts';
import type { TaskRow } from './task-row.ts';
import { wakeWaiting } from './wake-waiting.ts';

interface Stopped extends Pick<TaskRow, 'id' | 'kind' | 'state'> {
  isWorkedOn: boolean;
}

/**
 * Is a runner at a task, whose row is locked? In a statement of its own: one that began before the
 * wait for the row does not see a slot that was taken meanwhile.
 */
export async function isWorkedOn(
  client: Queryable,
  t: TableNames,
  taskId: number,
): Promise<boolean> {
  const { rowCount } = await client.query(`select 1 from ${t.task_slot} where task_id = $1`, [
    taskId,
  ]);
  return rowCount !== 0;
}

/**
 * Asks a task to stop, whose row is locked and which has not ended: with no runner at it, it is
 * cancelled at once, otherwise before the next chunk, and so are the parts that it launched.
 */
export async function stopTask(
  client: Queryable,
  context: TaskContext,
  { id, kind, state, isWorkedOn }: Stopped,
  why: Pick<MoveReason, 'by' | 'message'>,
): Promise<TaskState> {
  const { t } = context.db;
  const { message } = why;
  if (state === 'cancelling') {
    await client.query(
      `update ${t.task} set reason = 'cancelled', message = $2 where id = $1 and reason = 'hard-limit'`,
      [id, message],
    );
    return state;
  }
  // Bulk work ends without waiting for its parts.
  const goesOn = (await cancelDescendants(client, context, id)) && kind === 'own';
  const isAtIt = (state === 'running' || state === 'pausing') && isWorkedOn;
  const to: TaskState = goesOn || isAtIt ? 'cancelling' : 'cancelled';
  await moveTask(client, t, id, to, { reason: 'cancelled', ...why });
  if (to === 'cancelled') await wakeWaiting(client, context, id);
  return to;
}
