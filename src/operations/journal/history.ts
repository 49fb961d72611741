import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { TableNames } from '../../db/names.ts';
import { empty, query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import { limits } from '../../limits.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { cutSql, titleText } from '../../selection/cut.ts';
import { type JournalKind, journal } from '../journal-kind.ts';
import { imageAt } from './kept-images.ts';

/** One change of a record: by a form, or by a task. */
export interface HistoryEntry {
  id: string;
  kind: JournalKind;
  at: Date;
  principalId: string;
  principalName: string;
  reason: string | null;
  task: HistoryTask | null;
  /** It went with another record, or came back with it. */
  isCascaded: boolean;
  /** Values that were written, as text; null: only that it happened is still kept. */
  values: readonly ChangedValue[] | null;
}

/** The task that made a change, as far as it is to be told whether it can be undone. */
export interface HistoryTask {
  id: number;
  title: string;
  resource: string;
  principalId: string;
  operation: string;
  parameters: unknown;
  isFinished: boolean;
}

export interface ChangedValue {
  field: ResourceField;
  /**
   * As the database writes them, long ones cut off; null for nothing. Of a new record there is no
   * before, of a deleted one no after.
   */
  before: string | null;
  after: string | null;
  /** Those of the two that are cut off. */
  cut: readonly ('before' | 'after')[];
}

export interface HistoryPage {
  entries: HistoryEntry[];
  /** Id of the last entry, where there are older ones. */
  olderThan: string | null;
}

/** Longer values are cut off by the database, but for lists of ids. */
const maxShownLength = 1_000;

/** Of a long value its beginning, and what tells it from another. */
interface CutValue {
  cut: string;
  length: number;
  digest: string;
}

type Image = Record<string, string | CutValue | null> | null;

function wholeNames({ fields }: Resource): string[] {
  return fields
    .filter(({ relation }) => relation?.kind === 'many-to-many')
    .map(({ meta }) => meta.name);
}

interface ChangeRow {
  id: string;
  kind: HistoryEntry['kind'];
  at: Date;
  principal_id: string;
  principal_name: string;
  change_reason: string | null;
  fields: string[];
  task_id: number | null;
  task_title: string | null;
  task_owner: string | null;
  task_resource: string | null;
  task_operation: string;
  task_parameters: unknown;
  task_finished: boolean;
  is_cascaded: boolean;
  before: Image;
  after: Image;
}

/**
 * Every change of a record that the store keeps, newest first, one statement whose cost does not
 * grow with the records of a task. Fields that the principal may not see are in none; a change of
 * nothing else is left out.
 */
export async function readHistory(
  db: Database,
  resource: Resource,
  key: string,
  olderThan: string | null,
): Promise<HistoryPage> {
  const { t } = db;
  const change = raw(t.change);
  const own = shared(sql`${key}::text`);
  const entries = recordChangesSql(t, resource.model.name, own);
  const before = shared(sql`${olderThan}::bigint`);
  const { rows } = await query<ChangeRow>(
    db.pages,
    sql`select c.id::text as id, c.kind, c.at, c.principal_id, c.principal_name, c.change_reason, c.fields, c.task_id,
       task.title as task_title, task.principal_id as task_owner, task.resource as task_resource,
       task.operation as task_operation, task.parameters as task_parameters, task.finished_at is not null as task_finished, c.along_with is not null as is_cascaded,
       ${imagesSql('c', 'place.at', resource)}
     from (${entries}) entries join ${change} c using (id) left join ${raw(t.task)} task on task.id = c.task_id
       cross join lateral (select array_position(c.keys, ${own}) - 1 as at) place
     where ${before} is null or c.id < ${before} order by c.id desc limit ${limits.shown.changes + 1}`,
  );
  const shown = rows.slice(0, limits.shown.changes);
  return {
    entries: shown
      .map((row) => entryOf(resource, row))
      .filter((entry) => entry.kind !== journal.changed || entry.values?.length !== 0),
    olderThan: rows.length > limits.shown.changes ? (shown.at(-1)?.id ?? null) : null,
  };
}

/**
 * SQL: ids of every change of a record that the store keeps. What it costs does not grow with the
 * records of a task. `key` is shared.
 */
export function recordChangesSql(t: TableNames, modelName: string, key: Sql): Sql {
  const change = raw(t.change);
  const model = shared(sql`${modelName}`);
  return sql`with recursive tasks as (
       (select task_id from ${change} where model = ${model} and cardinality(keys) > 20 order by task_id desc limit 1)
       union all
       select (select c.task_id from ${change} c where c.model = ${model} and cardinality(c.keys) > 20 and c.task_id < tasks.task_id order by c.task_id desc limit 1)
       from tasks where tasks.task_id is not null
     ), entries as (
       select id from ${change} where model = ${model} and first_key = ${key} and task_id is null
       union
       select id from ${change} where model = ${model} and keys @> array[${key}] and task_id is not null and cardinality(keys) <= 20
       union
       select id from ${change} where model = ${model} and keys @> array[${key}] and along_with is not null
       union
       select c.id from tasks cross join lateral (
         select nearest.chunk from ${change} nearest
         where nearest.model = ${model} and cardinality(nearest.keys) > 20 and nearest.task_id = tasks.task_id and nearest.first_key <= ${key}
         order by nearest.first_key desc limit 1
       ) nearest join ${change} c on c.model = ${model} and cardinality(c.keys) > 20 and c.task_id = tasks.task_id
         and c.first_key <= ${key} and c.chunk is not distinct from nearest.chunk
         and c.first_key >= coalesce((select first_key from ${raw(t.chunk)} where task_id = tasks.task_id and number = nearest.chunk), '')
       where ${key} = any(c.keys)
     )
     select id from entries`;
}

/** SQL: the two images of one record among those of a change; a place counts from 0. */
function imagesSql(change: string, place: string, resource: Resource): Sql {
  const whole = shared(sql`${wholeNames(resource)}::text[]`);
  const max = raw(String(maxShownLength));
  const image = (
    found: string,
  ) => sql`(select jsonb_object_agg(key, case when length(value) > ${max} and key <> all(${whole})
      then jsonb_build_object('cut', left(value, ${max}), 'length', length(value), 'digest', md5(value)) else to_jsonb(value) end)
    from jsonb_each_text(${raw(found)}))`;
  return sql`${image(imageAt(`${change}.before`, place))} as before, ${image(imageAt(`${change}.after`, place))} as after`;
}

function entryOf(resource: Resource, row: ChangeRow): HistoryEntry {
  const {
    id,
    kind,
    at,
    principal_id: principalId,
    principal_name: principalName,
    change_reason: reason,
  } = row;
  const task = taskOf(row);
  return {
    id,
    kind,
    at,
    principalId,
    principalName,
    reason,
    task,
    isCascaded: row.is_cascaded,
    values: valuesOf(resource, row),
  };
}

type TaskColumns = Pick<
  ChangeRow,
  | 'task_id'
  | 'task_title'
  | 'task_owner'
  | 'task_resource'
  | 'task_operation'
  | 'task_parameters'
  | 'task_finished'
>;

function taskOf(row: TaskColumns): HistoryTask | null {
  if (row.task_id === null) return null;
  return {
    id: row.task_id,
    title: row.task_title ?? '',
    resource: row.task_resource ?? '',
    principalId: row.task_owner ?? '',
    operation: row.task_operation,
    parameters: row.task_parameters,
    isFinished: row.task_finished,
  };
}

function valuesOf(
  resource: Resource,
  { kind, fields, before, after }: Pick<ChangeRow, 'kind' | 'fields' | 'before' | 'after'>,
): ChangedValue[] | null {
  const written = resource.fields.filter(
    ({ meta }) => !meta.isUpdatedAt && (kind !== journal.changed || fields.includes(meta.name)),
  );
  // Only that it happened outlives the images; what the principal may not see is not even that.
  if (!before && !after) return written.length === 0 ? [] : null;
  return written
    .map((field) => ({ field, before: valueIn(field, before), after: valueIn(field, after) }))
    .filter((value) => digestOf(value.before) !== digestOf(value.after))
    .map(({ field, before: was, after: is }) => {
      const cut = [
        isLong(was) ? (['before'] as const) : [],
        isLong(is) ? (['after'] as const) : [],
      ].flat();
      return { field, before: shownOf(was), after: shownOf(is), cut };
    });
}

/**
 * All of a value that a change of the record wrote, or wrote over; null: it is not kept, or there
 * was none.
 */
export async function readChangedValue(
  db: Database,
  { model }: Resource,
  key: string,
  change: string,
  { meta }: ResourceField,
  side: 'before' | 'after',
): Promise<string | null> {
  const { rows } = await db.pages.query<{ value: string | null }>(
    `select coalesce(image.one ->> $4::text, image.one ->> $5::text) as value
     from ${db.t.change} c cross join lateral (select ${imageAt(`c.${side}`, '(array_position(c.keys, $2) - 1)')} as one) image
     where c.id = $1::bigint and c.model = $3 and $2 = any(c.keys)`,
    [change, key, model.name, meta.name, columnName(meta)],
  );
  return rows[0]?.value ?? null;
}

function isLong(value: string | CutValue | null): value is CutValue {
  return value !== null && typeof value === 'object';
}

/** A whole record's image has names of columns, a change's has names of fields. */
function valueIn({ meta }: ResourceField, image: Image): string | CutValue | null {
  return image?.[meta.name] ?? image?.[columnName(meta) ?? ''] ?? null;
}

function digestOf(value: string | CutValue | null): string | null {
  return isLong(value) ? value.digest : value;
}

function shownOf(value: string | CutValue | null): string | null {
  return isLong(value) ? `${value.cut}… (${value.length.toLocaleString('en')} characters)` : value;
}

/** What a task did to one record. */
export interface TaskChange {
  key: string;
  /** Of the change that keeps it. */
  id: string;
  kind: HistoryEntry['kind'];
  /** Of the image; null where it has none. */
  title: string | null;
  /** Null: the values are no longer kept. */
  values: readonly ChangedValue[] | null;
  /** Fields that were written and that the principal may not see. */
  hiddenCount: number;
}

interface TaskChangeRow extends Pick<ChangeRow, 'id' | 'kind' | 'fields' | 'before' | 'after'> {
  key: string;
  title: string | null;
}

/**
 * The records of its model that a task changed, in the order of their keys, after `after` and up to `until`; one
 * statement that reads what a page shows and one chunk at most, however many there are: the changes
 * of a task begin in the order of keys, each with one record at least, and only those of one chunk
 * lie across another.
 */
export async function listTaskChanges(
  db: Database,
  resource: Resource,
  taskId: number,
  { after, until = null, limit }: { after: string; until?: string | null; limit: number },
): Promise<{ changes: TaskChange[]; next: string | null }> {
  const { t } = db;
  const { model, titleField } = resource;
  const change = raw(t.change);
  const [task, ofModel, from, last] = [
    shared(sql`${taskId}`),
    shared(sql`${model.name}`),
    shared(sql`${after}`),
    shared(sql`${until}::text`),
  ] as const;
  const max = shared(sql`${limit + 1}`);
  const image = raw(`(${imageAt('c.before', '(item.place::int - 1)')})`);
  const title = sql`coalesce(${image} ->> ${columnName(model.fields[titleField]) ?? titleField}, ${image} ->> ${titleField})`;
  const { rows } = await query<TaskChangeRow>(
    db.pages,
    sql`with nearest as (
       select chunk from ${change} where task_id = ${task} and model = ${ofModel} and first_key <= ${from} order by first_key desc limit 1
     ), candidates as (
       select c.id from nearest join ${change} c on c.task_id = ${task} and c.model = ${ofModel} and c.chunk is not distinct from nearest.chunk and c.first_key <= ${from}
         and c.first_key >= coalesce((select first_key from ${raw(t.chunk)} where task_id = ${task} and number = nearest.chunk), '')
       union all
       (select id from ${change} where task_id = ${task} and model = ${ofModel} and first_key > ${from} order by first_key limit ${max})
     ), page as (
       select distinct item.key from candidates join ${change} c using (id) cross join unnest(c.keys) item(key)
       where item.key > ${from} and (${last} is null or item.key <= ${last}) order by item.key limit ${max}
     )
     select item.key, c.id::text as id, c.kind, c.fields, ${imagesSql('c', '(item.place::int - 1)', resource)},
       left(${title}, ${raw(String(limits.shown.titleLength + 1))}) as title
     from candidates join ${change} c using (id) cross join unnest(c.keys) with ordinality item(key, place)
     where item.key in (select key from page) order by item.key, c.id`,
  );
  const keys = [...new Set(rows.map(({ key }) => key))];
  const shown = new Set(keys.slice(0, limit));
  const changes = rows.filter(({ key }) => shown.has(key)).map((row) => taskChange(resource, row));
  return { changes, next: keys.length > limit ? (keys[limit - 1] ?? null) : null };
}

function taskChange(resource: Resource, row: TaskChangeRow): TaskChange {
  const { key, id, kind, fields } = row;
  const isSeen = (name: string) => resource.fields.some(({ meta }) => meta.name === name);
  const hidden = fields.filter(
    (name) => !isSeen(name) && !resource.model.fields[name]?.isUpdatedAt,
  );
  const title = row.title === null ? null : titleText(row.title);
  return {
    key,
    id,
    kind,
    title,
    values: valuesOf(resource, row),
    hiddenCount: kind === journal.changed ? hidden.length : 0,
  };
}

/** A record that is no longer there. */
export interface DeletedRecord {
  key: string;
  title: string | null;
  at: Date;
  principalName: string;
  task: HistoryTask | null;
  /**
   * Whether what it was is still kept, and was deleted for its own sake: what went along comes back
   * with what it went with.
   */
  isKept: boolean;
}

/** A place in the list of deleted records: a change, and a record among its many. */
const cursorPattern = /^(\d{1,18})-(\d{1,9})$/;

/**
 * Records of the model that were deleted here, newest first: one page of them, after `cursor`; and
 * those that a hook put away, by one of the operations `deletes`.
 */
export async function listDeleted(
  db: Database,
  resource: Resource,
  principal: Principal,
  cursor: string | null,
  deletes: readonly string[] = [],
) {
  const { model, titleField, hooks } = resource;
  // A scope cannot be asked about what is not there, nor about what was put out of it; but whoever
  // put that away knows it.
  const isScoped = resource.scope(principal) !== null;
  if (isScoped && !hooks.delete) return { records: [], next: null };
  const [, change = null, place = null] = cursorPattern.exec(cursor ?? '') ?? [];
  const [changeTable, taskTable] = [raw(db.t.change), raw(db.t.task)];
  const whose = isScoped ? sql`and principal_id = ${principal.id}` : empty;
  const putAway = sql`c.kind = 'update' and c.task_id = any(array(
       select id from ${taskTable} where model = ${model.name} and operation = any(${deletes}::text[]) ${whose}))`;
  const deleted = raw(`c.kind = 'delete'`);
  const wanted = isScoped ? putAway : hooks.delete ? sql`(${deleted} or ${putAway})` : deleted;
  const image = raw(`(${imageAt('c.before', '(item.place::int - 1)')})`);
  const title = raw(cutSql('named.title', limits.shown.titleLength));
  const after = sql`(${change}::bigint is null or c.id <= ${change}::bigint)
       and (${change}::bigint is null or c.id < ${change}::bigint or item.place > ${place}::bigint)`;
  const { rows } = await query<DeletedRow>(
    db.pages,
    sql`select c.id::text as id, c.kind, item.place::text as place, item.key, c.at, c.principal_name, c.before is not null and c.along_with is null as is_kept,
       task.id as task_id, task.title as task_title, task.principal_id as task_owner, task.resource as task_resource, task.operation as task_operation,
       task.parameters as task_parameters, task.finished_at is not null as task_finished, ${title} as title
     from ${changeTable} c cross join lateral unnest(c.keys) with ordinality as item(key, place)
       cross join lateral (select coalesce(${image} ->> ${columnName(model.fields[titleField]) ?? titleField}, ${image} ->> ${titleField}) as title) named
       left join ${taskTable} task on task.id = c.task_id
     where c.model = ${model.name} and ${wanted} and ${after}
     order by c.id desc, item.place limit ${limits.shown.deleted + 1}`,
  );
  const shown = rows.slice(0, limits.shown.deleted);
  const titles = await titlesPutAway(
    db,
    resource,
    shown.filter(({ kind, title }) => kind === journal.changed && title === null),
  );
  const records: DeletedRecord[] = shown.map((row) => ({
    key: row.key,
    title: row.title === null ? (titles.get(`${row.id} ${row.key}`) ?? null) : titleText(row.title),
    at: row.at,
    principalName: row.principal_name,
    task: taskOf(row),
    isKept: row.is_kept,
  }));
  const last = shown.at(-1);
  return {
    records,
    next: rows.length > limits.shown.deleted && last ? `${last.id}-${last.place}` : null,
  };
}

/**
 * What records were called when a hook put them away, by the change that did: they are there, and
 * what others have called them since is for who sees them now.
 */
async function titlesPutAway(
  { pages, t }: Database,
  { model, titleField }: Resource,
  rows: readonly { id: string; key: string }[],
): Promise<Map<string, string>> {
  const column = model.fields[titleField]?.column;
  if (rows.length === 0 || !column) return new Map();
  const keys = rows.map(({ key }) => key);
  const now = raw(`${keySql(model, 't')} as key, t.${column}::text as title from ${model.table} t`);
  const changeTable = raw(t.change);
  const image = raw(`(${imageAt('c.before', '(array_position(c.keys, asked.key) - 1)')})`);
  const changes = recordChangesSql(t, model.name, raw('asked.key'));
  const title = raw(
    cutSql(
      'case when since.id is null then now.title else since.title end',
      limits.shown.titleLength,
    ),
  );
  const { rows: found } = await query<{ id: string; key: string; title: string | null }>(
    pages,
    sql`with now as (select ${now} where ${keyCondition(model, 't', keys)})
     select asked.id::text as id, asked.key, ${title} as title
     from unnest(${rows.map(({ id }) => id)}::bigint[], ${keys}::text[]) asked(id, key) left join now using (key)
       left join lateral (
         select c.id, coalesce(${image} ->> ${columnName(model.fields[titleField]) ?? titleField}, ${image} ->> ${titleField}) as title
         from (${changes}) changes join ${changeTable} c using (id)
         where c.id > asked.id and (c.kind <> 'update' or ${titleField} = any(c.fields)) order by c.id limit 1
       ) since on true`,
  );
  return new Map(
    found.flatMap(({ id, key, title: text }) => (text ? [[`${id} ${key}`, titleText(text)]] : [])),
  );
}

interface DeletedRow extends TaskColumns {
  id: string;
  kind: JournalKind;
  place: string;
  key: string;
  title: string | null;
  at: Date;
  principal_name: string;
  is_kept: boolean;
}

function columnName(meta: FieldMeta | undefined): string | null {
  return meta?.dbColumn ?? null;
}
