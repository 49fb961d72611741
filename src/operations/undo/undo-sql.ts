import { escapeLiteral } from 'pg';
import { join, raw, type Sql, type Statement, sql, statementOf } from '../../db/sql.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { givenKeys, type HeldKeys, type KeySet, keySql } from '../../metadata/key-sql.ts';
import { fieldOf, idColumnOf, idFieldsOf } from '../../metadata/model-fields.ts';
import type { Resource } from '../../resources/contract.ts';
import type { ApplyTarget } from '../contract.ts';
import { imaged, linkedIds, linksKey, linksOf, wholeRow } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { entriesOf, gathered } from '../journal/kept-images.ts';
import { writeLinks } from '../journal/links.ts';
import { jsonToTheLetter } from '../journal/stored.ts';
import { type JournalKind, journal, undoneBy } from '../journal-kind.ts';
import { keptBackCode, keptBackMessage } from '../refusals/kept-back.ts';
import type { ColumnTypes } from './column-types.ts';
import { entriesOfKeys, type Shape, type Undoing } from './entries-of-keys.ts';
import { readAsRow, typedText } from './image-values.ts';
import { plainUndo } from './plain-undo.ts';
import {
  type CascadedModel,
  countCascaded,
  judgeDeleted,
  missingCascaded,
  recreate,
} from './recreate-sql.ts';

/**
 * Takes back, for the records of `keys`, what a task did in one way: restores what it updated,
 * creates what it deleted, deletes what it created (`cascadeKept`: as `ChangeParts` has it). A
 * record that no longer holds what the task wrote is refused; one that holds already what was there
 * before is left alone; one that was to be written and was not is kept back. Keeps the change, so
 * that an undo can be undone. One row: changed, unchanged, gone, refusals.
 */
export function undoStatement(
  target: ApplyTarget,
  keys: readonly string[],
  undoing: Undoing,
  shape: Shape,
  cascadeKept?: readonly string[] | null,
): Statement {
  const given = givenKeys(target.resource.model, keys);
  return statementOf(
    sql`${undoParts(target, given, undoing, shape, cascadeKept)} select changed, unchanged, gone, refusals from counted`,
  );
}

/** The same over keys that the server holds: its row is as `Operation.held` says. */
export function heldUndo(
  target: ApplyTarget,
  keys: HeldKeys,
  undoing: Undoing,
  shape: Shape,
  types: ColumnTypes,
): Sql {
  const plain = plainUndo(target, keys, undoing, shape, types);
  if (plain) return plain;
  return sql`${undoParts(target, keys, undoing, shape)} select changed, unchanged, gone, refusals <> '[]' as is_left from counted`;
}

function undoParts(
  target: ApplyTarget,
  keys: KeySet,
  undoing: Undoing,
  shape: Shape,
  cascadeKept?: readonly string[] | null,
): Sql {
  const writing: Readonly<Record<JournalKind, () => Sql[]>> = {
    update: () => restore(target, shape).map(raw),
    delete: () => recreate(target, undoing),
    create: () => remove(target.resource).map(raw),
  };
  const judging = judgingParts(target, undoing, shape, keys, { isLocking: true });
  const parts = [
    ...judging,
    ...writing[shape.kind](),
    ...standing(target, shape, undoing, keys.condition),
    keptPart(target, shape, cascadeKept),
  ];
  const messages = JSON.stringify(sentences(target.resource, shape, undoing.along));
  return sql`with ${join(parts)}, counted as (
      select (select count(*)::int from judged where "_state" = 'restore') as changed,
        (select count(*)::int from judged where "_state" = 'unchanged') as unchanged,
        (select count(*)::int from unlocked where key not in (select key from kept_back)) as gone,
        (select coalesce(jsonb_agg(jsonb_build_object('code', "_state" || coalesce(':' || "_field", ''), 'field', "_field", 'message', ${messages}::jsonb ->> ("_state" || coalesce(':' || "_field", '')), 'keys', keys)), '[]')
          from (select "_state", "_field", jsonb_agg("_key" order by "_key") as keys from judged
            where "_state" not in ('restore', 'unchanged') group by "_state", "_field") refused)
          || (select case when count(*) = 0 then '[]' else jsonb_build_array(jsonb_build_object('code', ${keptBackCode}::text,
            'message', ${keptBackMessage}::text, 'keys', jsonb_agg(key order by key))) end from kept_back) as refusals
    )`;
}

