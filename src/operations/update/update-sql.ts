import { escapeIdentifier } from 'pg';
import {
  empty,
  join,
  raw,
  reworded,
  type Sql,
  type Statement,
  shared,
  sql,
  statementOf,
} from '../../db/sql.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { givenKeys, type KeySet, keyCondition, keySql } from '../../metadata/key-sql.ts';
import { fieldOf, idColumnOf } from '../../metadata/model-fields.ts';
import type { Resource } from '../../resources/contract.ts';
import type { ApplyTarget, TableCheck } from '../contract.ts';
import type { Edit } from '../edits/contract.ts';
import { getEdit } from '../edits/edits.ts';
import type { FieldEdit } from '../field-edit.ts';
import { imagedSql, linkedIds } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { gathered } from '../journal/kept-images.ts';
import { linkedSets, writeLinks } from '../journal/links.ts';
import { differsAsStored } from '../journal/stored.ts';
import { journal } from '../journal-kind.ts';

interface WrittenField {
  field: FieldMeta;
  /** SQL of the new value for a row of this alias. */
  value(alias: string): Sql;
  isConstant: boolean;
  canOverflow: boolean;
}

/**
 * One statement that edits the rows of `keys`, leaves alone those that hold the values already, and
 * writes the change row, unless somebody else keeps what was done (`keepsChange`). Its row is as
 * `Operation.statement` says; without `countsSame` every record that was not written is left to the
 * caller.
 */
export function updateStatement(
  target: ApplyTarget,
  keys: readonly string[],
  edits: readonly FieldEdit[],
  { keepsChange = true, countsSame = true }: { keepsChange?: boolean; countsSame?: boolean } = {},
): Statement {
  const given = givenKeys(target.resource.model, keys);
  const { parts, isAll, same } = updateParts(target, given, edits, countsSame);
  const counted = sql`select changed, case when ${isAll} then same else 0 end as unchanged,
      case when not (${isAll}) then coalesce(keys, '{}') end as written, put_back as "putBack"
    from ${same}`;
  return statementOf(
    keepsChange
      ? sql`with ${parts}, ${journalOf(target, edits)} ${counted}`
      : sql`with ${parts} ${counted}`,
  );
}

/** The same over keys that the server holds: its row is as `Operation.held` says. */
export function heldUpdate(
  target: ApplyTarget,
  keys: KeySet,
  edits: readonly FieldEdit[],
  { countsSame }: { countsSame: boolean },
): Sql {
  const { parts, isAll, same } = updateParts(target, keys, edits, countsSame);
  return sql`with ${parts}, ${journalOf(target, edits)}
    select changed, same as unchanged, 0 as gone, not (${isAll}) or put_back is not null as is_left from ${same}`;
}

/** `parts` of the statement; `same` are rows of what they found, `isAll` holds where that is every record. */
function updateParts(
  target: ApplyTarget,
  keys: KeySet,
  edits: readonly FieldEdit[],
  countsSame: boolean,
): { parts: Sql; isAll: Sql; same: Sql } {
  const { model } = target.resource;
  const { condition, count: all } = keys;
  const { scalars, relations, written } = writtenBy(model, edits);
  const isOneScan = relations.length === 0 && target.serverVersion >= 18;
  const body = isOneScan
    ? returningOld(target, keys, scalars, written)
    : lockedFirst(target, keys, scalars, written, relations);
  // Counts the records that already held the values, among those that the statement read; only when
  // some were not written.
  const same = !countsSame
    ? raw('select 0')
    : isOneScan
      ? sql`select count(*)::int from ${raw(model.table)} t where ${condition} and ${asked(condition, scalars, 'not ')}`
      : raw('select (select count(*) from locked)::int - (select count(*) from changed)::int');
  return {
    parts: body,
    isAll: sql`changed + same = ${all}`,
    same: sql`images cross join lateral (select coalesce(cardinality(keys), 0)::int as changed) counted
      cross join lateral (select case when changed = ${all} then 0 else (${same}) end as same) seen`,
  };
}

