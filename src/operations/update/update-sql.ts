import { fieldOf, idFieldsOf, joinOf } from '../../metadata/model-fields.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Edit } from '../edits/contract.ts';
import { getEdit } from '../edits/register.ts';
import { insertChange, type Parameter } from '../journal/journal-entry.ts';
import type { ApplyTarget, Statement } from '../contract.ts';
import type { FieldEdit } from '../field-edit.ts';
import { journal } from '../journal-kind.ts';
import { keyCondition, keySql } from '../../metadata/key-sql.ts';
import { imaged } from '../journal/images.ts';
import { differsAsStored } from '../journal/stored.ts';

interface Written {
  field: FieldMeta;
  /** SQL of the new value for a row of this alias. */
  value(alias: string): string;
  isConstant: boolean;
  canOverflow: boolean;
}

/**
 * One statement that changes the rows of `keys`, leaves alone those that hold the values already, and writes the
 * change row, unless somebody else keeps what was done (`keepsChange`). Its row is as `Operation.statement` says; without
 * `countsSame` every record that was not written is left to the caller.
 */
export function updateStatement(
  target: ApplyTarget,
  keys: readonly string[],
  changes: readonly FieldEdit[],
  { keepsChange = true, countsSame = true }: { keepsChange?: boolean; countsSame?: boolean } = {},
): Statement {
  const { model } = target.resource;
  const condition = keyCondition(model, 't', keys, 1);
  const values = [...condition.values];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const { scalars, relations } = writtenBy(model, changes, parameter);
  const stamps: Written[] = Object.values(model.fields)
    .filter((field) => field.isUpdatedAt && field.column && !changes.some((change) => change.field === field.name))
    .map((field) => ({ field, value: () => `now()::${field.sqlType}`, isConstant: true, canOverflow: false }));
  const written = [...scalars, ...stamps];
  const isOneScan = relations.length === 0 && target.serverVersion >= 18;
  const body = isOneScan
    ? returningOld(target, condition.sql, scalars, written)
    : lockedFirst(target, condition.sql, scalars, written, relations, parameter);
  // Those that were seen to be so already, in what the statement looked at; asked only where something was left.
  const same = !countsSame
    ? 'select 0'
    : isOneScan
      ? `select count(*)::int from ${model.table} t where ${condition.sql} and ${asked(condition.sql, scalars, 'not ')}`
      : 'select (select count(*) from locked)::int - (select count(*) from changed)::int';
  const all = `${parameter(keys.length)}::int`;
  const counted = `select changed, case when changed + same = ${all} then same else 0 end as unchanged,
      case when changed + same <> ${all} then coalesce(keys, '{}') end as written, put_back as "putBack"
    from images cross join lateral (select coalesce(cardinality(keys), 0)::int as changed) counted
      cross join lateral (select case when changed = ${all} then 0 else (${same}) end as same) seen`;
  if (!keepsChange) return { sql: `with ${body} ${counted}`, values };
  const fields = [...written, ...relations].map(({ field }) => field.name);
  const change = insertChange(target, parameter, {
    kind: journal.changed,
    fields: `${parameter(fields)}::text[]`,
    keys: 'keys',
    firstKey: 'keys[1]',
    before: 'before',
    after: 'after',
  });
  return { sql: `with ${body}, kept as (${change} from images where cardinality(keys) > 0) ${counted}`, values };
}

/**
 * Reads what the changes would make of the rows of `keys`, and writes nothing: by key, whether anything would differ, and
 * the values before and after as text in the order of `changes`; lists as JSON. All of them as JSON, since the driver reads an array
 * letter by letter.
 */
