import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';
import type { Operation } from '../../operations/contract.ts';
import { countCascade } from '../../operations/count-cascade.ts';
import { assertMayBegin, assertNoRuleFor, getOperation } from '../../operations/operations.ts';
import { type GivenValues, parseGiven } from '../../operations/parse-given.ts';
import { snapshotSql } from '../../operations/since-preview.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource } from '../../resources/contract.ts';
import { backendOfBulk } from '../choose-backend.ts';
import { type ChosenByCode, chosenByCode, type GivenSelection } from '../chosen-by-code.ts';
import type { TaskContext } from '../context.ts';
import { duplicate } from '../duplicate.ts';
import { findTaskByOperation, type NewTask } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { assertRunOptions, type RunOptions } from '../run-options.ts';
import { readKeys } from '../running/freeze.ts';
import { personNow } from '../running/may-run.ts';
import { findSame, sameness } from './bulk-unique.ts';
import { assertNoOverlap, assertReason, enqueueInTurn, isToWait, managerAsked } from './launch.ts';
import { GoesBehind, runInline } from './run-inline.ts';

/** What code launches: an operation on records that it chooses, as somebody. */
export interface CodeLaunch extends GivenSelection {
  /** Slug of the resource: `cities`. */
  resource: string;
  /** `update`, `delete`, or one of the project's own by its name. */
  operation: string;
  /**
   * Of `update` by field: the value that each record gets, null where the field becomes empty, or
   * an edit by its name (`{ multiply: 2 }`, `{ add: ['port'] }`, `{ toggle: true }`, `{ shift: {
   * value: 3, unit: 'days' } }`). Of an operation of the project's own by control of its form. Ids
   * of related records are as in addresses.
   */
  parameters?: GivenValues;
  /** `systemPrincipal('nightly')`, or a person, whose permissions and row scope hold. */
  principal: Principal;
  /** Launched once for ever: sent again, the first task is answered. A UUID. */
  operationId?: string;
  /** Within the call, all or nothing, at most `limits.bulk.inline` records. Default: by a worker. */
  inline?: boolean;
  /**
   * As a form has them. `skipChanged` leaves alone what is written after the call; `inBackground`
   * says nothing here, where `inline` does.
   */
  options?: Partial<RunOptions>;
}

/**
 * Launches an operation without a form and without a preview: nobody has confirmed a count, so none
 * is held to. One row and one wake-up, whatever the number of records, and no record is waited for;
 * the task is what it would be from a form, and is followed, cancelled, retried and undone as any
 * other. While it is unfinished, the same again gives that task.
 *
 * Permission, the operation's own checks and the table's rules are asked here, row scope, permission
 * and whether the person may still sign in once more by the worker. A reason that the resource
 * insists on above so many records is insisted on where their number is known without looking: of
 * `keys`, and of `inline`. Of an all-or-nothing resource more than 10,000 records fail the task.
 *
 * @returns `{ task, outcome }`: `queued`; `inline`, it is done; `same`, it was under way already
 * @throws AppError 404 'not-found' (no such resource, or not the principal's), 403 'forbidden', 409
 *   'unknown-operation', 409 'duplicate' (details.taskId, where it is the principal's to see), 409
 *   'overlap' (details.holders; as far as it shows at once), 422
 *   'invalid-selection', 'invalid-key' and 'invalid-filter' (details.field: `where.country.code`,
 *   `keys.3`), 'empty-selection', 'too-many-ticked', 'too-many-values', 'invalid-operation'
 *   (details.fieldErrors), 'rewritten-table', 'no-background'; of `inline` also 'too-many-records',
 *   'refused' (details.failures, details.taskId), 503 'busy' and 'no-turn'. Nothing is changed then.
 *
 * @example
 * const { task } = await launchFromCode(context, {
 *   resource: 'cities',
 *   operation: 'update',
 *   where: { country: { code: 'ESP' }, reviewedAt: { lt: new Date('2026-01-01') } },
 *   parameters: { status: 'archived', population: { multiply: 2 } },
 *   principal: systemPrincipal('nightly'),
 *   options: { overlap: 'skip', changeReason: 'Yearly review' },
 * });
 */
