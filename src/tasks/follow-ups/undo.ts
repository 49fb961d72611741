import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { type Cascade, findCascade } from '../../operations/cascade/dependants.ts';
import type { Undone } from '../../operations/contract.ts';
import { journal, undoneBy } from '../../operations/journal-kind.ts';
import {
  actionOf,
  assertMayRun,
  mayUndo,
  type OperationKind,
  undoneOf,
} from '../../operations/operations.ts';
import { isFixed } from '../../operations/rules/fixed-fields.ts';
import { assertNoRule } from '../../operations/rules/rewrite-rules.ts';
import type { CascadedModel } from '../../operations/undo/recreate-sql.ts';
import type { UndoneParameters } from '../../operations/undo/undo-parameters.ts';
import {
  countCascadedStatement,
  judgeStatement,
  type Shape,
  sentences,
} from '../../operations/undo/undo-sql.ts';
import type { Action } from '../../resources/actions.ts';
import type { Resource } from '../../resources/contract.ts';
import { assertCan, can } from '../../resources/permissions.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import { getTask } from '../looking/queries.ts';
import type { BulkTask, TaskRow } from '../task-row.ts';
import { assertFinished, type FollowUp, launchFollowUp } from './retry.ts';
import { assertWroteNothingElse, changedResources, hasUndo, launchUndoRun } from './undo-run.ts';

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
  const parts = await prepareUndo(context, principal, task);
  if (chosen && parts.length > 1)
    throw new AppError('not-undoable', 409, 'It changed records of several resources: undo all.');
  const followUps: FollowUp[] = [];
  for (const { resource, parameters } of parts) {
    const of = { id: task.id, model: resource.model.name };
    const expected = await countChanged(context, of, chosen);
    if (expected === 0) continue;
    followUps.push({
      parent: task,
      resource,
      principal,
      operationId,
      operation: 'undo' satisfies OperationKind,
      title: undoTitle(task.title),
      parameters,
      selection: { kind: 'changed', filter: '', ...(chosen ? { keys: chosen } : {}) },
      expected,
    });
  }
  const [first, ...others] = followUps;
  if (!first) throw nothingToUndo();
  return launchFollowUp(context, first, ...others);
}

function undoTitle(title: string): string {
  if (title.startsWith('Undo: ')) return `Redo: ${title.slice(6)}`;
  return `Undo: ${title.startsWith('Redo: ') ? title.slice(6) : title}`;
}

function nothingToUndo(): AppError {
  return new AppError(
    'nothing-to-undo',
    409,
    'This task changed nothing that could be taken back.',
  );
}

/** What a task did to records of one resource. */
interface UndonePart {
  task: TaskRow;
  resource: Resource;
  parameters: UndoneParameters;
}

async function prepareUndo(
  context: TaskContext,
  principal: Principal,
  task: TaskRow,
): Promise<UndonePart[]> {
  const { registry, db } = context;
  if (task.kind === 'bulk')
    return [await prepareBulk(context, principal, task, registry.for(principal, task.resource))];
  assertWroteNothingElse(task);
  const slugs = await changedResources(db, task.id);
  if (slugs.length === 0) throw nothingToUndo();
  const parts: UndonePart[] = [];
  for (const slug of slugs) {
    const resource = registry.for(principal, slug);
    assertCan(resource, principal, 'update');
    const action = 'update';
    parts.push(await preparePart(context, principal, task, resource, { action, isOfRun: true }));
  }
  return parts;
}

async function prepareBulk(
  context: TaskContext,
  principal: Principal,
  task: BulkTask,
  resource: Resource,
): Promise<UndonePart> {
  const action = actionOf(resource, task);
  assertMayRun(resource, principal, task);
  if (!mayUndo(resource, principal, task))
    throw new AppError('not-undoable', 409, 'What this operation does is not taken back.');
  const done = { action, ...doneFirst(resource, task) };
  return preparePart(context, principal, task, resource, done);
}

async function preparePart(
  context: TaskContext,
  principal: Principal,
  task: TaskRow,
  resource: Resource,
  done: Pick<UndoneParameters, 'action' | 'isOfRun'> & Partial<Undone>,
): Promise<UndonePart> {
  const of = { id: task.id, model: resource.model.name };
  const shapes = await shapesOf(context, of, done.isOfRun);
  for (const { fields } of shapes) assertMayChange(resource, principal, fields);
  const recreates = shapes.some(({ kind }) => kind === journal.deleted);
  const cascade = recreates
    ? await assertRecreatable(context, principal, task, resource, done.action)
    : [];
  await assertNoRule(
    context.db.pages,
    resource.model,
    shapes.map(({ kind }) => undoneBy[kind]),
    { isSet: true, fields: shapes.flatMap(({ fields }) => fields) },
  );
  const columns = recreates ? await insertableColumns(context.db, resource.model) : [];
  const parameters: UndoneParameters = {
    taskId: task.id,
    title: task.title,
    shapes,
    columns,
    along: cascade,
    ...done,
  };
  return { task, resource, parameters };
}

function doneFirst(resource: Resource, task: TaskRow): Partial<Undone> {
  const undone = undoneOf(resource, task);
  if (undone) return { ...undone, isRedo: !undone.isRedo };
  const { operation, parameters } = task;
  return { what: { operation, parameters } };
}

/** A model of whose records a task changed some. */
interface ChangedModel {
  id: number;
  model: string | null;
}

