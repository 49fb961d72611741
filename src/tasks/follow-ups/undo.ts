import type { Principal } from '../../auth/principal.ts';
import { journal } from '../../operations/journal-kind.ts';
import {
  countCascadedStatement,
  judgeStatement,
  sentences,
} from '../../operations/undo/undo-sql.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { getTask } from '../looking/queries.ts';
import type { TaskRow } from '../task-row.ts';
import {
  type ChangedModel,
  countChanged,
  nothingToUndo,
  prepareUndo,
  type UndonePart,
  undoOf,
} from './prepare-undo.ts';
import { assertFinished, launchFollowUp } from './retry.ts';
import { launchUndoRun } from './undo-run.ts';
import { hasUndo } from './undone-through.ts';

/** Records that a preview judges exactly; of more, it judges the first of these and says so. */
const judgedRecords = 5_000;

export interface UndoPreview {
  task: TaskRow;
  resource: Resource;
  /** Records that the task changed, or as many of them as were chosen. */
  total: number;
  judged: number;
  /** Would be taken back, hold already what was there before, are no longer there. */
  restored: number;
  unchanged: number;
  gone: number;
  /** Would come back along with them. */
  cascade: readonly { resource: Resource; count: number }[];
  /** Would be refused, by reason, with the first keys of each. */
  refused: readonly { code: string; message: string; count: number; keys: readonly string[] }[];
}

/**
 * What undoing a task, or the chosen records of it, would do. Writes nothing. Throws what `undo`
 * throws.
 */
export async function previewUndo(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  chosen: readonly string[] | null,
): Promise<UndoPreview> {
  const [first] = await previewUndos(context, principal, taskId, chosen);
  if (!first) throw nothingToUndo();
  return first;
}

/** The same of each resource whose records the task changed; none: its own code takes it back. */
export async function previewUndos(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  chosen: readonly string[] | null,
): Promise<UndoPreview[]> {
  const task = await getTask(context, principal, taskId);
  assertFinished(task);
  if (task.kind === 'own' && hasUndo(context, task)) return [];
  const previews: UndoPreview[] = [];
  for (const part of await prepareUndo(context, principal, task))
    previews.push(await previewPart(context, principal, part, chosen));
  return previews;
}

async function previewPart(
  context: TaskContext,
  principal: Principal,
  { task, resource, parameters }: UndonePart,
  chosen: readonly string[] | null,
): Promise<UndoPreview> {
  const of = { id: task.id, model: resource.model.name };
  const total = await countChanged(context, of, chosen);
  const keys = await firstChanged(context, of, chosen, judgedRecords);
  const preview = {
    task,
    resource,
    total,
    judged: keys.length,
    restored: 0,
    unchanged: 0,
    gone: 0,
    cascade: [] as UndoPreview['cascade'][number][],
    refused: [] as UndoPreview['refused'][number][],
  };
  if (keys.length === 0) return preview;
  const author = {
    taskId: null,
    chunk: null,
    principalId: principal.id,
    principalName: principal.name,
    changeReason: null,
  };
  const target = { resource, t: context.db.t, serverVersion: context.db.version, author };
  for (const shape of parameters.shapes) {
    const { text, values } = judgeStatement(target, keys, parameters, shape);
    const { rows } = await context.db.pages.query<{
      state: string;
      field: string | null;
      count: number;
      keys: string[];
    }>(text, values);
    for (const { state, field, count, keys: named } of rows) {
      if (state === 'restore') preview.restored += count;
      else if (state === 'unchanged' || state === 'gone') preview[state] += count;
      else {
        const code = field ? `${state}:${field}` : state;
        preview.refused.push({
          code,
          message: sentences(resource, shape, parameters.along)[code] ?? code,
          count,
          keys: named,
        });
      }
    }
    if (shape.kind === journal.deleted && parameters.along?.length) {
      const counting = countCascadedStatement(target, keys, parameters, shape);
      const { rows: back } = await context.db.pages.query<{ model: string; count: number }>(
        counting.text,
        counting.values,
      );
      for (const { model, count } of back) {
        const own = resource.related(model);
        if (own && count > 0) preview.cascade.push({ resource: own, count });
      }
    }
  }
  return preview;
}

/**
 * Launches the undo of a task, or of chosen records of it: a task of its own, which can be undone
 * too; one for each resource whose records a run changed. A record that no longer holds what the task wrote is refused and named, and stays as it is.
 * Throws AppError 'not-finished', 'nothing-to-undo', 'images-gone', 'not-undoable' (409),
 * 'forbidden' (403).
 */
export async function undo(
  context: TaskContext,
  principal: Principal,
  taskId: number,
  { operationId, chosen }: { operationId: string; chosen: readonly string[] | null },
): Promise<Launched> {
  const earlier = await findTaskByOperation(context.db, principal, operationId);
  if (earlier) return { task: earlier, outcome: 'already' };
  const task = await getTask(context, principal, taskId);
  assertFinished(task);
  if (task.kind === 'own' && hasUndo(context, task))
    return launchUndoRun(context, principal, task, operationId);
  const [first, ...others] = await undoOf(context, principal, task, { operationId, chosen });
  return launchFollowUp(context, first, ...others);
}

/** Keys of records that a task changed, in their order, after `last`. */
export async function firstChanged(
  { db }: Pick<TaskContext, 'db'>,
  { id, model }: ChangedModel,
  chosen: readonly string[] | null,
  limit: number,
  last = '',
): Promise<string[]> {
  const { rows } = await db.pages.query<{ key: string }>(
    `select distinct key from ${db.t.change} cross join unnest(keys) key
     where task_id = $1 and model = $2 and key > $3 and ($4::text[] is null or key = any($4::text[])) order by key limit $5`,
    [id, model, last, chosen, limit],
  );
  return rows.map(({ key }) => key);
}