export function compareStatement(resource: Resource, keys: readonly string[], changes: readonly FieldEdit[]): Statement {
  const { model } = resource;
  const condition = keyCondition(model, 't', keys, 1);
  const values = [...condition.values];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const { scalars, relations } = writtenBy(model, changes, parameter);
  const sides = relations.map((relation, index) => sideOf(resource, relation, index, parameter));
  const texts = (sqlOf: (item: Written) => string, sideOfSql: (side: Side) => string) =>
    changes.map(({ field }) => {
      const item = scalars.find((candidate) => candidate.field.name === field);
      const side = sides.find((candidate) => candidate.field.name === field);
      return item ? textOf(item.field, sqlOf(item)) : textOf((side as Side).field, sideOfSql(side as Side));
    });
  const before = texts(
    ({ field }) => `c.${field.column}`,
    (side) => `c.${side.before}`,
  );
  const after = texts(
    (item) => imageValue('c', item),
    (side) => `c.${side.after}`,
  );
  return {
    sql: `select ${keySql(model, 'c')} collate "C" as key, (${isChanged('c', scalars, sides)}) as "isChanged",
        to_json(array[${before.join(', ')}]::text[]) as before, to_json(array[${after.join(', ')}]::text[]) as after
      from (${withSides(sides, `(select t.* from ${model.table} t where ${condition.sql} offset 0) t`)}) c order by 1`,
    values,
  };
}

/** Reads by key whether the changes would make another row of it, of those of `keys` that are there; locks nothing. */
export function differingStatement(resource: Resource, keys: readonly string[], changes: readonly FieldEdit[]): Statement {
  const { model } = resource;
  const condition = keyCondition(model, 't', keys, 1);
  const values = [...condition.values];
  const parameter: Parameter = (value) => `$${values.push(value)}`;
  const { scalars, relations } = writtenBy(model, changes, parameter);
  const sides = relations.map((relation, index) => sideOf(resource, relation, index, parameter));
  return {
    sql: `select ${keySql(model, 'c')} collate "C" as key, (${isChanged('c', scalars, sides)}) as "isChanged"
      from (${withSides(sides, `(select t.* from ${model.table} t where ${condition.sql} offset 0) t`)}) c order by 1`,
    values,
  };
}

/** Reads these fields of the rows of `keys` as text, lists as JSON. */
export function valuesStatement({ model }: Resource, keys: readonly string[], fields: readonly string[]): Statement {
  const condition = keyCondition(model, 't', keys, 1);
  const texts = fields.map((name) => {
    const field = fieldOf(model, name);
    return textOf(field, field.column ? `t.${field.column}` : linkedIds(model, field));
  });
  return {
    sql: `select ${keySql(model, 't')} collate "C" as key, to_json(array[${texts.join(', ')}]::text[]) as texts
      from ${model.table} t where ${condition.sql} order by 1`,
    values: condition.values,
  };
}

// A JSON text without its quotes could be a number’s, and JSON knows no -0.
function textOf(field: FieldMeta, sql: string): string {
  return ['Json', 'Float'].includes(field.type) && !field.isList ? `(${sql})::text` : `to_jsonb(${sql}) #>> '{}'`;
}

function writtenBy(model: ModelMeta, changes: readonly FieldEdit[], parameter: Parameter) {
  const scalars: Written[] = [];
  const relations: Linked[] = [];
  for (const { field: name, change: kind, value } of changes) {
    const field = fieldOf(model, name);
    const change = getEdit(kind);
    if (field.relation?.kind === 'many-to-many') relations.push({ field, change, value });
    else scalars.push(writtenScalar(model, field, change, value, parameter));
  }
  return { scalars, relations };
}

// The value is used in several places of the statement: its parameters are counted once.
function writtenScalar(model: ModelMeta, field: FieldMeta, change: Edit, value: unknown, parameter: Parameter): Written {
  const known: string[] = [];
  return {
    field,
    isConstant: change.isConstant,
    canOverflow: change.canOverflow,
    value(alias) {
      let used = 0;
      return change.sql(value, {
        field,
        current: `${alias}.${field.column}`,
        columnOf: (name) => `${alias}.${fieldOf(model, name).column}`,
        metaOf: (name) => fieldOf(model, name),
        parameter(given) {
          const place = known[used] ?? parameter(given);
          known[used++] = place;
          return place;
        },
      });
    },
  };
}

function imageOf(written: readonly Written[], sqlOf: (item: Written) => string): string {
  return `jsonb_build_object(${written.map((item) => `'${item.field.name}', ${imaged(item.field, sqlOf(item))}`).join(', ')})`;
}

