import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { type Cascade, findCascade } from '../../operations/cascade/dependants.ts';
import type { Undone } from '../../operations/contract.ts';
import { journal, undoneBy } from '../../operations/journal-kind.ts';
import {
  actionOf,
  assertMayRun,
  findOperation,
  mayUndo,
  type OperationKind,
  undoneOf,
} from '../../operations/operations.ts';
import { isFixed } from '../../operations/rules/fixed-fields.ts';
import { assertNoRule } from '../../operations/rules/rewrite-rules.ts';
import type { Shape } from '../../operations/undo/entries-of-keys.ts';
import type { CascadedModel } from '../../operations/undo/recreate-sql.ts';
import type { UndoneParameters } from '../../operations/undo/undo-parameters.ts';
import type { Action } from '../../resources/actions.ts';
import type { Resource } from '../../resources/contract.ts';
import { assertCan, can } from '../../resources/permissions.ts';
import type { TaskContext } from '../context.ts';
import type { BulkTask, TaskRow } from '../task-row.ts';
import type { FollowUp } from './follow-up.ts';
import { assertWroteNothingElse, changedResources } from './undone-through.ts';

/**
 * What takes back a task, or chosen records of it: one for each resource whose records it changed.
 * Throws AppError 'nothing-to-undo', 'images-gone', 'not-undoable' (409), 'forbidden' (403).
 */
export async function undoOf(
  context: TaskContext,
  principal: Principal,
  task: TaskRow,
  { operationId, chosen = null }: { operationId: string; chosen?: readonly string[] | null },
): Promise<[FollowUp, ...FollowUp[]]> {
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
  return [first, ...others];
}

function undoTitle(title: string): string {
  if (title.startsWith('Undo: ')) return `Redo: ${title.slice(6)}`;
  return `Undo: ${title.startsWith('Redo: ') ? title.slice(6) : title}`;
}

export function nothingToUndo(): AppError {
  return new AppError(
    'nothing-to-undo',
    409,
    'This task changed nothing that could be taken back.',
  );
}

/** What a task did to records of one resource. */
export interface UndonePart {
  task: TaskRow;
  resource: Resource;
  parameters: UndoneParameters;
}

export async function prepareUndo(
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
  const isPutAway = putsAway(resource, done) && shapes.some(({ kind }) => kind === journal.changed);
  if (!isPutAway) for (const { fields } of shapes) assertMayChange(resource, principal, fields);
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
    ...(isPutAway && { isPutAway }),
    ...done,
  };
  return { task, resource, parameters };
}

/** Was it a delete that was done first, whatever became of the records? */
function putsAway(resource: Resource, { what }: Partial<Undone>): boolean {
  const action = what && findOperation(resource, what.operation)?.action;
  return action === 'bulk-delete';
}

function doneFirst(resource: Resource, task: TaskRow): Partial<Undone> {
  const undone = undoneOf(resource, task);
  if (undone) return { ...undone, isRedo: !undone.isRedo };
  const { operation, parameters } = task;
  return { what: { operation, parameters } };
}

/** A model of whose records a task changed some. */
export interface ChangedModel {
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

export async function countChanged(
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
