import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { readRecord } from '../../selection/record.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { mayPressButtonOf } from '../launching/launch-buttons.ts';
import { assertQueueRoom } from '../launching/queue-room.ts';
import { getTask } from '../looking/queries.ts';
import { isLastSuccess, reusedUntil } from '../own/reuse.ts';
import type { TaskRow } from '../task-row.ts';
import { assertForm, launchLike } from './retry.ts';

type Asking = Pick<TaskContext, 'db' | 'definitions' | 'registry' | 'log'>;

/**
 * Until when launches of the same are given the result of a task that this person may have run all
 * the same; null: they are not, or it is not theirs to launch.
 */
export async function runsAgainUntil(
  context: Asking,
  principal: Principal,
  task: TaskRow,
): Promise<Date | null> {
  const definition = definitionOf(context, principal, task);
  const until = definition && reusedUntil(definition, task, new Date());
  return until && (await isLastSuccess(context, task)) ? until : null;
}

/**
 * Launches the same as a task of the project's own that succeeded, where its result would be used
 * again. Throws AppError 'not-found' (404) where what it is about is out of this person's reach,
 * 'nothing-to-retry' (409) where it is no such task or not theirs to launch, 'queue-full' (409),
 * 'duplicate' (409) where the same is under way and not theirs to see, and as `launchOwn`.
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
  const definition = definitionOf(context, principal, task);
  if (task.kind !== 'own' || !definition)
    throw new AppError('nothing-to-retry', 409, 'There is nothing to run again.');
  await assertReached(context, principal, task, definition);
  await assertQueueRoom(context.db.pages, context, principal);
  return launchLike(context, definition, task, {
    principal,
    operationId,
    isFromPage: true,
    reuse: false,
  });
}

/** Null: its results are not used again, or its button is not this person's to press. */
function definitionOf(
  context: Asking,
  principal: Principal,
  { kind, operation, state, isUndo }: TaskRow,
): TaskDefinition | null {
  const definition = kind === 'own' ? context.definitions.get(operation) : undefined;
  const isUsed = definition?.options.resultReuseMs !== undefined && state === 'succeeded';
  return definition && isUsed && !isUndo && mayPressButtonOf(context, principal, definition)
    ? definition
    : null;
}

/** Records that it is about, and that its button stands on, must be theirs to see still. */
async function assertReached(
  { db, registry }: TaskContext,
  principal: Principal,
  { id }: TaskRow,
  { options: { launchable: button } }: TaskDefinition,
): Promise<void> {
  if (button?.on !== 'record' || !('resource' in button)) return;
  const resource = registry.for(principal, button.resource);
  const { rows } = await db.pages.query<{ key: string }>(
    `select key from ${db.t.task_about} where task_id = $1 and model = $2 limit 10`,
    [id, resource.model.name],
  );
  for (const { key } of rows) await readRecord(registry, resource, principal, key, []);
}