/** As the column will hold it: what is too long for it was refused before its image is made. */
function imageValue(alias: string, item: Written): string {
  return `(${item.value(alias)})::${item.field.sqlType}`;
}

function assignments(written: readonly Written[]): string {
  return written.map((item) => `${item.field.column} = ${item.value('t')}`).join(', ');
}

function differs(alias: string, item: Written): string {
  return differsAsStored(item.field, `${alias}.${item.field.column}`, item.value(alias));
}

function isChanged(alias: string, scalars: readonly Written[], sides: readonly Side[]): string {
  return [
    ...scalars.map((item) => differs(alias, item)),
    ...sides.map((side) => `${alias}.${side.before} is distinct from ${alias}.${side.after}`),
  ].join(' or ');
}

/** Of rows that were to be changed in these fields, the keys of those that stand as they were, linked as they were. */
function putBack(scalars: readonly Written[], key: string, before: string, after: string, sides: readonly Side[] = []): string {
  const isSame = [
    ...scalars.map(({ field: { name } }) => `${before} -> '${name}' is not distinct from ${after} -> '${name}'`),
    ...sides.map((side) => `changed.${side.before} is not distinct from changed.${side.after}`),
  ];
  return `array_agg(${key} order by ${key}) filter (where ${isSame.join(' and ')})`;
}

/** The planner may ask what differs of every row of the table before it looks at the keys, and a row of nobody's could overflow. */
function asked(condition: string, scalars: readonly Written[], negation: 'not ' | '' = ''): string {
  const differing = `${negation}(${scalars.map((item) => differs('t', item)).join(' or ')})`;
  return scalars.some((item) => item.canOverflow) ? `case when ${condition} then ${differing} else false end` : differing;
}

function returningOld({ resource: { model }, rewriting }: ApplyTarget, condition: string, scalars: Written[], written: Written[]): string {
  const isConstant = !rewriting?.update && written.every((item) => item.isConstant);
  const after = isConstant ? '' : `, ${imageOf(written, ({ field }) => `new.${field.column}`)} as after`;
  return `written as (
      update ${model.table} t set ${assignments(written)}
      where ${condition} and ${asked(condition, scalars)}
      returning ${keySql(model, 'new')} collate "C" as key, ${imageOf(written, ({ field }) => `old.${field.column}`)} as before${after}
    ), images as (
      select array_agg(key order by key) as keys, jsonb_agg(before order by key) as before,
        ${isConstant ? imageOf(written, (item) => imageValue('t', item)) : 'jsonb_agg(after order by key)'} as after,
        ${rewriting?.update ? putBack(scalars, 'key', 'before', 'after') : 'null::text[]'} as put_back
      from written
    )`;
}

