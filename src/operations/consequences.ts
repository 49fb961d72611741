import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/database.ts';
import type { Queryable } from '../db/transaction.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keyToUrl, whereKeys } from '../metadata/keys.ts';
import type { Register, Resource, Where } from '../resources/contract.ts';
import { readTitled } from '../selection/titled.ts';
import { buildWhere } from '../selection/where.ts';
import { type Along, alongOf } from './dependants.ts';
import { readForeignKeys, type ForeignKey } from './foreign-keys.ts';
import { readHeirs } from './heirs.ts';
import { idRow, keySql } from '../metadata/key-sql.ts';
import { limits } from '../limits.ts';

/** What deleting records does to others, by the rules of the database itself. */
export interface Consequences {
  /** How many records are to be deleted; at most `limits.record.followed` are looked at. */
  records: number;
  /** All of it was looked at; else counts are the least there are. */
  isComplete: boolean;
  /** Go with them, and with those that go, and so on. */
  deleted: readonly Affected[];
  /** Stay, with the column that points at them emptied or at its default. */
  cleared: readonly Affected[];
  /** Point at them and may not be left behind: the database will refuse. */
  forbidding: readonly Affected[];
  /** Can what goes along be kept, so that they can be brought back? */
  along: Along;
  /** Columns that point at them without an index: every deleted record reads their whole table. */
  unindexed: readonly string[];
}

/** Rows of one table, and where they are cleared or forbid, by which columns. */
export interface Affected {
  model: ModelMeta | null;
  /** Where they are administered, as the principal sees it; null where they are not, or not for this principal. */
  resource: Resource | null;
  /** Of the table in the database, for what no resource is about. */
  table: string;
  /** Models linked by a table that only links. */
  links: readonly [string, string] | null;
  columns: readonly string[];
  count: number;
  isMore: boolean;
  /** The first of those that the principal may see. */
  records: readonly { id: string; title: string }[];
}

const mostCounted = 1_000;
const mostTitled = 5;
/** Longest that one table is looked at, in milliseconds. */
const patienceMs = 4_000;

type Rows = Map<string, Set<string>>;

/**
 * What goes along when the records of `where` (the row scope is the caller's) are deleted. Follows the foreign keys of
 * `pg_constraint`; reads at most 10,000 rows, in one snapshot, by their place in the table, so that tables without a key are
 * counted too. What the principal may not see is counted and not titled.
 */
export async function consequences(
  db: Database,
  register: Register,
  resource: Resource,
  principal: Principal,
  where: Where,
): Promise<Consequences> {
  const { model } = resource;
  const { text, values } = await register.whereSql(model, where);
  const found = await inSnapshot(db, async (client) => {
    const look = patiently(client);
    const keys = await readForeignKeys(client);
    const heirs = await readHeirs(client);
    const root = rootId(keys, model);
    const chosenIds = model.idFields.map((name) => `chosen.${model.fields[name]?.column}`);
    const chosen = await look<{ id: string }>(
      `select ${placeOf('t')} as id from ${model.table} t join (${text}) chosen on ${idRow(model, 't')} = (${chosenIds.join(', ')}) limit ${limits.record.followed + 1}`,
      values,
    );
    const rows: Rows = new Map([[root, new Set(chosen?.slice(0, limits.record.followed).map(({ id }) => id))]]);
    let isComplete = chosen !== null && chosen.length <= limits.record.followed;
    const first = new Set(rows.get(root));
    if (!(await follow(look, keys, rows, root))) isComplete = false;
    const left = await leftBehind(look, keys, rows);
    if (!left.isComplete) isComplete = false;
    const gone = [...rows].map(([table, all]) => [table, table === root ? difference(all, first) : all] as const);
    return { keys, heirs, rows, gone, left, isComplete, records: first.size };
  });
  const { keys, heirs, gone, left, rows, isComplete, records } = found;
  const describe = affectedOf({ db, register, resource, principal });
  const tables = gone.filter(([, all]) => all.size > 0);
  return {
    records,
    isComplete,
    deleted: await Promise.all(
      tables.map(([table, all]) => describe(tableName(keys, table, model), [], [...all], { isMore: !isComplete })),
    ),
    cleared: await Promise.all(
      left.cleared.map(({ key, ids, isMore }) => describe(sourceOf(key), key.columns, ids, { isMore: isMore || !isComplete })),
    ),
    forbidding: await Promise.all(
      left.forbidding.map(({ key, ids, isMore }) => describe(sourceOf(key), key.columns, ids, { isMore: isMore || !isComplete })),
    ),
    along: alongOf(keys, heirs, register, model),
    unindexed: keys
      .filter((key) => (rows.get(key.target)?.size ?? 0) > 0 && !key.isIndexed)
      .map((key) => `${key.table} (${key.columns.join(', ')})`),
  };
}

