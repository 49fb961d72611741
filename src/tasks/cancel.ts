import { AppError, notFound } from '../errors.ts';
import type { Principal } from '../auth/principal.ts';
import { transaction } from '../db/transaction.ts';
import type { TaskContext } from './context.ts';
import { moveTask } from './move-task.ts';
import { seesAllTasks } from './queries.ts';
import { isFinished, type TaskState } from './states.ts';

/**
 * Asks a task to stop. With no drain at it, it is cancelled at once; otherwise before the next chunk. Cancelling what
 * has finished meanwhile is AppError 'task-finished' (409): success beats a late cancel.
 */
export async function cancel(ctx: TaskContext, principal: Principal, taskId: number): Promise<TaskState> {
  const { t } = ctx.db;
  return transaction(ctx.db.pages, async (client) => {
    const { rows } = await client.query<{ state: TaskState; is_worked_on: boolean }>(
      `select state, exists (select 1 from ${t.task_slot} where task_id = $1) as is_worked_on
       from ${t.task} where id = $1 and ($2 or principal_id = $3) for update`,
      [taskId, seesAllTasks(principal), principal.id],
    );
    const task = rows[0];
    if (!task) throw notFound();
    if (isFinished(task.state)) throw new AppError('task-finished', 409, 'This task had already finished.', { state: task.state });
    if (task.state === 'cancelling') return task.state;
    const to: TaskState = task.state === 'running' && task.is_worked_on ? 'cancelling' : 'cancelled';
    await moveTask(client, t, taskId, to, { reason: 'cancelled', message: `Cancelled by ${principal.name}.` });
    return to;
  });
}