/**
 * What became of the records: `unlocked` are those without a row to write, `kept_back` those that
 * were to be written, or are there and could not be locked, and stand as they were.
 */
function standing(
  { resource: { model }, rewriting }: ApplyTarget,
  shape: Shape,
  { along: cascade = [] }: Undoing,
  condition: Sql,
): Sql[] {
  const key = raw(`${keySql(model, 't')} collate "C"`);
  const isThere = sql`select ${key} from ${raw(model.table)} t where ${condition} and ${key} = any(array(select key from unlocked))`;
  const columns = shape.fields.map((name) => fieldOf(model, name)).filter(({ column }) => column);
  const written: Readonly<Record<Shape['kind'], string | null>> = {
    update: columns.length > 0 ? 'select "_written" from written' : null,
    delete: 'select key from created',
    create: 'select key from removed',
  };
  const hidden =
    shape.kind === journal.deleted ? [] : [sql`select key from unlocked where key in (${isThere})`];
  const unwritten = written[shape.kind]
    ? [
        raw(
          `select "_key" from judged where "_state" = 'restore' and "_key" not in (${written[shape.kind]})`,
        ),
      ]
    : [];
  const asked = columns.filter(({ isUpdatedAt }) => !isUpdatedAt);
  const isPutBack = shape.kind === journal.changed && rewriting?.update && asked.length > 0;
  const same = [
    ...asked.map(
      (field) =>
        `${asImage(imaged(field, `judged.${field.column}`))} is not distinct from "_image" -> '${field.name}'`,
    ),
    ...relationsOf(model, shape).map(
      (field) =>
        `to_jsonb(judged.${linkColumn(field)}) is not distinct from "_before" -> '${field.name}'`,
    ),
  ];
  const back = isPutBack
    ? [
        raw(
          `select "_key" from judged join written on "_written" = "_key" where ${same.join(' and ')}`,
        ),
      ]
    : [];
  const alongside = shape.kind === journal.deleted ? missingCascaded(cascade).map(raw) : [];
  const every = [...hidden, ...unwritten, ...back, ...alongside];
  return [
    raw(
      'unlocked as materialized (select key from image where key not in (select "_key" from judged))',
    ),
    sql`kept_back (key) as (${every.length > 0 ? join(every, ' union ') : raw('select null::text where false')})`,
  ];
}

/** Why a record is not taken back, by code. */
export function sentences(
  { fields, model }: Pick<Resource, 'fields' | 'model'>,
  shape: Shape,
  cascade: readonly CascadedModel[] = [],
): Record<string, string> {
  const labelOf = (name: string) =>
    fields.find(({ meta, name: shown }) => meta.name === name || shown === name)?.label ?? name;
  const edited = [...shape.fields, ...linksOf(model).map(({ name }) => name)].map((name) => [
    `edited-since:${name}`,
    `Edited since: ${labelOf(name)} is no longer what the task wrote.`,
  ]);
  const again = cascade.map((one) => [
    `exists-along:${one.model}`,
    `Something that was deleted with it exists again: ${one.singular.toLowerCase()}.`,
  ]);
  return {
    ...Object.fromEntries([...edited, ...again]),
    'edited-since:*': 'Edited since: it is no longer what the task made.',
    exists: 'A record of this key exists again.',
    'not-kept': 'What was deleted along with it is not kept.',
    purged: 'The values that were there before are no longer kept.',
  };
}

/**
 * What the same statement would find, and writes nothing: rows of state, field, count and the first
 * keys.
 */
export function judgeStatement(
  target: ApplyTarget,
  keys: readonly string[],
  undoing: Undoing,
  shape: Shape,
): Statement {
  const parts = judgingParts(target, undoing, shape, givenKeys(target.resource.model, keys));
  return statementOf(sql`with ${join(parts)}
      select state, field, count(*)::int as count, (array_agg(key order by key))[1:50] as keys from (
        select "_key" as key, "_state" as state, "_field" as field from judged
        union all
        select key, 'gone', null from image where not exists (select 1 from judged where judged."_key" = image.key)
      ) found group by state, field order by count desc`);
}