export async function launchFromCode(context: TaskContext, request: CodeLaunch): Promise<Launched> {
  const { db } = context;
  const { operationId } = request;
  const earlier = operationId && (await findTaskByOperation(db, request.principal, operationId));
  if (earlier) return { task: earlier, outcome: 'already' };
  const principal = await principalOf(context, request.principal);
  const resource = resourceOf(context, principal, request.resource);
  const operation = operationOf(resource, request.operation);
  assertMayBegin(resource, principal, operation);
  const chosen = await chosenByCode(context, resource, principal, request);
  const options = assertRunOptions(request.options ?? {});
  const parameters = parseGiven(operation, resource, request.parameters ?? {});
  await assertNoRuleFor(db.pages, resource, { operation: request.operation, parameters });
  await operation.check?.(
    { client: db.pages, registry: context.registry, resource, principal },
    parameters,
  );
  if (chosen.count !== null) assertReason(resource, chosen.count, options.changeReason);
  if (!resource.hasBackground && !request.inline)
    throw new AppError(
      'no-background',
      422,
      `${resource.label} are changed within the call alone: say inline: true. Nothing was changed.`,
    );
  const backend = backendOfBulk(context, {
    resource,
    operation: operation.kind,
    principal,
    count: chosen.count,
  });
  const { asOf: _, ...lasting } = chosen.selection;
  const unique = sameness(context, {
    principal,
    resource,
    operation: operation.kind,
    parameters,
    selection: lasting,
  });
  const task = {
    operationId: request.operationId ?? null,
    taskKey: null,
    unique,
    resource,
    operation: operation.kind,
    title: operation.title(resource),
    principal,
    parameters,
    selection: chosen.selection,
    expected: null,
    isAtomic: resource.isAtomic,
    options,
    meta: null,
    snapshot: options.skipChanged ? await readSnapshot(context) : null,
    backend,
  } satisfies NewTask;
  const same = await findSame(context, task);
  if (same) return same;
  const admit = managerAsked(context, task);
  if (request.inline || backend === inlineName) {
    const done = await withinCall(context, task, chosen, admit);
    if (done) return done;
  }
  return enqueueInTurn(context, task, { isPutOff: false }, async (_, { behind }) => {
    await admit(task);
    const free = behind.map(({ id }) => id);
    if (options.overlap === 'refuse') await assertNoOverlap(context, resource, chosen.where, free);
  });
}

/** A person as they are now. A worker asks again. */
async function principalOf(context: TaskContext, given: Principal): Promise<Principal> {
  const now = await personNow(context, given);
  if (now) return now;
  throw new AppError('forbidden', 403, `${given.name} may not sign in any more.`);
}

function resourceOf({ registry }: TaskContext, principal: Principal, slug: string): Resource {
  try {
    return registry.for(principal, slug);
  } catch (error) {
    if (!(error instanceof AppError && error.code === 'not-found')) throw error;
    const message = `There is no resource “${slug}”, or it is not for ${principal.name} to see.`;
    throw new AppError('not-found', 404, message);
  }
}

/** What is not offered anywhere, such as an undo, takes back a task and is not begun on records. */
function operationOf(resource: Resource, name: string): Operation {
  const operation = getOperation(resource, name);
  if (operation.offer) return operation;
  throw new AppError(
    'unknown-operation',
    409,
    `“${name}” is not begun on records of one’s choice. Nothing was changed.`,
  );
}

async function readSnapshot({ db }: TaskContext): Promise<string> {
  const { rows } = await db.pages.query<{ snapshot: string }>(`select ${snapshotSql} as snapshot`);
  return rows[0]?.snapshot as string;
}

/** Null: another task holds some of the records, and is to be waited for. */
async function withinCall(
  context: TaskContext,
  task: Parameters<typeof runInline>[1],
  { where }: ChosenByCode,
  admit: Parameters<typeof runInline>[3],
): Promise<Launched | null> {
  const { db, registry } = context;
  const { resource, operation, parameters, options } = task;
  const max = limits.bulk.inline;
  const keys = await readKeys(registry, resource.model, where, max + 1);
  if (keys.length === 0) throw new AppError('empty-selection', 422, 'Nothing is selected.');
  assertReason(resource, keys.length, options.changeReason);
  const writing = { operation, parameters, where, count: keys.length };
  const cascadeCount = await countCascade(db, registry, resource, writing, max + 1 - keys.length);
  if (keys.length + cascadeCount > max)
    throw new AppError(
      'too-many-records',
      422,
      limitTexts.inline(resource.label, keys.length <= max),
    );
  try {
    return await runInline(context, task, keys, admit);
  } catch (error) {
    // Within the call is what was asked for: later is something else.
    if (error instanceof GoesBehind) throw duplicate(context, task.principal, error.task, waits);
    if (isToWait(error, task)) return null;
    throw error;
  }
}

const waits =
  'This would wait for its end, which nothing does that is made within the call. Nothing was changed.';
