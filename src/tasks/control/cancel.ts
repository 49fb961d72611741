import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import type { TaskState } from '../states.ts';
import { stopTask } from '../stop-task.ts';
import { lockUnfinished, taskHeld } from './lock-task.ts';

/**
 * Asks a task to stop, as `stopTask` does. Cancelling what has finished meanwhile is AppError
 * 'task-finished' (409): success beats a late cancel. What its backend cannot stop is AppError
 * 'not-cancellable' (409).
 */
export async function cancel(
  context: TaskContext,
  principal: Principal,
  taskId: number,
): Promise<TaskState> {
  return patientTransaction(context.db.pages, taskHeld, (client) =>
    cancelWithin(client, context, principal, taskId),
  );
}

/** The same within a transaction; `assertWanted` is asked when the row is locked. */
export async function cancelWithin(
  client: Queryable,
  context: TaskContext,
  principal: Principal,
  taskId: number,
  {
    message = `Cancelled by ${principal.name}.`,
    assertWanted,
  }: { message?: string; assertWanted?: (state: TaskState) => Promise<void> } = {},
): Promise<TaskState> {
  const task = await lockUnfinished(client, context, principal, taskId);
  const { backend, state, isWorkedOn } = task;
  await assertWanted?.(state);
  if (isWorkedOn && !abilitiesOf(context, { backend }).cancel)
    throw new AppError(
      'not-cancellable',
      409,
      `What runs by the backend “${backend}” cannot be stopped. It goes on.`,
      { state },
    );
  const to = await stopTask(client, context, { ...task, id: taskId }, { by: principal, message });
  if (to !== state)
    await writeEntry(client, context.db, { act: 'task-cancelled', by: principal, taskId });
  return to;
}