function journalOf(target: ApplyTarget, edits: readonly FieldEdit[]): Sql {
  const { model } = target.resource;
  const { written, relations } = writtenBy(model, edits);
  const fields = [...written, ...relations].map(({ field }) => field.name);
  const change = insertChange(target, {
    kind: journal.changed,
    fields: sql`${fields}::text[]`,
    keys: raw('keys'),
    firstKey: raw('keys[1]'),
    before: raw('before'),
    after: raw('after'),
  });
  return sql`journal as (${change} from images where cardinality(keys) > 0)`;
}

/**
 * Reads what the edits would make of the rows of `keys`, and writes nothing: by key, whether
 * anything would differ, and the values before and after as text in the order of `changes`; lists
 * as JSON. All of them as JSON, since the driver reads an array letter by letter.
 */
export function compareStatement(
  resource: Resource,
  keys: readonly string[],
  edits: readonly FieldEdit[],
): Statement {
  const { model } = resource;
  const { scalars, relations } = writtenBy(model, edits);
  const given = givenKeys(model, keys);
  const sides = relations.map((relation, index) => sideOf(resource, relation, index));
  const texts = (sqlOf: (item: WrittenField) => Sql, sideOfSql: (side: Side) => Sql) =>
    edits.map(({ field }) => {
      const item = scalars.find((candidate) => candidate.field.name === field);
      const side = sides.find((candidate) => candidate.field.name === field);
      return item
        ? textOf(item.field, sqlOf(item))
        : textOf((side as Side).field, sideOfSql(side as Side));
    });
  const before = texts(
    ({ field }) => raw(`c.${field.column}`),
    (side) => raw(`c.${side.before}`),
  );
  const after = texts(
    (item) => imageValue('c', item),
    (side) => raw(`c.${side.after}`),
  );
  return statementOf(
    sql`select ${raw(keySql(model, 'c'))} collate "C" as key, (${isChanged('c', scalars, sides)}) as "isChanged",
        to_json(array[${join(before)}]::text[]) as before, to_json(array[${join(after)}]::text[]) as after
      from (${withSides(sides, rowsOf(model, given), given)}) c order by 1`,
  );
}

/**
 * Reads by key whether the edits would make another row of it, of those of `keys` that are there;
 * locks nothing.
 */
export function differingStatement(
  resource: Resource,
  keys: readonly string[],
  edits: readonly FieldEdit[],
): Statement {
  const { model } = resource;
  const { scalars, relations } = writtenBy(model, edits);
  const given = givenKeys(model, keys);
  const sides = relations.map((relation, index) => sideOf(resource, relation, index));
  return statementOf(
    sql`select ${raw(keySql(model, 'c'))} collate "C" as key, (${isChanged('c', scalars, sides)}) as "isChanged"
      from (${withSides(sides, rowsOf(model, given), given)}) c order by 1`,
  );
}

/**
 * Reads which rows of `keys` would break one of these checks once they are edited, as rows of `key`.
 */
export function breakingStatement(
  { model }: Resource,
  keys: readonly string[],
  edits: readonly FieldEdit[],
  checks: readonly TableCheck[],
): Statement {
  const { written } = writtenBy(model, edits);
  const edited = new Map(written.map((item) => [item.field.dbColumn, item]));
  const columns = [...new Set(checks.flatMap((check) => check.columns))].map((name) => {
    const item = edited.get(name);
    const column = raw(escapeIdentifier(name));
    return sql`${item ? imageValue('t', item) : sql`t.${column}`} as ${column}`;
  });
  const broken = raw(checks.map(({ condition }) => `not (${condition})`).join(' or '));
  return statementOf(
    sql`select "_key" as key from (select ${join([sql`${raw(keySql(model, 't'))} collate "C" as "_key"`, ...columns])}
      from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} offset 0) edited where ${broken}`,
  );
}