interface Table {
  schema: string;
  name: string;
}

const sourceOf = (key: ForeignKey): Table => ({ schema: key.schema, name: key.table });

function tableName(keys: readonly ForeignKey[], id: string, root: ModelMeta): Table {
  const key = keys.find(({ source }) => source === id);
  return key ? sourceOf(key) : { schema: root.dbSchema, name: root.dbTable };
}

function difference(all: ReadonlySet<string>, without: ReadonlySet<string>): Set<string> {
  return new Set([...all].filter((id) => !without.has(id)));
}

/** The table's oid; one that nothing points at needs none. */
function rootId(keys: readonly ForeignKey[], { dbSchema, dbTable }: ModelMeta): string {
  return keys.find(({ targetSchema, targetTable }) => targetSchema === dbSchema && targetTable === dbTable)?.target ?? 'root';
}

/** Places in a table hold still only within a snapshot. */
async function inSnapshot<T>(db: Database, work: (client: Queryable) => Promise<T>): Promise<T> {
  const client = await db.pages.connect();
  let isBroken = false;
  try {
    await client.query(`begin isolation level repeatable read read only; set local statement_timeout = ${patienceMs}`);
    return await work(client);
  } finally {
    await client.query('rollback').catch(() => {
      isBroken = true;
    });
    client.release(isBroken);
  }
}

type Look = <R extends object>(sql: string, values: unknown[]) => Promise<R[] | null>;

/**
 * Null where a table is too large to be looked through in time, as one without an index may be, or may not be read by our
 * database user. Nothing more can be asked of the snapshot then.
 */
function patiently(client: Queryable): Look {
  let isOver = false;
  return async <R extends object>(sql: string, values: unknown[]) => {
    if (isOver) return null;
    try {
      return (await client.query(sql, values)).rows as R[];
    } catch (error) {
      if (!['57014', '42501'].includes((error as { code?: string }).code ?? '')) throw error;
      isOver = true;
      return null;
    }
  };
}

/** Rows of the key's table that point at these rows and are not among `known`. */
async function pointing(
  look: Look,
  key: ForeignKey,
  at: ReadonlySet<string>,
  known: ReadonlySet<string>,
  limit: number,
): Promise<string[] | null> {
  const on = key.columns.map((column, index) => `s.${quote(column)} = t.${quote(key.targetColumns[index] as string)}`);
  const source = `${key.isSourcePartitioned ? '' : 'only '}${quote(key.schema)}.${quote(key.table)}`;
  const target = `${key.isTargetPartitioned ? '' : 'only '}${quote(key.targetSchema)}.${quote(key.targetTable)}`;
  const found = await look<{ id: string }>(
    `select ${placeOf('s')} as id from ${source} s
     where exists (select 1 from ${target} t where ${isAt('t', '$1', '$2')} and ${on.join(' and ')})
       and ${placeOf('s')} <> all($3::text[]) limit ${limit}`,
    [...placesIn(at), [...known]],
  );
  return found?.map(({ id }) => id) ?? null;
}

/** SQL of a row's place: `16384 (0,1)`. A row's own number is unique only within one physical table, and partitions are many. */
function placeOf(alias: string): string {
  return `(${alias}.tableoid::text || ' ' || ${alias}.ctid::text)`;
}

/** The numbers find the rows, the places tell those of other partitions apart. */
function isAt(alias: string, numbers: string, places: string): string {
  return `${alias}.ctid = any(${numbers}::tid[]) and ${placeOf(alias)} = any(${places}::text[])`;
}