// Before-images are read and locked first: for many-to-many fields, and on servers that cannot return old values.
function lockedFirst(
  { resource, rewriting }: ApplyTarget,
  condition: string,
  scalars: Written[],
  written: Written[],
  relations: Linked[],
  parameter: Parameter,
): string {
  const { model } = resource;
  const columnOf = (name: string) => fieldOf(model, name).column as string;
  const sides = relations.map((relation, index) => sideOf(resource, relation, index, parameter));
  const images = (scalarValue: (item: Written) => string, sideValue: (side: Side) => string) =>
    `jsonb_build_object(${[
      ...written.map((item) => `'${item.field.name}', ${imaged(item.field, scalarValue(item))}`),
      ...sides.map((side) => `'${side.field.name}', to_jsonb(${sideValue(side)})`),
    ].join(', ')})`;
  const parts = [
    `locked as materialized (select t.* from ${model.table} t where ${condition} order by ${keySql(model, 't')} for update)`,
    `changed as materialized (
      select candidate.*, ${keySql(model, 'candidate')} collate "C" as "_key"
      from (${withSides(sides, 'locked t')}) candidate where ${isChanged('candidate', scalars, sides)}
    )`,
  ];
  const isReadBack = rewriting?.update && written.length > 0;
  if (written.length > 0) {
    const isSame = model.idFields.map((name) => `t.${columnOf(name)} = changed.${columnOf(name)}`).join(' and ');
    const image = isReadBack ? `, ${imageOf(written, ({ field }) => `t.${field.column}`)} as "_image"` : '';
    parts.push(`written as (
      update ${model.table} t set ${assignments(written)} from changed where ${isSame} returning changed."_key" as "_written"${image}
    )`);
  }
  // Links go with the row: where it is kept back, so are they.
  const rows = written.length > 0 ? 'linked' : 'changed';
  if (sides.length > 0 && written.length > 0)
    parts.push(`linked as materialized (select changed.* from changed join written on "_written" = "_key")`);
  for (const side of sides) parts.push(...side.writes(rows));
  const before = images(
    ({ field }) => `changed.${field.column}`,
    (side) => `changed.${side.before}`,
  );
  const isWritten = written.length > 0 ? `join written on "_written" = "_key"` : '';
  const isPutBack = isReadBack && scalars.length > 0;
  parts.push(`images as (
      select array_agg("_key" order by "_key") as keys,
        jsonb_agg(${before} order by "_key") as before,
        jsonb_agg(${images(
          (item) => imageValue('changed', item),
          (side) => `changed.${side.after}`,
        )}${isReadBack ? ` || "_image"` : ''} order by "_key") as after,
        ${isPutBack ? putBack(scalars, '"_key"', before, '"_image"', sides) : 'null::text[]'} as put_back
      from changed ${isWritten}
    )`);
  return parts.join(', ');
}

/** A many-to-many field and what is done to it. */
interface Linked {
  field: FieldMeta;
  change: Edit;
  value: unknown;
}

interface Side {
  field: FieldMeta;
  /** Names of the columns that hold the related ids before and after, as text. */
  before: string;
  after: string;
  current: string;
  next: string;
  /** Of the rows of this part of the statement. */
  writes(rows: string): string[];
}

/** The rows with their related ids before and after as columns. */
function withSides(sides: readonly Side[], rows: string): string {
  if (sides.length === 0) return `select t.* from ${rows}`;
  const before = sides.map((side) => `, ${side.current} as ${side.before}`).join('');
  const after = sides.map((side) => `, ${side.next} as ${side.after}`).join('');
  return `select t.*${after} from (select t.*${before} from ${rows}) t`;
}

function sideOf(resource: Resource, { field, change, value }: Linked, index: number, parameter: Parameter): Side {
  const { model } = resource;
  const idColumn = idFieldsOf(model)[0]?.column;
  const { joinTable, ownColumn, otherColumn, model: related } = joinOf(field);
  const relatedModel = resource.metadata.models[related];
  const relatedId = relatedModel && idFieldsOf(relatedModel)[0];
  if (!relatedId) throw new Error(`${model.name}.${field.name} leads to records without an id`);
  const [before, after] = [`"_before${index}"`, `"_after${index}"`];
  const next = change.sql(value, { field, current: `t.${before}`, columnOf: () => 'null', metaOf: () => field, parameter });
  return {
    field,
    before,
    after,
    current: linkedIds(model, field),
    next: `array(select distinct v collate "C" from unnest(${next}) v order by 1)`,
    writes: (rows) => [
      `dropped${index} as (delete from ${joinTable} j using ${rows} r
        where j.${ownColumn} = r.${idColumn} and j.${otherColumn}::text <> all(r.${after}))`,
      `added${index} as (insert into ${joinTable} (${ownColumn}, ${otherColumn})
        select r.${idColumn}, v::${relatedId.sqlType} from ${rows} r cross join unnest(r.${after}) v
        on conflict do nothing)`,
    ],
  };
}

/** Ids of the records that a many-to-many field leads to, as text. */
function linkedIds(model: ModelMeta, field: FieldMeta): string {
  const { joinTable, ownColumn, otherColumn } = joinOf(field);
  const idColumn = idFieldsOf(model)[0]?.column;
  return `array(select j.${otherColumn}::text collate "C" from ${joinTable} j where j.${ownColumn} = t.${idColumn} order by 1)`;
}
