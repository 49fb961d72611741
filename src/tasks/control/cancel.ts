import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import { AppError } from '../../errors.ts';
import { cancelDescendants } from '../cancel-descendants.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import type { TaskState } from '../states.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import { lockUnfinished, taskHeld } from './lock-task.ts';

/**
 * Asks a task to stop. With no runner at it, it is cancelled at once; otherwise before the next
 * chunk, and so are the parts that it launched. Cancelling what has finished meanwhile is AppError 'task-finished' (409): success beats a
 * late cancel. What its backend cannot stop is AppError 'not-cancellable' (409).
 */
export async function cancel(
  context: TaskContext,
  principal: Principal,
  taskId: number,
): Promise<TaskState> {
  const { t } = context.db;
  return patientTransaction(context.db.pages, taskHeld, async (client) => {
    const { kind, backend, state, isWorkedOn } = await lockUnfinished(
      client,
      context,
      principal,
      taskId,
    );
    if (isWorkedOn && !abilitiesOf(context, { backend }).cancel)
      throw new AppError(
        'not-cancellable',
        409,
        `What runs by the backend “${backend}” cannot be stopped. It goes on.`,
        { state },
      );
    if (state === 'cancelling') {
      await client.query(
        `update ${t.task} set reason = 'cancelled', message = $2 where id = $1 and reason = 'hard-limit'`,
        [taskId, `Cancelled by ${principal.name}.`],
      );
      return state;
    }
    // Bulk work ends without waiting for its parts.
    const goesOn = (await cancelDescendants(client, context, taskId)) && kind === 'own';
    const to: TaskState =
      goesOn || ((state === 'running' || state === 'pausing') && isWorkedOn)
        ? 'cancelling'
        : 'cancelled';
    await moveTask(client, t, taskId, to, {
      reason: 'cancelled',
      by: principal,
      message: `Cancelled by ${principal.name}.`,
    });
    if (to === 'cancelled') await wakeWaiting(client, context, taskId);
    return to;
  });
}
