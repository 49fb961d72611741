import { escapeIdentifier } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import { query, raw, sql } from '../../db/sql.ts';
import { limits } from '../../limits.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { keyToUrl, whereKeys } from '../../metadata/keys.ts';
import type { Where } from '../../resources/client.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { readTitled } from '../../selection/titled.ts';
import { buildWhere } from '../../selection/where.ts';
import { type Cascade, cascadeFrom } from './dependants.ts';
import { type ForeignKey, readKeysAndHeirs } from './foreign-keys.ts';
import {
  chosenPlaces,
  follow,
  inSnapshot,
  isAt,
  type PatientQuery,
  type PlacesByTable,
  patiently,
  placeOf,
  placesIn,
  pointing,
  rootId,
} from './key-walk.ts';

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
  /**
   * Columns by which selected records point at other selected ones that may not be left behind: the
   * order of deletes then decides.
   */
  amongThem: readonly string[];
  /** Can what goes along be kept, so that they can be brought back? */
  cascade: Cascade;
  /** Columns that point at them without an index: every deleted record reads their whole table. */
  unindexed: readonly string[];
}

/** Rows of one table, and where they are cleared or forbid, by which columns. */
export interface Affected {
  model: ModelMeta | null;
  /**
   * Where they are administered, as the principal sees it; null where they are not, or not for this
   * principal.
   */
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

const maxCounted = 1_000;
const maxTitled = 5;
/** Longest that one table is looked at, in milliseconds. */
const maxWaitMs = 4_000;

/**
 * What goes along when the records of `where` (the row scope is the caller's) are deleted. Follows
 * the foreign keys of `pg_constraint`; reads at most 10,000 rows, in one snapshot, by their place
 * in the table, so that tables without a key are counted too. What the principal may not see is
 * counted and not titled.
 */
export async function consequences(
  db: Database,
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  where: Where,
): Promise<Consequences> {
  const { model } = resource;
  const matching = await registry.whereSql(model, where);
  const found = await inSnapshot(db, maxWaitMs, async (client) => {
    const look = patiently(client);
    const { keys, heirs } = await readKeysAndHeirs(client);
    const root = rootId(keys, model);
    const chosen = await chosenPlaces(look, model, matching, limits.record.followed + 1);
    const rows: PlacesByTable = new Map([
      [root, new Set([...(chosen ?? [])].slice(0, limits.record.followed))],
    ]);
    let isComplete = chosen !== null && chosen.size <= limits.record.followed;
    const first = new Set(rows.get(root));
    if (!(await follow(look, keys, rows, root, limits.record.followed))) isComplete = false;
    const left = await leftBehind(look, keys, rows);
    if (!left.isComplete) isComplete = false;
    const gone = [...rows].map(
      ([table, all]) => [table, table === root ? difference(all, first) : all] as const,
    );
    return {
      keys,
      heirs,
      rows,
      gone,
      left,
      isComplete,
      records: first.size,
      amongThem: await amongThem(look, keys, root, first),
    };
  });
  const { keys, heirs, gone, left, rows, isComplete, records } = found;
  const describe = affectedOf({ db, registry, resource, principal });
  const tables = gone.filter(([, all]) => all.size > 0);
  return {
    records,
    isComplete,
    deleted: await Promise.all(
      tables.map(([table, all]) =>
        describe(tableName(keys, table, model), [], [...all], { isMore: !isComplete }),
      ),
    ),
    cleared: await Promise.all(
      left.cleared.map(({ key, ids, isMore }) =>
        describe(sourceOf(key), key.columns, ids, { isMore: isMore || !isComplete }),
      ),
    ),
    forbidding: await Promise.all(
      left.forbidding.map(({ key, ids, isMore }) =>
        describe(sourceOf(key), key.columns, ids, { isMore: isMore || !isComplete }),
      ),
    ),
    amongThem: found.amongThem,
    cascade: cascadeFrom(keys, heirs, registry, model),
    unindexed: keys
      .filter((key) => (rows.get(key.target)?.size ?? 0) > 0 && !key.isIndexed)
      .map((key) => `${key.table} (${key.columns.join(', ')})`),
  };
}

interface KeyTable {
  schema: string;
  name: string;
}

const sourceOf = (key: ForeignKey): KeyTable => ({ schema: key.schema, name: key.table });

function tableName(keys: readonly ForeignKey[], id: string, root: ModelMeta): KeyTable {
  const key = keys.find(({ source }) => source === id);
  return key ? sourceOf(key) : { schema: root.dbSchema, name: root.dbTable };
}

function difference(all: ReadonlySet<string>, without: ReadonlySet<string>): Set<string> {
  return new Set([...all].filter((id) => !without.has(id)));
}

interface Left {
  key: ForeignKey;
  ids: string[];
  isMore: boolean;
}

/** What points at rows that go and does not go itself: cleared, or in the way. */
async function leftBehind(look: PatientQuery, keys: readonly ForeignKey[], rows: PlacesByTable) {
  const cleared: Left[] = [];
  const forbidding: Left[] = [];
  let isComplete = true;
  for (const key of keys) {
    const at = rows.get(key.target);
    if (key.action === 'cascade' || !at || at.size === 0) continue;
    const found = await pointing(look, key, at, rows.get(key.source) ?? new Set(), maxCounted + 1);
    if (found === null) isComplete = false;
    if (!found || found.length === 0) continue;
    const left = { key, ids: found.slice(0, maxCounted), isMore: found.length > maxCounted };
    (key.action === 'clear' ? cleared : forbidding).push(left);
  }
  return { cleared, forbidding, isComplete };
}

async function amongThem(
  look: PatientQuery,
  keys: readonly ForeignKey[],
  root: string,
  at: ReadonlySet<string>,
): Promise<string[]> {
  const columns = new Set<string>();
  for (const key of keys) {
    if (key.action !== 'forbid' || key.source !== root || key.target !== root || at.size < 2)
      continue;
    const on = key.columns.map(
      (column, index) =>
        `s.${escapeIdentifier(column)} = t.${escapeIdentifier(key.targetColumns[index] as string)}`,
    );
    const table = `${escapeIdentifier(key.schema)}.${escapeIdentifier(key.table)}`;
    const places = placesIn(at);
    const found = await look(
      sql`select 1 from ${raw(`${table} s join ${table} t on ${on.join(' and ')}`)}
       where ${isAt('s', places)} and ${isAt('t', places)} and ${raw(`${placeOf('s')} <> ${placeOf('t')}`)} limit 1`,
    );
    if (found && found.length > 0) for (const column of key.columns) columns.add(column);
  }
  return [...columns];
}

function affectedOf(about: {
  db: Database;
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
}) {
  const { db, registry, resource, principal } = about;
  const { metadata } = resource;
  return async (
    { schema, name }: KeyTable,
    columns: readonly string[],
    ids: readonly string[],
    { isMore }: { isMore: boolean },
  ): Promise<Affected> => {
    const model =
      Object.values(metadata.models).find(
        ({ dbSchema, dbTable }) => dbSchema === schema && dbTable === name,
      ) ?? null;
    const own =
      model === null ? null : model === resource.model ? resource : resource.related(model.name);
    return {
      model,
      resource: own,
      table: name,
      links:
        model === null
          ? linkedBy(resource, `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`)
          : null,
      columns,
      count: ids.length,
      isMore,
      records: own ? await firstTitles(db, registry, own, principal, ids) : [],
    };
  };
}

function linkedBy(
  { metadata, model: first }: Resource,
  joinTable: string,
): [string, string] | null {
  for (const model of [first, ...Object.values(metadata.models)]) {
    for (const { relation } of Object.values(model.fields))
      if (relation?.joinTable === joinTable) return [model.name, relation.model];
  }
  return null;
}

async function firstTitles(
  db: Database,
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  places: readonly string[],
) {
  const { model } = resource;
  if (model.idFields.length === 0) return [];
  const { rows } = await query<{ key: string }>(
    db.pages,
    sql`select ${raw(keySql(model, 't'))} as key from ${raw(model.table)} t where ${isAt('t', placesIn(places.slice(0, maxCounted)))}`,
  );
  const keys = rows.map(({ key }) => key);
  const where: Where = { AND: [buildWhere(resource, principal, ''), whereKeys(model, keys)] };
  const seen = await readTitled(registry, { resource, where, limit: maxTitled });
  return seen.map(({ key, title }) => ({
    id: keyToUrl(model, key),
    title: title || keyToUrl(model, key),
  }));
}
