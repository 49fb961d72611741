import type { Principal } from '../../auth/principal.ts';
import { AppError, notFound } from '../../errors.ts';
import { assertMayRun, getOperation } from '../../operations/operations.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import { askedMeta } from '../asked-meta.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import { earlierTask, type Launched } from '../launched.ts';
import { asShown } from '../launching/as-shown.ts';
import { enqueue } from '../launching/launch.ts';
import { countRetryable } from '../looking/failed-records.ts';
import { getTask } from '../looking/queries.ts';
import { locksIgnored } from '../own/insert-own.ts';
import { launchOwn } from '../own/launch-own.ts';
import type { OwnLaunch } from '../own/own-launch.ts';
import { givenParams } from '../own/secret-params.ts';
import { isFinished, unfinishedSql } from '../states.ts';
import { type BulkTask, type OwnTask, selectTask, type TaskRow } from '../task-row.ts';
import { type FollowUp, newFollowUp } from './follow-up.ts';

/** A finished task and its resource, as this person sees both. */
export async function getFinished(
  context: TaskContext,
  principal: Principal,
  taskId: number,
): Promise<{ task: BulkTask; resource: Resource }> {
  const task = await getTask(context, principal, taskId);
  assertFinished(task);
  // What is done to records by a task of the project's own is its own code's to take back.
  if (task.kind !== 'bulk') throw notFound();
  return { task, resource: context.registry.for(principal, task.resource) };
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

export function assertFinished({ state }: TaskRow): void {
  if (!isFinished(state))
    throw new AppError('not-finished', 409, 'This task has not finished yet.', { state });
}

export function assertForm(operationId: string): void {
  if (uuid.test(operationId)) return;
  const message = 'This form is no longer valid. Open it again from the task.';
  throw new AppError('preview-gone', 409, message);
}

/**
 * Queues it, or finds the one that the same form, or another of the same meaning that is
 * unfinished, has launched; `others` are launched with it or not at all.
 */
export async function launchFollowUp(
  context: TaskContext,
  followUp: FollowUp,
  ...others: readonly FollowUp[]
): Promise<Launched> {
  const { principal, operationId } = followUp;
  assertForm(operationId);
  const earlier = await findTaskByOperation(context.db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  const [first, ...more] = [
    newFollowUp(followUp),
    ...others.map((other) => ({ ...newFollowUp(other), operationId: null })),
  ] as const;
  for (const task of [first, ...more]) task.meta = await askedMeta(context, task);
  return enqueue(context, first, ...more);
}

/** `Retry: Edit cities` of `Edit cities`, and of itself. */
function titleAfter(word: string, title: string): string {
  return title.startsWith(`${word}: `) ? title : `${word}: ${title}`;
}

/**
 * Launches the same operation again over the records that a task could not change: all of them, or
 * those of one reason. Permission, scope and parameters are asked again. Throws AppError
 * 'nothing-to-retry' (409), 'forbidden' (403).
 */
export async function retry(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  { operationId, code }: { operationId: string; code: string | null },
): Promise<Launched> {
  const own = await getTask(context, principal, taskId);
  if (own.kind === 'own') return retryOwn(context, principal, own, operationId);
  const { task, resource } = await getFinished(context, principal, taskId);
  assertMayRun(resource, principal, task);
  await getOperation(resource, task.operation).check?.(
    { client: context.db.pages, registry: context.registry, resource, principal },
    task.parameters,
  );
  const earlier = await findTaskByOperation(context.db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  const retryable = await countRetryable(context.db, task.id);
  const expected = code === null ? sum(retryable.values()) : (retryable.get(code) ?? 0);
  if (expected === 0)
    throw new AppError(
      'nothing-to-retry',
      409,
      'Nothing is left to retry: these records have been tried again.',
    );
  return launchFollowUp(context, {
    parent: task,
    resource,
    principal,
    operationId,
    operation: task.operation,
    title: titleAfter('Retry', task.title),
    parameters: task.parameters,
    selection: { kind: 'refused', filter: '', code },
    expected,
  });
}

/**
 * The same again, as a task of its own that goes on after the steps which are kept. One at a time:
 * two would do the same steps beside each other.
 */
async function retryOwn(
  context: TaskContext,
  principal: Principal,
  task: OwnTask,
  operationId: string,
): Promise<Launched> {
  assertFinished(task);
  assertForm(operationId);
  const definition = context.definitions.get(task.operation);
  if (!definition || task.state === 'succeeded')
    throw new AppError('nothing-to-retry', 409, 'There is nothing to try again.');
  const { t } = context.db;
  const { rows } = await context.db.pages.query<OwnTask>(
    `${selectTask(t)} where kind = 'own' and coalesce(line_id, id) = $1 and state in (${unfinishedSql}) limit 1`,
    [task.lineId ?? task.id],
  );
  if (rows[0]) return earlierTask(rows[0], operationId);
  return launchLike(context, definition, task, {
    principal,
    operationId,
    followsId: task.id,
    isUndo: task.isUndo,
  });
}

/** Launches a task of the project's own as another was launched, about the same records. */
export async function launchLike(
  context: TaskContext,
  definition: TaskDefinition,
  task: OwnTask,
  launch: OwnLaunch & { operationId: string },
): Promise<Launched> {
  const { pages, t } = context.db;
  const { parametersVersion: version, priority } = task;
  const locks = task.locksOffReason === locksIgnored ? ('ignore' as const) : undefined;
  const params = await givenParams(context, pages, task);
  const again = await launchOwn(context, definition, params, {
    priority,
    version,
    locks,
    ...launch,
  });
  if (again.operationId !== launch.operationId.toLowerCase())
    return asShown(context, launch.principal, earlierTask(again, launch.operationId));
  // What it is about by the button that launched it, no run says.
  await pages.query(
    `insert into ${t.task_about} (task_id, model, key) select $1, model, key from ${t.task_about} where task_id = $2 on conflict do nothing`,
    [again.id, task.id],
  );
  return { task: again, outcome: isFinished(again.state) ? 'inline' : 'queued' };
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}