function placesIn(places: Iterable<string>): [numbers: string[], places: string[]] {
  const all = [...places];
  return [[...new Set(all.map((place) => place.slice(place.indexOf(' ') + 1)))], all];
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** Adds to `rows` what cascades take along, level by level, each row once. False: not all of it. */
async function follow(look: Look, keys: readonly ForeignKey[], rows: Rows, root: string): Promise<boolean> {
  let level: Rows = new Map([[root, new Set(rows.get(root))]]);
  let isComplete = true;
  while (level.size > 0) {
    const next: Rows = new Map();
    for (const [table, at] of level) {
      for (const key of keys.filter(({ target, action }) => target === table && action === 'cascade')) {
        const room = limits.record.followed - [...rows.values()].reduce((sum, all) => sum + all.size, 0);
        if (room <= 0) return false;
        const known = rows.get(key.source) ?? new Set();
        const found = await pointing(look, key, at, known, room + 1);
        if (found === null || found.length > room) isComplete = false;
        for (const id of found?.slice(0, room) ?? []) {
          rows.set(key.source, (rows.get(key.source) ?? new Set()).add(id));
          next.set(key.source, (next.get(key.source) ?? new Set()).add(id));
        }
      }
    }
    level = next;
  }
  return isComplete;
}

interface Left {
  key: ForeignKey;
  ids: string[];
  isMore: boolean;
}

/** What points at rows that go and does not go itself: cleared, or in the way. */
async function leftBehind(look: Look, keys: readonly ForeignKey[], rows: Rows) {
  const cleared: Left[] = [];
  const forbidding: Left[] = [];
  let isComplete = true;
  for (const key of keys) {
    const at = rows.get(key.target);
    if (key.action === 'cascade' || !at || at.size === 0) continue;
    const found = await pointing(look, key, at, rows.get(key.source) ?? new Set(), mostCounted + 1);
    if (found === null) isComplete = false;
    if (!found || found.length === 0) continue;
    const left = { key, ids: found.slice(0, mostCounted), isMore: found.length > mostCounted };
    (key.action === 'clear' ? cleared : forbidding).push(left);
  }
  return { cleared, forbidding, isComplete };
}

function affectedOf(about: { db: Database; register: Register; resource: Resource; principal: Principal }) {
  const { db, register, resource, principal } = about;
  const { metadata } = resource;
  return async (
    { schema, name }: Table,
    columns: readonly string[],
    ids: readonly string[],
    { isMore }: { isMore: boolean },
  ): Promise<Affected> => {
    const model = Object.values(metadata.models).find(({ dbSchema, dbTable }) => dbSchema === schema && dbTable === name) ?? null;
    const own = model === null ? null : model === resource.model ? resource : resource.related(model.name);
    return {
      model,
      resource: own,
      table: name,
      links: model === null ? linkedBy(resource, `${quote(schema)}.${quote(name)}`) : null,
      columns,
      count: ids.length,
      isMore,
      records: own ? await firstTitles(db, register, own, principal, ids) : [],
    };
  };
}

function linkedBy({ metadata, model: first }: Resource, joinTable: string): [string, string] | null {
  for (const model of [first, ...Object.values(metadata.models)]) {
    for (const { relation } of Object.values(model.fields)) if (relation?.joinTable === joinTable) return [model.name, relation.model];
  }
  return null;
}

async function firstTitles(db: Database, register: Register, resource: Resource, principal: Principal, places: readonly string[]) {
  const { model } = resource;
  if (model.idFields.length === 0) return [];
  const { rows } = await db.pages.query<{ key: string }>(
    `select ${keySql(model, 't')} as key from ${model.table} t where ${isAt('t', '$1', '$2')}`,
    placesIn(places.slice(0, mostCounted)),
  );
  const keys = rows.map(({ key }) => key);
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(model, keys)] };
  const seen = await readTitled(register, { resource, where, limit: mostTitled });
  return seen.map(({ key, title }) => ({ id: keyToUrl(model, key), title: title || keyToUrl(model, key) }));
}
