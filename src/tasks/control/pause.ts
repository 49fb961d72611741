import { writeEntry } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import { AppError } from '../../errors.ts';
import { callFor } from '../call-for.ts';
import { abilitiesOf } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { getTask } from '../looking/queries.ts';
import { moveTask } from '../move-task.ts';
import { hasSteps } from '../own/steps.ts';
import { whyNot } from '../running/may-run.ts';
import type { TaskState } from '../states.ts';
import { lockUnfinished, taskHeld } from './lock-task.ts';

const cannotGoOn =
  'Nothing of what this task has done is kept, so it would begin anew. Nothing was changed: it can be cancelled.';

function notPausable(backend: string, canCancel: boolean): string {
  const what = canCancel ? 'cannot go on later' : 'cannot be stopped';
  const rest = canCancel ? ': it can be cancelled' : '';
  return `What runs by the backend “${backend}” ${what}. Nothing was changed${rest}.`;
}

/**
 * Asks a running task to stop before its next chunk, or an own one by its signal, and to keep its
 * locks. With no runner at it, it is paused at once. An own task of which nothing is kept could not
 * go on, nor what runs by a backend that does nothing later: AppError 'not-pausable' (409).
 */
export async function pause(
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
    const can = abilitiesOf(context, { backend });
    if (!can.later || !can.cancel)
      throw new AppError('not-pausable', 409, notPausable(backend, can.cancel), { state });
    const isOwn = kind === 'own';
    if (isOwn && !(await hasSteps(client, t, taskId)))
      throw new AppError('not-pausable', 409, cannotGoOn, { state });
    if (state === 'pausing' || state === 'paused') return state;
    if (state !== 'running' && !(isOwn && state === 'queued'))
      throw new AppError('not-running', 409, 'Only a running task can be paused.', { state });
    const to = isWorkedOn ? 'pausing' : 'paused';
    await moveTask(client, t, taskId, to, { reason: 'paused', by: principal });
    await writeEntry(client, context.db, { act: 'task-paused', by: principal, taskId });
    return to;
  });
}

/**
 * Lets a paused task go on. Permission and "may this person still sign in" are asked again:
 * AppError 'forbidden' (403).
 */
export async function resume(
  context: TaskContext,
  principal: Principal,
  taskId: number,
): Promise<TaskState> {
  const { t } = context.db;
  const task = await getTask(context, principal, taskId);
  const refusal = await whyNot(context, task);
  if (refusal) throw new AppError('forbidden', 403, `${refusal.message} The task stays paused.`);
  return patientTransaction(context.db.pages, taskHeld, async (client) => {
    const { state } = await lockUnfinished(client, context, principal, taskId);
    if (state !== 'pausing' && state !== 'paused') return state;
    await writeEntry(client, context.db, { act: 'task-resumed', by: principal, taskId });
    if (task.kind === 'own' && state === 'paused') {
      await moveTask(client, t, taskId, 'queued', { reason: 'resumed', by: principal });
      await callFor(client, context, task.backend, { kind: 'own', taskIds: [taskId] });
      return 'queued';
    }
    await moveTask(client, t, taskId, 'running', { reason: 'resumed', by: principal });
    await client.query(`update ${t.task} set reason = null, woken_at = now() where id = $1`, [
      taskId,
    ]);
    if (task.kind === 'bulk') {
      const taskIds = Array<number>(task.parallelism).fill(taskId);
      await callFor(client, context, task.backend, { kind: 'bulk', taskIds });
    }
    return 'running';
  });
}
