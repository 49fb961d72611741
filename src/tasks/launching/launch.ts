import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';
import { assertMayBegin, assertNoRuleFor, getOperation } from '../../operations/operations.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Where } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import {
  countSelection,
  getSelection,
  type Selection,
  selectionWhere,
} from '../../selection/selection.ts';
import { askedMeta } from '../asked-meta.ts';
import { backendOfBulk } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { duplicate } from '../duplicate.ts';
import { enqueueOne } from '../enqueue-one.ts';
import { inInlineTurn } from '../inline-turns.ts';
import { findTaskByOperation, type NewTask } from '../insert-task.ts';
import { type Launched, type MadeRoom, recordsHeld } from '../launched.ts';
import { makeRoom, placeOf, type Room } from '../own/unique.ts';
import { findPreview, type Preview, previewed } from '../previewing/preview.ts';
import { defaultRunOptions, type RunOptions } from '../run-options.ts';
import { readKeys } from '../running/freeze.ts';
import { overlapMessage } from '../running/prepare.ts';
import { countCascadeInline, runsInline } from '../runs-inline.ts';
import { selectTask, type TaskRow } from '../task-row.ts';
import { askBulkTurn, findSame, lockBulkTurn, sameness } from './bulk-unique.ts';
import { probeOverlap } from './probe-overlap.ts';
import { assertQueueRoom } from './queue-room.ts';
import { GoesBehind, runInline } from './run-inline.ts';

export interface Launch {
  resource: Resource;
  principal: Principal;
  /** The one-time id of the form, made by `createPreview`. */
  operationId: string;
  /** Its name. */
  operation: string;
  /** As `Operation.parse` made them; where the preview has its own, those are used. */
  parameters?: unknown;
  options?: Partial<RunOptions>;
}

/**
 * Launches one run of an operation. Small ones are done when this returns; the others are one row
 * and one wake-up, and nothing here waits for records.
 *
 * Throws AppError: 'preview-gone' 409, 'selection-changed' 409, 'overlap' 409 (details.holders),
 * 'duplicate' 409 (details.taskId where the principal may see it),
 * 'empty-selection' 422, 'invalid-operation' 422 (details.fieldErrors), 'refused' 422
 * (details.failures, details.taskId; everything rolled back), 'forbidden' 403, 'queue-full' 409
 * (details.max, details.isOwn), 'no-turn' 503.
 */
