import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';
import { assertMayBegin, assertNoRuleFor, getOperation } from '../../operations/operations.ts';
import { inOrder } from '../../plain-json.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Where } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import {
  countSelection,
  getSelection,
  type Selection,
  selectionWhere,
} from '../../selection/selection.ts';
import { callFor } from '../call-for.ts';
import { backendOfBulk } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { inInlineTurn } from '../inline-turns.ts';
import { findTaskByKey, findTaskByOperation, insertTask, type NewTask } from '../insert-task.ts';
import { earlierTask, type Launched, recordsHeld } from '../launched.ts';
import { findPreview, type Preview, previewed } from '../previewing/preview.ts';
import { defaultRunOptions, type RunOptions } from '../run-options.ts';
import { readKeys } from '../running/freeze.ts';
import { overlapMessage } from '../running/prepare.ts';
import { countCascadeInline, runsInline } from '../runs-inline.ts';
import { type BulkTask, selectTask } from '../task-row.ts';
import { probeOverlap } from './probe-overlap.ts';
import { assertQueueRoom } from './queue-room.ts';
import { runInline } from './run-inline.ts';

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
  const isPutOff =
    (options.inBackground || preview.isPutOff || preview.findings?.isUntried === true) &&
    resource.hasBackground;
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
      context,
      resource,
      { count, cascadeCount, kind, operation: request.operation },
      principal,
    );
  const keys = await readKeys(
    registry,
    resource.model,
    where,
    isInline(preview.recordCount) ? limits.bulk.inline + 1 : 1,
  );
  if (keys.length === 0) throw new AppError('empty-selection', 422, 'Nothing is selected.');
  const task: NewTask = {
    operationId,
    isFromPage: true,
    taskKey: fingerprint({ ...request, parameters, selection: frozenForm(selection) }),
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
  };
  const running = await findTaskByKey(db, task.taskKey);
  if (running) return earlierTask(running, operationId);
  task.meta = await askedMeta(context, task);

  if (isInline(preview.recordCount) && isInline(keys.length)) {
    try {
      return await runInline(context, task, keys);
    } catch (error) {
      const isToWait =
        error instanceof AppError &&
        error.code === 'overlap' &&
        task.options.overlap === 'wait' &&
        backendOfBulk(context, { ...task, count: task.expected }) !== inlineName;
      if (!isToWait) throw error;
    }
  }
  if (task.options.overlap === 'refuse') await assertNoOverlap(context, resource, where);
  await assertQueueRoom(db.pages, context, principal);
  return enqueue(context, task);
}

/** What the manager of its resource keeps with it; throws what that refuses it with. */
export function askedMeta(
  { onLaunch }: TaskContext,
  { operation: name, resource: { slug: resource }, principal, meta }: NewTask,
): Promise<unknown> {
  return onLaunch({ name, resource, principal, meta });
}

/** Throws AppError 'overlap' (409) where other tasks plainly hold some of the records. */
export async function assertNoOverlap(
  context: TaskContext,
  resource: Resource,
  where: Where,
): Promise<void> {
  const holders = await probeOverlap(context, resource, where);
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
  const all = [task, ...others];
  const backends = all.map((one) => backendOfBulk(context, { ...one, count: one.expected }));
  const isInline = backends.includes(inlineName);
  if (isInline) for (const one of all) assertFitsInline(one);
  const insert = () =>
    patientTransaction(context.db.pages, recordsHeld, async (client) => {
      const launched: Launched[] = [];
      for (const [index, one] of all.entries())
        launched.push(await enqueueOne(client, context, one, backends[index] as string));
      return launched;
    });
  const [first] = isInline
    ? await inInlineTurn(context, async () => {
        const launched = await insert();
        for (const one of launched) await runQueuedInline(context, one);
        return launched;
      })
    : await insert();
  return first as Launched;
}

function assertFitsInline({ resource, expected }: NewTask): void {
  if ((expected ?? 0) <= limits.bulk.inline) return;
  throw new AppError('too-many-records', 422, limitTexts.inline(resource.label, true));
}

async function runQueuedInline(context: TaskContext, launched: Launched): Promise<void> {
  if (launched.outcome !== 'queued' || launched.task.backend !== inlineName) return;
  await context.runWithin(launched.task);
  const { rows } = await context.db.pages.query<BulkTask>(
    `${selectTask(context.db.t)} where id = $1`,
    [launched.task.id],
  );
  if (rows[0]) launched.task = rows[0];
  launched.outcome = 'inline';
}

async function enqueueOne(
  client: Queryable,
  context: TaskContext,
  task: NewTask,
  backend: string,
): Promise<Launched> {
  const inserted = await insertTask(client, context.db, task, { backend, state: 'queued' });
  if (!inserted.isNew) return earlierTask(inserted.task, task.operationId);
  await callFor(client, context, backend, { kind: 'bulk', taskIds: [inserted.task.id] });
  return { task: inserted.task, outcome: 'queued' };
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
function frozenForm({ kind, filter, keys, exclusions }: Selection): NewTask['selection'] {
  return kind === 'ticked' ? { kind, filter, keys } : { kind, filter, exclusions };
}

/**
 * Of principal, model, selection and parameters: equal for a repeated launch, whichever form it
 * comes from.
 */
export function fingerprint({
  resource,
  principal,
  operation,
  parameters,
  selection,
}: Pick<Launch, 'resource' | 'principal' | 'operation' | 'parameters'> & {
  selection: NewTask['selection'];
}): string {
  const parts = [principal.id, resource.model.name, operation, parameters, selection];
  return createHash('sha256').update(JSON.stringify(parts, inOrder)).digest('hex');
}