function rowsOf(model: ModelMeta, { condition }: KeySet): Sql {
  return sql`(select t.* from ${raw(model.table)} t where ${condition} offset 0) t`;
}

/** Reads these fields of the rows of `keys` as text, lists as JSON. */
export function valuesStatement(
  { model }: Resource,
  keys: readonly string[],
  fields: readonly string[],
): Statement {
  const texts = fields.map((name) => {
    const field = fieldOf(model, name);
    return textOf(field, raw(field.column ? `t.${field.column}` : linkedIds(model, field, 't')));
  });
  return statementOf(
    sql`select ${raw(keySql(model, 't'))} collate "C" as key, to_json(array[${join(texts)}]::text[]) as texts
      from ${raw(model.table)} t where ${keyCondition(model, 't', keys)} order by 1`,
  );
}

// A JSON text without its quotes could be a number’s, and JSON knows no -0.
function textOf(field: FieldMeta, value: Sql): Sql {
  return ['Json', 'Float'].includes(field.type) && !field.isList
    ? sql`(${value})::text`
    : sql`to_jsonb(${value}) #>> '{}'`;
}

function writtenBy(model: ModelMeta, edits: readonly FieldEdit[]) {
  const scalars: WrittenField[] = [];
  const relations: Linked[] = [];
  for (const { field: name, change: kind, value } of edits) {
    const field = fieldOf(model, name);
    const change = getEdit(kind);
    if (field.relation?.kind === 'many-to-many') relations.push({ field, change, value });
    else scalars.push(writtenScalar(model, field, change, value));
  }
  const stamps: WrittenField[] = Object.values(model.fields)
    .filter(
      (field) =>
        field.isUpdatedAt && field.column && !edits.some((change) => change.field === field.name),
    )
    .map((field) => ({
      field,
      value: () => raw(`now()::${field.sqlType}`),
      isConstant: true,
      canOverflow: false,
    }));
  return { scalars, relations, written: [...scalars, ...stamps] };
}

// The value is used in several places of the statement, and sent once.
function writtenScalar(
  model: ModelMeta,
  field: FieldMeta,
  change: Edit,
  value: unknown,
): WrittenField {
  let first: Sql | null = null;
  return {
    field,
    isConstant: change.isConstant,
    canOverflow: change.canOverflow,
    value(alias) {
      const next = change.sql(value, {
        field,
        current: raw(`${alias}.${field.column}`),
        columnOf: (name) => raw(`${alias}.${fieldOf(model, name).column}`),
        metaOf: (name) => fieldOf(model, name),
      });
      first ??= shared(next);
      return reworded(first, next);
    },
  };
}

function imageOf(written: readonly WrittenField[], sqlOf: (item: WrittenField) => Sql): Sql {
  return sql`jsonb_build_object(${join(written.map((item) => named(item.field, imagedSql(item.field, sqlOf(item)))))})`;
}

function named({ name }: FieldMeta, value: Sql): Sql {
  return sql`${raw(`'${name}'`)}, ${value}`;
}

/** As the column will hold it: what is too long for it was refused before its image is made. */
function imageValue(alias: string, item: WrittenField): Sql {
  return sql`(${item.value(alias)})::${raw(`${item.field.sqlType}`)}`;
}

function assignments(written: readonly WrittenField[]): Sql {
  return join(written.map((item) => sql`${raw(`${item.field.column}`)} = ${item.value('t')}`));
}

function differs(alias: string, item: WrittenField): Sql {
  return differsAsStored(item.field, `${alias}.${item.field.column}`, item.value(alias));
}

function isChanged(alias: string, scalars: readonly WrittenField[], sides: readonly Side[]): Sql {
  const linked = sides.map((side) =>
    raw(`${alias}.${side.before} is distinct from ${alias}.${side.after}`),
  );
  return join([...scalars.map((item) => differs(alias, item)), ...linked], ' or ');
}