/** What would come back along with deleted records: one row for each model, of model and count. */
export function countCascadedStatement(
  target: ApplyTarget,
  keys: readonly string[],
  undoing: Undoing,
  shape: Shape,
): Statement {
  const parts = judgingParts(target, undoing, shape, givenKeys(target.resource.model, keys));
  return statementOf(sql`with ${join(parts)} ${raw(countCascaded(target.resource, undoing))}`);
}

/** Locks the records, and tells which would be taken back: rows of `key`. */
export function restorableStatement(
  target: ApplyTarget,
  keys: readonly string[],
  undoing: Undoing,
  shape: Shape,
): Statement {
  const parts = judgingParts(target, undoing, shape, givenKeys(target.resource.model, keys), {
    isLocking: true,
  });
  return statementOf(
    sql`with ${join(parts)} select "_key" as key from judged where "_state" = 'restore' order by 1`,
  );
}

/** The images of the records, and every record judged by them. */
function judgingParts(
  { resource, t }: ApplyTarget,
  undoing: Undoing,
  shape: Shape,
  keys: KeySet,
  { isLocking = false }: { isLocking?: boolean } = {},
): Sql[] {
  const { model } = resource;
  const image = (undoing.isOfRun ? imageOfRun : imageOfChunks)({ resource, t }, shape, {
    keys,
    undoing,
  });
  const key = `${keySql(model, 't')} collate "C"`;
  if (shape.kind === journal.deleted)
    return [image, ...judgeDeleted({ resource, t }, undoing, keys.list, keys.condition)];
  const links =
    shape.kind === journal.created ? linksOf(resource.model) : relationsOf(model, shape);
  const current = links
    .map((field) => `, ${linkedIds(model, field, 't')} as ${linkColumn(field)}`)
    .join('');
  const whole = shape.kind === journal.created ? `, ${wholeRow(model, 't')} as "_row"` : '';
  const written = shape.fields.map((name) => fieldOf(model, name).column);
  const read = new Set([...idFieldsOf(model).map(({ column }) => column), ...written]);
  const own = [...read].filter((column) => column !== null).map((column) => `t.${column}`);
  const columns = raw(`${own.join(', ')}, ${key} as "_key"${whole}${current}`);
  const locked = sql`locked as materialized (
      select ${columns} from ${raw(model.table)} t where ${keys.condition}
      order by ${raw(`${keySql(model, 't')}${isLocking ? ' for update of t' : ''}`)}
    )`;
  const sides = shape.kind === journal.created ? wholeSides(links) : fieldSides(model, shape);
  const differing = sides
    .map(
      ({ name, now, after }) =>
        `when ${jsonToTheLetter(now)} is distinct from ${jsonToTheLetter(after)} then '${name}'`,
    )
    .join(' ');
  const isAsBefore =
    sides
      .map(
        ({ now, before }) =>
          `${jsonToTheLetter(now)} is not distinct from ${jsonToTheLetter(before)}`,
      )
      .join(' and ') || 'false';
  return [
    image,
    locked,
    raw(`judged as materialized (
      select locked.*, image.before as "_before", image.after as "_after", compared."_field",
        case when ${shape.kind === journal.created ? 'image.after' : 'image.before'} is null then 'purged'
          when compared."_field" is null then 'restore' when ${isAsBefore} then 'unchanged' else 'edited-since' end as "_state"
      from locked join image on image.key = locked."_key"
      cross join lateral (select case ${differing} end as "_field") compared
    )`),
  ];
}

/** What images have, where that is known: that of a whole record has every column there was. */
function namesOf({ kind, fields }: Shape): readonly string[] | null {
  return kind === journal.changed ? fields : null;
}

/** Of which records, and what is taken back of them. */
interface Imaged {
  keys: KeySet;
  undoing: Undoing;
}

