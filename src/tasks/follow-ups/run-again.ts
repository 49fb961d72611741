import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { mayPressButtonOf } from '../launching/launch-buttons.ts';
import { assertQueueRoom } from '../launching/queue-room.ts';
import { getTask } from '../looking/queries.ts';
import { locksIgnored } from '../own/launch-own.ts';
import { reusedUntil } from '../own/reuse.ts';
import type { TaskRow } from '../task-row.ts';
import { assertForm, launchLike } from './retry.ts';

/**
 * Until when launches of the same are given the result of a task that this person may have run all
 * the same; null: they are not, or it is not theirs to launch.
 */
export function runsAgainUntil(
  context: Pick<TaskContext, 'definitions' | 'registry' | 'log'>,
  principal: Principal,
  task: TaskRow,
): Date | null {
  const definition = task.kind === 'own' ? context.definitions.get(task.operation) : undefined;
  if (!definition || !mayPressButtonOf(context, principal, definition)) return null;
  return reusedUntil(definition, task, new Date());
}

/**
 * Launches the same as a task of the project's own whose result would be used again. Throws
 * AppError 'nothing-to-retry' (409) where it is not used any more, or this person may not launch
 * it, 'queue-full' (409), and as `launchOwn`.
 */
export async function runAgain(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  operationId: string,
): Promise<Launched> {
  const task = await getTask(context, principal, taskId);
  // Whoever may not see its records is not shown that there is such a task.
  if (task.kind === 'bulk') context.registry.for(principal, task.resource);
  assertForm(operationId);
  const earlier = await findTaskByOperation(context.db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  if (task.kind !== 'own' || runsAgainUntil(context, principal, task) === null)
    throw new AppError('nothing-to-retry', 409, 'There is nothing to run again.');
  await assertQueueRoom(context.db.pages, context, principal);
  return launchLike(context, task, {
    principal,
    operationId,
    from: task.resource,
    isFromPage: true,
    reuse: false,
    priority: task.priority,
    version: task.parametersVersion,
    locks: task.locksOffReason === locksIgnored ? 'ignore' : undefined,
  });
}