export async function launch(context: TaskContext, request: Launch): Promise<Launched> {
  const { db, registry } = context;
  const { resource, principal, operationId } = request;
  const operation = getOperation(resource, request.operation);
  assertMayBegin(resource, principal, operation);

  const earlier = await findTaskByOperation(db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  const preview = await getPreview(context, request);
  // What was previewed is what runs, whatever else is posted.
  const parameters = preview.parameters ?? request.parameters;
  const options = { ...defaultRunOptions, ...request.options };
  const whole = await getSelection(db, principal, resource, preview.selectionId);
  const selection = previewed(whole, preview);
  const unique = sameness(context, { ...request, parameters, selection: frozenForm(selection) });
  const same = await findSame(context, { ...request, unique });
  if (same) return same;
  if (selection.version !== preview.selectionVersion) {
    const count = await countSelection(registry, resource, principal, selection);
    const [from, to] = [preview.recordCount, count].map((one) => one.toLocaleString('en'));
    const message = `Your selection changed from ${from} to ${to} in another tab. Nothing was changed.`;
    throw new AppError('selection-changed', 409, message, { from: preview.recordCount, to: count });
  }

  await assertNoRuleFor(db.pages, resource, { operation: request.operation, parameters });
  await operation.check?.({ client: db.pages, registry, resource, principal }, parameters);
  assertReason(resource, preview.recordCount, options.changeReason);
  if (resource.isAtomic && preview.recordCount > limits.bulk.atomic) {
    throw new AppError('too-many-at-once', 422, limitTexts.atomic(resource.label));
  }
  const where = selectionWhere(resource, principal, selection);
  const { kind } = selection;
  const count = preview.recordCount;
  const backend = backendOfBulk(context, { resource, operation: operation.kind, principal, count });
  const isPutOff =
    (options.inBackground || preview.isPutOff || preview.findings?.isUntried === true) &&
    backend !== inlineName;
  const writing = {
    operation: request.operation,
    parameters,
    where,
    count: preview.recordCount,
    kind,
  };
  const cascadeCount = isPutOff
    ? 0
    : await countCascadeInline(context, resource, principal, writing);
  const isInline = (count: number) =>
    !isPutOff &&
    runsInline(
      resource,
      { count, cascadeCount, kind, operation: request.operation },
      { principal, backend },
    );
  const keys = await readKeys(
    registry,
    resource.model,
    where,
    isInline(preview.recordCount) ? limits.bulk.inline + 1 : 1,
  );
  if (keys.length === 0) throw new AppError('empty-selection', 422, 'Nothing is selected.');
  const task = {
    operationId,
    isFromPage: true,
    taskKey: null,
    unique,
    resource,
    operation: request.operation,
    title: operation.title(resource),
    principal,
    parameters,
    selection: { ...frozenForm(selection), asOf: preview.asOf },
    expected: preview.recordCount,
    options,
    meta: null,
    isAtomic: resource.isAtomic,
    snapshot: preview.snapshot,
    backend,
  } satisfies NewTask;
  const admit = managerAsked(context, task);
  let isPromised = false;
  if (isInline(preview.recordCount) && isInline(keys.length)) {
    try {
      return await runInline(context, task, keys, admit);
    } catch (error) {
      isPromised = error instanceof GoesBehind;
      if (isPromised && backend === inlineName)
        throw duplicate(context, principal, (error as GoesBehind).task, waitsForEnd);
      if (!isPromised && !isToWait(error, task)) throw error;
    }
  }
  // What was promised to be made at once, all or nothing, is all or nothing when its turn comes.
  const queued = isPromised ? { ...task, isAtomic: true } : task;
  return enqueueInTurn(
    context,
    queued,
    { isPutOff: isPromised },
    async (client, { behind, replaced }) => {
      await admit(queued);
      if (options.overlap === 'refuse')
        await assertNoOverlap(context, resource, where, idsOf(behind));
      await assertQueueRoom(client, context, principal, idsOf(replaced));
    },
  );
}

const waitsForEnd =
  'This would wait for its end, which nothing does that is made at once. Nothing was changed.';

function idsOf(tasks: Room['behind']): number[] {
  return tasks.map(({ id }) => id);
}

/** May what could not be made at once, since others hold its records, wait for them? */
export function isToWait(error: unknown, { options, backend }: NewTask): boolean {
  const isHeld = error instanceof AppError && error.code === 'overlap';
  return isHeld && options.overlap === 'wait' && backend !== inlineName;
}

/** Asks the manager of a launch once, however often it is tried, and keeps what that says. */
export function managerAsked(
  context: TaskContext,
  asked: NewTask,
): (task: NewTask) => Promise<void> {
  let meta: Promise<unknown> | null = null;
  return async (task) => {
    meta ??= askedMeta(context, asked);
    task.meta = await meta;
  };
}

/** Throws AppError 'overlap' (409) where tasks, but for those of `free`, plainly hold some of the records. */
export async function assertNoOverlap(
  context: TaskContext,
  resource: Resource,
  where: Where,
  free: readonly number[] = [],
): Promise<void> {
  const holders = await probeOverlap(context, resource, where, free);
  if (holders.length > 0) throw new AppError('overlap', 409, overlapMessage(holders), { holders });
}

/**
 * The task row and the call for a worker, and those of `others`, together or not at all. What runs
 * inline is done when this resolves: AppError 'too-many-records' (422) where it is more than that
 * can do, 'no-turn' (503).
 */
export async function enqueue(
  context: TaskContext,
  task: NewTask,
  ...others: readonly NewTask[]
): Promise<Launched> {
  const all = [task, ...others].map((one) => ({
    ...one,
    backend: one.backend ?? backendOfBulk(context, { ...one, count: one.expected }),
  }));
  const insert = (tasks: readonly NewTask[]) =>
    patientTransaction(context.db.pages, recordsHeld, async (client) => {
      const launched: Launched[] = [];
      for (const one of tasks) launched.push(await enqueueOne(client, context, one));
      return launched;
    });
  const isInline = all.some(({ backend }) => backend === inlineName);
  if (!isInline) return (await insert(all))[0] as Launched;
  for (const one of all) assertFitsInline(one);
  return inInlineTurn(context, async () => {
    const launched = await insert(all);
    const isToRun = ({ task, outcome }: Launched) =>
      outcome === 'queued' && task.backend === inlineName;
    await context.runWithin(...launched.filter(isToRun).map(({ task }) => task));
    const [first] = launched as [Launched];
    return isToRun(first)
      ? { task: await readTask(context, first.task), outcome: 'inline' }
      : first;
  });
}

function assertFitsInline({ resource, expected }: NewTask): void {
  if ((expected ?? 0) <= limits.bulk.inline) return;
  throw new AppError('too-many-records', 422, limitTexts.inline(resource.label, true));
}

async function readTask({ db }: TaskContext, task: TaskRow): Promise<TaskRow> {
  const { rows } = await db.pages.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [task.id]);
  return rows[0] ?? task;
}