/** Of rows that were to be changed, the keys of those that stand as they were, linked as they were. */
function putBack(key: string, isSame: readonly Sql[]): Sql {
  return sql`${raw(`array_agg(${key} order by ${key})`)} filter (where ${join(isSame, ' and ')})`;
}

/**
 * The planner may evaluate the comparison for rows outside the keys, whose values could overflow:
 * the keys are asked first.
 */
function asked(condition: Sql, scalars: readonly WrittenField[], negation: 'not ' | '' = ''): Sql {
  const differing = sql`${raw(negation)}(${isChanged('t', scalars, [])})`;
  return scalars.some((item) => item.canOverflow)
    ? sql`case when ${condition} then ${differing} else false end`
    : differing;
}

function returningOld(
  target: ApplyTarget,
  { condition, byId }: KeySet,
  scalars: WrittenField[],
  written: WrittenField[],
): Sql {
  const { resource, rewriting } = target;
  const { model } = resource;
  const isConstant = !rewriting?.update && written.every((item) => item.isConstant);
  const ids = rewriting?.update ? null : byId;
  const order = ids ? 'id' : 'key';
  const valuesOf = (row: string) =>
    join(
      written.map(
        ({ field }, index) =>
          sql`, ${imagedSql(field, raw(`${row}.${field.column}`))} as ${raw(`${row}_${index}`)}`,
      ),
      '',
    );
  // Scalars are the first of what is written.
  const isSame = scalars.map((_, index) =>
    raw(`to_jsonb(old_${index}) is not distinct from to_jsonb(new_${index})`),
  );
  const imagesFrom = (row: string) =>
    gathered(
      target,
      written.map(({ field }, index) => [field.name, raw(`${row}_${index}`), field.isList]),
      raw(order),
    );
  const after = isConstant ? imageOf(written, (item) => imageValue('t', item)) : imagesFrom('new');
  return sql`written as (
      update ${raw(model.table)} t set ${assignments(written)}
      where ${condition} and ${asked(condition, scalars)}
      returning ${raw(ids ? `new.${ids.column} as id` : `${keySql(model, 'new')} collate "C" as key`)}${valuesOf('old')}${isConstant ? empty : valuesOf('new')}
    ), gathered as (
      select ${raw(`array_agg(${order} order by ${order}) as listed`)}, ${imagesFrom('old')} as before, ${after} as after,
        ${rewriting?.update ? putBack('key', isSame) : raw('null::text[]')} as put_back
      from written
    ), images as (select ${ids ? ids.keysOf('listed') : raw('listed')} as keys, before, after, put_back from gathered)`;
}