/** The journal entries of the keys. */
function imageOfChunks(
  { resource, t }: Pick<ApplyTarget, 'resource' | 't'>,
  shape: Shape,
  { keys, undoing }: Imaged,
): Sql {
  return sql`image as materialized (
      select entry.key, entry.before, entry.after, change.chunk, change.kept_along
      from ${raw(t.change)} change ${entriesOf('change', namesOf(shape), keys.list)}
      where ${entriesOfKeys({ resource, t }, undoing, shape, keys)}
    )`;
}

/**
 * All that a run did to each record as one change: what each field was first, and what it was last.
 * Every entry of a run is of one record.
 */
function imageOfRun(
  { resource: { model }, t }: Pick<ApplyTarget, 'resource' | 't'>,
  shape: Shape,
  { keys, undoing }: Imaged,
): Sql {
  return sql`image as materialized (
      select key, case when not bool_or(is_purged) then jsonb_object_agg(field, was) end as before,
        case when not bool_or(is_purged) then jsonb_object_agg(field, became) end as after, null::int as chunk, null::text[] as kept_along
      from (
        select entry.key, field, bool_or(entry.before is null) as is_purged, (array_agg(entry.before -> field order by change.id))[1] as was,
          (array_agg(entry.after -> field order by change.id desc))[1] as became
        from ${raw(t.change)} change ${entriesOf('change', null, keys.list)} cross join unnest(change.fields) field
        where change.task_id = ${undoing.taskId}::int and change.model = ${model.name} and change.kind = ${shape.kind}
          and change.first_key between ${keys.first} and ${keys.last}
        group by entry.key, field
      ) change group by key having array_agg(field order by field) = ${[...shape.fields]}::text[]
    )`;
}

interface Comparison {
  name: string;
  now: string;
  before: string;
  after: string;
}

// A stamp is no reason to refuse: whoever edits another column moves it too.
function fieldSides(model: ModelMeta, shape: Shape): Comparison[] {
  return shape.fields
    .map((name) => fieldOf(model, name))
    .filter((field) => !field.isUpdatedAt)
    .map((field) => ({
      name: field.name,
      now: field.relation
        ? `to_jsonb(locked.${linkColumn(field)})`
        : asImage(imaged(field, `locked.${field.column}`)),
      before: `image.before -> '${field.name}'`,
      after: `image.after -> '${field.name}'`,
    }));
}

function wholeSides(links: readonly FieldMeta[]): Comparison[] {
  return [
    { name: '*', now: 'locked."_row"', before: 'null', after: `image.after - '${linksKey}'` },
    ...links.map((field) => ({
      name: field.name,
      now: `to_jsonb(locked.${linkColumn(field)})`,
      before: 'null',
      after: `coalesce(image.after -> '${linksKey}' -> '${field.name}', '[]')`,
    })),
  ];
}

function restore({ resource, rewriting }: ApplyTarget, shape: Shape): string[] {
  const { model } = resource;
  const fields = shape.fields.map((name) => fieldOf(model, name));
  const columns = fields.filter((field) => field.column);
  const lists = columns.filter(({ isList }) => isList);
  const parts: string[] = [];
  if (columns.length > 0) {
    const image = lists
      .map(
        ({ name, dbColumn }) => `${escapeLiteral(dbColumn ?? '')}, judged."_before" -> '${name}'`,
      )
      .join(', ');
    const back = columns
      .map((field) => `'${field.name}', ${imaged(field, `t.${field.column}`)}`)
      .join(', ');
    parts.push(`written as (
      update ${model.table} t set ${columns.map((field) => `${field.column} = ${restored(field)}`).join(', ')}
      from judged${lists.length > 0 ? ` cross join lateral ${readAsRow(model, lists, `jsonb_build_object(${image})`)} was` : ''}
      where judged."_state" = 'restore' and ${isSame(model, 't', 'judged')}
      returning judged."_key" as "_written"${rewriting?.update ? `, jsonb_build_object(${back}) as "_image"` : ''}
    )`);
  }
  for (const [index, field] of fields.filter(({ relation }) => relation).entries()) {
    parts.push(
      ...writeLinks(resource.metadata, field, index, {
        from: `(select ${idColumnOf(model)} as own, ${linkColumn(field)} as now, array(select jsonb_array_elements_text("_before" -> '${field.name}')) as was
          from judged where "_state" = 'restore') r`,
        id: 'r.own',
        before: 'r.now',
        after: 'r.was',
      }),
    );
  }
  return parts;
}

