import { arrayText } from '../db/array-text.ts';
import { empty, join, raw, type Sql, shared, sql } from '../db/sql.ts';
import type { ModelMeta } from './contract.ts';
import { keyPartOf } from './key-part.ts';
import { keyColumns, sortKeys } from './keys.ts';
import { idFieldsOf } from './model-fields.ts';

/** SQL that makes a row's key, in the very form of `keyOf`. */
export function keySql(model: ModelMeta, alias: string): string {
  const parts = model.idFields.map((name) => partSql(model, name, alias));
  if (parts.length === 1) return parts[0] as string;
  return `('[' || ${parts.map((part) => `to_json(${part})::text`).join(` || ',' || `)} || ']')`;
}

function partSql(model: ModelMeta, name: string, alias: string): string {
  const field = model.fields[name];
  const part = field && keyPartOf(field);
  if (!part) throw new Error(`${model.name}.${name} cannot be part of a key`);
  return part.sql(`${alias}.${field.column}`);
}

/**
 * SQL: a row's key is among those that a statement reads. By the id's own column where a key can be
 * made one, so that its index serves.
 */
export function keyAmong(model: ModelMeta, alias: string, keys: Sql): Sql {
  const [name = '', ...more] = model.idFields;
  const field = model.fields[name];
  const part = field && more.length === 0 ? keyPartOf(field) : null;
  if (part?.fromSql && !part.isLoose) {
    return sql`${raw(`${alias}.${field?.column} in (select ${part.fromSql('own.key')}`)} from (${keys}) own(key))`;
  }
  return sql`${raw(keySql(model, alias))} collate "C" in (${keys})`;
}

/**
 * A row's id as `registry.whereSql` reads it, to be looked for in what it finds: Prisma reads enums
 * as text.
 */
export function idRow(model: ModelMeta, alias: string): string {
  const ids = model.idFields
    .map((name) => model.fields[name])
    .map((field) => `${alias}.${field?.column}${field?.kind === 'enum' ? '::text' : ''}`);
  return `(${ids.join(', ')})`;
}

/**
 * No key holds over tables of which one inherits from another: a record whose id is there twice is
 * not written, since nothing says which of both is meant.
 */
function isAlone(model: ModelMeta, alias: string): string {
  const same = idFieldsOf(model).map(({ column }) => `twin.${column} = ${alias}.${column}`);
  return ` and not exists (select from ${model.table} twin where ${same.join(' and ')} and twin.tableoid <> ${alias}.tableoid)`;
}

/** Keys that a statement is about, wherever they are; each part is for several places of it. */
export interface KeySet {
  /** Holds for their rows, called `t`. */
  condition: Sql;
  /** Holds for rows of another table that lead to them by this column. */
  ledToBy(column: string): Sql;
  count: Sql;
  /** As texts, sorted. */
  list: Sql;
  first: Sql;
  last: Sql;
  /** Where the order of the ids is that of the keys. */
  byId: IdOrder | null;
}

/** Ids that stand for keys, which then need not be made of each row. */
export interface IdOrder {
  /** The id's column, quoted. */
  column: string;
  /** SQL of the keys of a sorted list of ids, which are among those of the set. */
  keysOf(ids: string): Sql;
}

/**
 * The order of the id is the order of the key for numbers and uuids; text follows the column's
 * collation, which may be any.
 */
export function keepsOrder(model: ModelMeta): boolean {
  const [only, ...more] = idFieldsOf(model);
  if (!only || more.length > 0) return false;
  return only.type === 'Int' || only.type === 'BigInt' || only.sqlType === 'uuid';
}

/** `given`: SQL of the ids that the keys are of. */
function idOrder(model: ModelMeta, list: Sql, given: Sql | undefined): IdOrder | null {
  const [field] = idFieldsOf(model);
  const part = field && keyPartOf(field);
  if (!field?.column || !part || !given || !keepsOrder(model)) return null;
  return {
    column: field.column,
    keysOf: (ids) =>
      sql`case when ${raw(ids)}::${raw(part.cast)}[] = ${given} then ${list} else array(select ${raw(`${part.sql('own.id')} from unnest(${ids})`)} own(id)) end`,
  };
}

export function givenKeys(model: ModelMeta, given: readonly string[]): KeySet {
  // Of other characters JavaScript has another order.
  const isSorted = given.every(
    (key, at) => /^[ -~]*$/.test(key) && (at === 0 || (given[at - 1] as string) < key),
  );
  const keys = isSorted ? given : sortKeys(given);
  const columns = idLists(model, keys);
  const [ids] = columns.map(({ list }) => list);
  const count = shared(sql`${keys.length}::int`);
  const list = shared(sql`${[...keys]}::text[]`);
  return {
    condition: conditionOf(model, 't', keys, columns),
    ledToBy: (column) => sql`${raw(column)} = any(${ids ?? empty})`,
    count,
    list,
    first: shared(sql`${keys[0]}::text`),
    last: shared(sql`${keys.at(-1)}::text`),
    byId: idOrder(model, list, ids),
  };
}

export interface HeldKeys extends KeySet {
  /** SQL of an array of the keys, and of one of the ids in the same order. */
  keys: string;
  ids: string;
  /** What makes it of the keys. */
  idsSql: string;
  idType: string;
}

/**
 * Keys that a variable of the server's holds, and another as values of the id; null where an id
 * cannot be made of a key there.
 */
export function heldKeys(
  model: ModelMeta,
  names: { keys: string; ids: string; count: string },
): HeldKeys | null {
  const [name = '', ...more] = model.idFields;
  const field = model.fields[name];
  const part = field && more.length === 0 ? keyPartOf(field) : null;
  if (!field || !part?.fromSql || part.isLoose || model.hasHeirs) return null;
  return {
    condition: raw(`t.${field.column} = any(${names.ids})`),
    ledToBy: (column) => raw(`${column} = any(${names.ids})`),
    count: raw(names.count),
    list: raw(names.keys),
    byId: idOrder(model, raw(names.keys), raw(names.ids)),
    first: raw(`${names.keys}[1]`),
    last: raw(`${names.keys}[${names.count}]`),
    keys: names.keys,
    ids: names.ids,
    idsSql: `array(select ${part.fromSql('own.key')} from unnest(${names.keys}) own(key))`,
    idType: part.cast,
  };
}

/** A condition that holds for the rows of `keys`, for several places of a statement. */
export function keyCondition(model: ModelMeta, alias: string, keys: readonly string[]): Sql {
  return conditionOf(model, alias, keys, idLists(model, keys));
}

interface IdList {
  column: string;
  isLoose: boolean;
  /** SQL of the values of `keys` in this column, for several places of a statement. */
  list: Sql;
}

function idLists(model: ModelMeta, keys: readonly string[]): IdList[] {
  return keyColumns(model, keys).map(({ column, isLoose, sqlType, values }) => ({
    column,
    isLoose,
    list: shared(sql`${arrayText(values)}::${raw(sqlType)}[]`),
  }));
}

function conditionOf(
  model: ModelMeta,
  alias: string,
  keys: readonly string[],
  columns: readonly IdList[],
): Sql {
  const given = columns.map(({ list }) => list);
  const names = raw(columns.map(({ column }) => `${alias}.${column}`).join(', '));
  const isGiven =
    columns.length === 1
      ? sql`${names} = any(${join(given)})`
      : sql`(${names}) in (select * from unnest(${join(given)}))`;
  const isLoose = columns.some((column) => column.isLoose);
  if (!isLoose && !model.hasHeirs) return isGiven;
  const exact = isLoose
    ? sql` and ${raw(keySql(model, alias))} = any(${[...keys]}::text[])`
    : empty;
  return shared(sql`(${isGiven}${exact}${raw(model.hasHeirs ? isAlone(model, alias) : '')})`);
}