// Before-images are read and locked first: for many-to-many fields, and on servers that cannot
// return old values.
function lockedFirst(
  target: ApplyTarget,
  keys: KeySet,
  scalars: WrittenField[],
  written: WrittenField[],
  relations: Linked[],
): Sql {
  const { resource, rewriting } = target;
  const { model } = resource;
  const columnOf = (name: string) => fieldOf(model, name).column as string;
  const sides = relations.map((relation, index) => sideOf(resource, relation, index));
  const images = (
    scalarValue: (item: WrittenField, index: number) => Sql,
    sideValue: (side: Side) => string,
  ) =>
    gathered(
      target,
      [
        ...written.map(
          (item, index) => [item.field.name, scalarValue(item, index), item.field.isList] as const,
        ),
        ...sides.map((side) => [side.field.name, raw(sideValue(side)), true] as const),
      ],
      raw('"_key"'),
    );
  const beforeOf = ({ field }: WrittenField) => imagedSql(field, raw(`changed.${field.column}`));
  const parts = [
    sql`locked as materialized (select t.* from ${raw(model.table)} t where ${keys.condition} order by ${raw(keySql(model, 't'))} for update)`,
    sql`changed as materialized (
      select candidate.*, ${raw(keySql(model, 'candidate'))} collate "C" as "_key"
      from (${withSides(sides, raw('locked t'), keys)}) candidate where ${isChanged('candidate', scalars, sides)}
    )`,
  ];
  const isReadBack = rewriting?.update && written.length > 0;
  if (written.length > 0) {
    const isSame = model.idFields
      .map((name) => `t.${columnOf(name)} = changed.${columnOf(name)}`)
      .join(' and ');
    const back = written.map(
      ({ field }, index) =>
        sql`, ${imagedSql(field, raw(`t.${field.column}`))} as ${raw(`"_now${index}"`)}`,
    );
    const image = isReadBack ? join(back, '') : empty;
    parts.push(sql`written as (
      update ${raw(model.table)} t set ${assignments(written)} from changed where ${raw(isSame)} returning changed."_key" as "_written"${image}
    )`);
  }
  // Links go with the row: where it is kept back, so are they.
  const rows = written.length > 0 ? 'linked' : 'changed';
  if (sides.length > 0 && written.length > 0)
    parts.push(
      raw(
        'linked as materialized (select changed.* from changed join written on "_written" = "_key")',
      ),
    );
  for (const side of sides) parts.push(...side.writes(rows).map(raw));
  const isWritten = raw(written.length > 0 ? `join written on "_written" = "_key"` : '');
  const isPutBack = isReadBack && scalars.length > 0;
  const isAsBefore = [
    ...scalars.map(
      (item, index) =>
        sql`to_jsonb(${beforeOf(item)}) is not distinct from to_jsonb(${raw(`"_now${index}"`)})`,
    ),
    ...sides.map((side) =>
      raw(`changed.${side.before} is not distinct from changed.${side.after}`),
    ),
  ];
  parts.push(sql`images as (
      select array_agg("_key" order by "_key") as keys,
        ${images(beforeOf, (side) => `changed.${side.before}`)} as before,
        ${images(
          (item, index) =>
            isReadBack ? raw(`"_now${index}"`) : imagedSql(item.field, imageValue('changed', item)),
          (side) => `changed.${side.after}`,
        )} as after,
        ${isPutBack ? putBack('"_key"', isAsBefore) : raw('null::text[]')} as put_back
      from changed ${isWritten}
    )`);
  return join(parts);
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
  id: string;
  next: Sql;
  /** Of the rows of this part of the statement. */
  writes(rows: string): string[];
}

/** The rows, which are of `keys`, with their related ids before and after as columns. */
function withSides(sides: readonly Side[], rows: Sql, keys: KeySet): Sql {
  if (sides.length === 0) return sql`select t.* from ${rows}`;
  const before = sides.map(
    ({ before: name }, index) => `, coalesce(linked${index}.ids, '{}') as ${name}`,
  );
  const linked = sides.map(
    ({ field, id }, index) =>
      sql` left join ${linkedSets(field, keys.ledToBy)} ${raw(`linked${index} on linked${index}.id = t.${id}`)}`,
  );
  const after = sides.map((side) => sql`, ${side.next} as ${raw(side.after)}`);
  // Made once for each row, wherever it is read.
  return sql`select t.*${join(after, '')} from (select t.*${raw(before.join(''))} from ${rows}${join(linked, '')}) t offset 0`;
}

function sideOf(resource: Resource, { field, change, value }: Linked, index: number): Side {
  const { model, metadata } = resource;
  const id = idColumnOf(model);
  const [before, after] = [`"_before${index}"`, `"_after${index}"`];
  const next = change.sql(value, {
    field,
    current: raw(`t.${before}`),
    columnOf: () => raw('null'),
    metaOf: () => field,
  });
  return {
    field,
    before,
    after,
    id,
    next: sql`array(select distinct v collate "C" from unnest(${next}) v order by 1)`,
    writes: (rows) =>
      writeLinks(metadata, field, index, {
        from: `${rows} r`,
        id: `r.${id}`,
        before: `r.${before}`,
        after: `r.${after}`,
      }),
  };
}