async function shapesOf(
  { db }: TaskContext,
  { id, model }: ChangedModel,
  isOfRun = false,
): Promise<Shape[]> {
  const changed = `from ${db.t.change} change where task_id = $1 and model = $2`;
  const { rows } = await db.pages.query<Shape & { isGone: boolean }>(
    isOfRun
      ? `select kind, fields, bool_and(is_gone) as "isGone" from (
           select kind, array_agg(distinct field order by field) as fields, bool_and(before is null and after is null) as is_gone
           from (select * ${changed}) change cross join unnest(keys) key cross join unnest(fields) field group by kind, key
         ) done group by kind, fields order by kind`
      : `select kind, fields, bool_and(before is null and after is null) as "isGone" ${changed} group by kind, fields order by kind`,
    [id, model],
  );
  if (rows.length === 0) throw nothingToUndo();
  if (rows.every(({ isGone }) => isGone)) {
    throw new AppError(
      'images-gone',
      409,
      'The values that this task replaced are no longer kept, so it cannot be undone.',
    );
  }
  return rows.map(({ kind, fields }) => ({ kind, fields }));
}

function assertMayChange(
  resource: Resource,
  principal: Principal,
  fields: readonly string[],
): void {
  for (const name of fields) {
    if (!resource.model.fields[name])
      throw new AppError(
        'not-undoable',
        409,
        `The field "${name}" that this task changed is no longer there.`,
      );
    if (isFixed(resource, principal, name))
      throw new AppError('forbidden', 403, 'This task changed fields that you may not change.');
  }
}

/**
 * Asserts that the principal may bring deleted records back, and returns what comes back with them:
 * the records that were kept with the delete, if today's foreign keys still delete no others.
 */
async function assertRecreatable(
  { db, registry }: TaskContext,
  principal: Principal,
  task: TaskRow,
  resource: Resource,
  action: Action,
): Promise<CascadedModel[]> {
  const mayBringBack = (one: Resource) =>
    one.scope(principal) === null || task.principalId === principal.id;
  if (!mayBringBack(resource)) {
    throw new AppError(
      'forbidden',
      403,
      'Only whoever deleted these records, or somebody who may see every one, can bring them back.',
    );
  }
  const { rows } = await db.pages.query<{ kept: string[] }>(
    `select distinct kept_along as kept from ${db.t.change} where task_id = $1 and model = $2 and kind = 'delete' and kept_along is not null`,
    [task.id, task.model],
  );
  const cascade = await findCascade(db.pages, registry, resource.model);
  const going = cascade.isKept
    ? cascade.dependants.map((dependant) => dependant.resource.model.name)
    : null;
  if (
    rows.length === 0 ||
    going === null ||
    rows.some(({ kept }) => going.some((name) => !kept.includes(name)))
  ) {
    throw cascade.isKept || cascade.reason !== 'heirs'
      ? notKept(tablesOf(cascade))
      : ofHeirs(cascade.table);
  }
  const models = [...new Set(rows.flatMap(({ kept }) => kept))];
  return Promise.all(models.map((model) => cascadedModelOf(model)));

  async function cascadedModelOf(model: string): Promise<CascadedModel> {
    const own = registry.list.find((candidate) => candidate.model.name === model);
    if (!own) throw notKept([model]);
    const { rows: found } = await db.pages.query(
      `select 1 from ${db.t.change} where task_id = $1 and along_with = $2 and model = $3 and kind = 'delete' limit 1`,
      [task.id, task.model, model],
    );
    const isThere = found.length > 0;
    const seen = resource.related(model);
    if (isThere && !(seen && can(seen, principal, action) && mayBringBack(seen))) {
      const label = seen ? seen.label.toLowerCase() : 'records that you may not see';
      throw new AppError(
        'forbidden',
        403,
        `What was deleted along with these records is not yours to bring back: ${label}.`,
      );
    }
    return {
      model,
      isThere,
      resource: (seen ?? own).slug,
      singular: (seen ?? own).singular,
      columns: await insertableColumns(db, own.model),
    };
  }
}

function tablesOf(cascade: Cascade): readonly string[] {
  return cascade.isKept
    ? cascade.dependants.map(({ resource }) => resource.model.dbTable)
    : cascade.tables;
}

function ofHeirs(heir: string): AppError {
  const message = `Which table these records were of is not kept, and ${heir} inherits from another here: it cannot be undone.`;
  return new AppError('not-undoable', 409, message);
}

function notKept(tables: readonly string[]): AppError {
  const named = tables.length === 0 ? '' : ` (${tables.join(', ')})`;
  const message = `Deleting also removed what belonged to these records${named}, which is not kept: it cannot be undone.`;
  return new AppError('not-undoable', 409, message);
}

async function insertableColumns(db: TaskContext['db'], model: ModelMeta): Promise<string[]> {
  const { rows } = await db.pages.query<{ column: string }>(
    `select quote_ident(attname) as column from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [model.table],
  );
  return rows.map(({ column }) => column);
}

async function countChanged(
  { db }: TaskContext,
  { id, model }: ChangedModel,
  chosen: readonly string[] | null,
): Promise<number> {
  const { rows } = await db.pages.query<{ count: number }>(
    chosen
      ? `select count(distinct key)::int as count from ${db.t.change} cross join unnest(keys) key where task_id = $1 and model = $2 and key = any($3::text[])`
      : `select case when bool_or(chunk is null) then count(distinct key)::int else count(*)::int end as count from ${db.t.change} cross join unnest(keys) key where task_id = $1 and model = $2`,
    [id, model, ...(chosen ? [chosen] : [])],
  );
  return rows[0]?.count ?? 0;
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
