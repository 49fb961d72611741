import { empty, raw, type Sql, shared, sql } from '../../db/sql.ts';
import { keepsOrder, keySql } from '../../metadata/key-sql.ts';
import { idFieldsOf } from '../../metadata/model-fields.ts';
import { getOperation } from '../../operations/operations.ts';
import type { Where } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import { selectionWhere, whereInScope } from '../../selection/selection.ts';
import { buildWhere } from '../../selection/where.ts';
import type { TaskContext } from '../context.ts';
import { refusedKeysSql } from '../looking/failed-records.ts';
import type { BulkTask } from '../task-row.ts';

/**
 * Where a task's keys come from, as SQL that the database freezes from: rows of `key`, and what to
 * order them by.
 */
export interface KeySource {
  keys: Sql;
  order: 'key' | 'place';
}

/**
 * By a predicate rebuilt from the filter's text, or from what code asks for, and the principal; or
 * from what the task's parent left behind.
 */
export async function keySourceOf(
  context: TaskContext,
  task: BulkTask,
  resource: Resource,
): Promise<KeySource> {
  const { kind, filter, exclusions = [], asOf } = task.selection;
  if (kind === 'refused') return refusedKeys(context, task, resource);
  const { keys, where } = await readGiven(context, task.id);
  if (kind === 'changed') return changedKeys(context, task, resource, keys);
  if (kind === 'where') {
    if (!where) throw new Error(`task ${task.id} does not say which records it is about`);
    return matchingKeys(context, resource, whereInScope(resource, task.principal, where));
  }
  return matchingKeys(
    context,
    resource,
    selectionWhere(resource, task.principal, {
      kind,
      filter,
      exclusions: [...exclusions],
      keys: keys ?? [],
      ...(asOf && { asOf }),
    }),
  );
}

interface Given {
  keys: string[] | null;
  where: Where | null;
}

/** What the task's row says at length; null where it does not. */
async function readGiven({ db }: TaskContext, taskId: number): Promise<Given> {
  const { rows } = await db.background.query<Given>(
    `select case when selection ? 'keys' then array(select jsonb_array_elements_text(selection -> 'keys')) end as keys,
       selection -> 'where' as "where"
     from ${db.t.task} where id = $1`,
    [taskId],
  );
  return rows[0] ?? { keys: null, where: null };
}

/** Keys of the records that a predicate matches, which has the row scope in it. */
export async function matchingKeys(
  { registry }: TaskContext,
  { model }: Pick<Resource, 'model'>,
  where: Where,
): Promise<KeySource> {
  const found = await registry.whereSql(model, where);
  const id = idFieldsOf(model)[0]?.column;
  const keys = sql`select ${raw(`${keySql(model, 't')} collate "C" as key, t.${id} as place`)} from (${found}) t`;
  return { keys, order: keepsOrder(model) ? 'place' : 'key' };
}

/**
 * What the parent could not change and nobody has tried again since, as far as it is in the
 * principal's scope.
 */
function refusedKeys(context: TaskContext, task: BulkTask, resource: Resource): Promise<KeySource> {
  return withinScope(
    context,
    task,
    resource,
    refusedKeysSql(context.db.t, task.followsId, task.selection.code ?? null),
  );
}

/**
 * Keys as far as the principal may see their records; `deleted` are rows of `keys` that have none
 * to be seen.
 */
async function withinScope(
  { registry }: TaskContext,
  { principal }: BulkTask,
  resource: Resource,
  keys: Sql,
  deleted?: Sql,
): Promise<KeySource> {
  if (resource.scope(principal) === null) return { keys, order: 'key' };
  const { model } = resource;
  const found = await registry.whereSql(model, buildWhere(resource, principal, ''));
  const visible = sql`key in (select ${raw(keySql(model, 't'))} collate "C" from (${found}) t)`;
  const gone = deleted ? sql` or key in (select unnest(keys) from (${deleted}) deleted)` : empty;
  return { keys: sql`select key from (${keys}) own where ${visible}${gone}`, order: 'key' };
}

/**
 * What the parent changed, or the chosen part of it, as far as it is in the principal's scope. What
 * it deleted is in nobody's: who may bring that back is asked before (`whyNot`).
 */
async function changedKeys(
  context: TaskContext,
  task: BulkTask,
  resource: Resource,
  chosen: string[] | null,
): Promise<KeySource> {
  const { t } = context.db;
  const given = shared(sql`${chosen}::text[]`);
  const keys = sql`select distinct key from ${raw(t.change)} change cross join unnest(change.keys) key
    where change.task_id = ${task.followsId}::int and change.model = ${task.model} and (${given} is null or key = any(${given}))`;
  const deleted = raw(
    `select keys from ${t.change} where task_id = ${Number(task.followsId)} and kind = 'delete' and along_with is null`,
  );
  // Where it brings them back, or puts them away once more, they are held to the scope as they are
  // then.
  const { parameters } = task;
  const moves = getOperation(resource, task.operation).scopeMove?.(parameters) === 'enters';
  return moves ? { keys, order: 'key' } : withinScope(context, task, resource, keys, deleted);
}