/**
 * The same of a launch that asks for its turn: `admit` is called when it has one, and refuses it by
 * throwing. Throws AppError 'duplicate' (409).
 */
export async function enqueueInTurn(
  context: TaskContext,
  task: NewTask & Pick<Required<NewTask>, 'unique'>,
  { isPutOff }: { isPutOff: boolean },
  admit: (client: Queryable, room: Room) => Promise<void>,
): Promise<Launched> {
  return patientTransaction(context.db.pages, recordsHeld, async (client) => {
    await lockBulkTurn(client, context, task);
    const room = await askBulkTurn(client, context, task);
    if ('answer' in room) return room.answer;
    await admit(client, room);
    const launched = await enqueueOne(client, context, { ...task, ...placeOf(room) });
    if (launched.outcome !== 'queued') return launched;
    await makeRoom(client, context, room);
    return { ...launched, madeRoom: madeRoomOf(room, isPutOff) };
  });
}

function madeRoomOf({ replaced, behind, startOver }: Room, isPutOff: boolean): MadeRoom | null {
  if (replaced.length + behind.length === 0) return null;
  const [isReplaced, isBehind] = [replaced.length > 0, behind.length > 0];
  return { isReplaced, isBehind, isStartedOver: startOver !== null, isPutOff };
}

async function getPreview(
  context: TaskContext,
  { resource, principal, operationId, operation }: Launch,
): Promise<Preview> {
  const preview = await findPreview(context, resource, principal, operationId);
  if (preview?.operation === operation) return preview;
  throw new AppError(
    'preview-gone',
    409,
    'This form is no longer valid. Open it again from your selection.',
  );
}

/** A resource may ask for a reason, and above so many records insist on one. */
export function assertReason(
  { reason }: Resource,
  recordCount: number,
  given: string | null,
): void {
  if (reason.requiredAbove === null || recordCount <= reason.requiredAbove || given !== null)
    return;
  const message = `Say why: above ${reason.requiredAbove.toLocaleString('en')} records a reason is asked for.`;
  throw new AppError('invalid-operation', 422, message, { fieldErrors: { reason: message } });
}

/** What is kept of a selection: its own row may change or go. */
export function frozenForm({ kind, filter, keys, exclusions }: Selection): NewTask['selection'] {
  return kind === 'ticked' ? { kind, filter, keys } : { kind, filter, exclusions };
}
