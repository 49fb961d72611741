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
import { can } from '../../resources/permissions.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import type { Launched } from '../launched.ts';
import type { TaskRow } from '../task-row.ts';
import { getFinished, launchFollowUp } from './retry.ts';

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
  const { task, resource, parameters } = await prepareUndo(context, principal, taskId);
  const total = await countChanged(context, task, chosen);
  const keys = await firstChanged(context, task, chosen, judgedRecords);
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
 * too. A record that no longer holds what the task wrote is refused and named, and stays as it is.
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
  const { task, resource, parameters } = await prepareUndo(context, principal, taskId);
  const expected = await countChanged(context, task, chosen);
  if (expected === 0) throw nothingToUndo();
  return launchFollowUp(context, {
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

async function prepareUndo(context: TaskContext, principal: Principal, taskId: number) {
  const { task, resource } = await getFinished(context, principal, taskId);
  const action = actionOf(resource, task);
  assertMayRun(resource, principal, task);
  if (!mayUndo(resource, principal, task))
    throw new AppError('not-undoable', 409, 'What this operation does is not taken back.');
  const shapes = await shapesOf(context, task);
  for (const { fields } of shapes) assertMayChange(resource, principal, fields);
  const recreates = shapes.some(({ kind }) => kind === journal.deleted);
  const cascade = recreates
    ? await assertRecreatable(context, principal, task, resource, action)
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
    action,
    shapes,
    columns,
    along: cascade,
    ...doneFirst(resource, task),
  };
  return { task, resource, parameters };
}

function doneFirst(resource: Resource, task: TaskRow): Partial<Undone> {
  const undone = undoneOf(resource, task);
  if (undone) return { ...undone, isRedo: !undone.isRedo };
  const { operation, parameters } = task;
  return { what: { operation, parameters } };
}

async function shapesOf({ db }: TaskContext, task: TaskRow): Promise<Shape[]> {
  const { rows } = await db.pages.query<Shape & { isGone: boolean }>(
    `select kind, fields, bool_and(before is null and after is null) as "isGone"
     from ${db.t.change} where task_id = $1 and model = $2 group by kind, fields order by kind`,
    [task.id, task.model],
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
  task: TaskRow,
  chosen: readonly string[] | null,
): Promise<number> {
  const { rows } = await db.pages.query<{ count: number }>(
    chosen
      ? `select count(distinct key)::int as count from ${db.t.change} cross join unnest(keys) key where task_id = $1 and model = $2 and key = any($3::text[])`
      : `select coalesce(sum(cardinality(keys)), 0)::int as count from ${db.t.change} where task_id = $1 and model = $2`,
    [task.id, task.model, ...(chosen ? [chosen] : [])],
  );
  return rows[0]?.count ?? 0;
}

/** Keys of records that a task changed, in their order, after `last`. */
export async function firstChanged(
  { db }: Pick<TaskContext, 'db'>,
  task: TaskRow,
  chosen: readonly string[] | null,
  limit: number,
  last = '',
): Promise<string[]> {
  const { rows } = await db.pages.query<{ key: string }>(
    `select distinct key from ${db.t.change} cross join unnest(keys) key
     where task_id = $1 and model = $2 and key > $3 and ($4::text[] is null or key = any($4::text[])) order by key limit $5`,
    [task.id, task.model, last, chosen, limit],
  );
  return rows.map(({ key }) => key);
}