// Where somebody has edited another column since, the stamp tells of that and moves on.
function restored(field: FieldMeta): string {
  const was = field.isList
    ? `was.${field.column}`
    : `(judged."_before" ->> '${field.name}')::${typedText(field)}`;
  if (!field.isUpdatedAt) return was;
  const isOurs = `${asImage(`judged.${field.column}`)} is not distinct from judged."_after" -> '${field.name}'`;
  return `case when ${isOurs} then ${was} else now()::${field.sqlType} end`;
}

function remove({ model }: Resource): string[] {
  return [
    `removed as (
      delete from ${model.table} t using judged where judged."_state" = 'restore' and ${isSame(model, 't', 'judged')} returning judged."_key" as key
    )`,
  ];
}

function keptPart(target: ApplyTarget, shape: Shape, cascadeKept?: readonly string[] | null): Sql {
  const { model } = target.resource;
  const back = readBack(target, shape);
  const fields = shape.fields.map((name) => fieldOf(model, name));
  const image = (value: (field: FieldMeta) => string) =>
    gathered(
      target,
      fields.map((field) => [
        field.name,
        raw(value(field)),
        field.isList || field.relation !== null,
      ]),
      raw('"_key"'),
    );
  const asWritten = (field: FieldMeta, value: string) =>
    back && field.column ? `coalesce("_image" -> '${field.name}', ${value})` : value;
  const images: Readonly<Record<Shape['kind'], () => [Sql, Sql]>> = {
    update: () => [
      image((field) =>
        field.relation ? linkColumn(field) : imaged(field, `judged.${field.column}`),
      ),
      image((field) =>
        asWritten(field, field.isUpdatedAt ? stampAfter(field) : `"_before" -> '${field.name}'`),
      ),
    ],
    delete: () => [
      raw('null'),
      raw(`jsonb_agg("_before"${back ? ` || coalesce("_image", '{}')` : ''} order by "_key")`),
    ],
    create: () => [raw('jsonb_agg("_after" order by "_key")'), raw('null')],
  };
  const [before, after] = images[shape.kind]();
  const change = insertChange(target, {
    kind: undoneBy[shape.kind],
    fields: sql`${[...shape.fields]}::text[]`,
    keys: raw('array_agg("_key" order by "_key")'),
    firstKey: raw('min("_key")'),
    before,
    after,
    cascadeKept,
  });
  return sql`journal as (${change} from judged ${raw(back ?? '')} where "_state" = 'restore' having count(*) > 0)`;
}

/** What the table made of rows that were put back, over what it was told to. */
function readBack(
  { rewriting, resource: { model } }: ApplyTarget,
  { kind, fields }: Shape,
): string | null {
  if (kind === journal.deleted && rewriting?.insert)
    return 'left join created on created.key = "_key"';
  const writes = kind === journal.changed && fields.some((name) => fieldOf(model, name).column);
  return writes && rewriting?.update ? 'left join written on "_written" = "_key"' : null;
}

function stampAfter(field: FieldMeta): string {
  const isOurs = `${asImage(`judged.${field.column}`)} is not distinct from "_after" -> '${field.name}'`;
  return `case when ${isOurs} then "_before" -> '${field.name}' else to_jsonb(now()::${field.sqlType}) end`;
}

// An image says null where the column is empty.
function asImage(column: string): string {
  return `coalesce(to_jsonb(${column}), 'null')`;
}

function relationsOf(model: ModelMeta, shape: Shape): FieldMeta[] {
  return shape.fields.map((name) => fieldOf(model, name)).filter(({ relation }) => relation);
}

function linkColumn(field: FieldMeta): string {
  return `"_ids_${field.name}"`;
}

function isSame(model: ModelMeta, one: string, other: string): string {
  return model.idFields
    .map(
      (name) => `${one}.${fieldOf(model, name).column} = ${other}.${fieldOf(model, name).column}`,
    )
    .join(' and ');
}
