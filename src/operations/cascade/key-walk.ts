import { escapeIdentifier } from 'pg';
import type { Database } from '../../db/database.ts';
import { query, raw, type Sql, shared, sql } from '../../db/sql.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { idRow } from '../../metadata/key-sql.ts';
import type { ForeignKey } from './foreign-keys.ts';

/** Places of rows by the oid of their table. */
export type PlacesByTable = Map<string, Set<string>>;

/** The table's oid; one that nothing points at needs none. */
export function rootId(keys: readonly ForeignKey[], { dbSchema, dbTable }: ModelMeta): string {
  return (
    keys.find(
      ({ targetSchema, targetTable }) => targetSchema === dbSchema && targetTable === dbTable,
    )?.target ?? 'root'
  );
}

/** Places in a table hold still only within a snapshot. */
export async function inSnapshot<T>(
  db: Database,
  maxWaitMs: number,
  work: (client: Queryable) => Promise<T>,
): Promise<T> {
  const client = await db.pages.connect();
  let isBroken = false;
  try {
    await client.query(
      `begin isolation level repeatable read read only; set local statement_timeout = ${maxWaitMs}`,
    );
    return await work(client);
  } finally {
    await client.query('rollback').catch(() => {
      isBroken = true;
    });
    client.release(isBroken);
  }
}

export type PatientQuery = <R extends object>(asked: Sql) => Promise<R[] | null>;

/**
 * Wraps a client so that a query gives null when a table is too large to read in time (no index),
 * or our database user may not read it. The snapshot is then over: nothing more can be asked of it.
 */
export function patiently(client: Queryable): PatientQuery {
  let isOver = false;
  return async <R extends object>(asked: Sql) => {
    if (isOver) return null;
    try {
      return (await query(client, asked)).rows as R[];
    } catch (error) {
      if (
        ![sqlstate.queryCanceled, sqlstate.insufficientPrivilege].includes(
          (error as { code?: string }).code ?? '',
        )
      )
        throw error;
      isOver = true;
      return null;
    }
  };
}

/** Places of the records that are chosen by their ids, of so many at most. */
export async function chosenPlaces(
  look: PatientQuery,
  model: ModelMeta,
  chosen: Sql,
  max: number,
): Promise<Set<string> | null> {
  const ids = model.idFields.map((name) => `chosen.${model.fields[name]?.column}`);
  const rows = await look<{ id: string }>(
    sql`select ${raw(`${placeOf('t')} as id from ${model.table} t`)} join (${chosen}) chosen on ${raw(`${idRow(model, 't')} = (${ids.join(', ')}) limit ${max}`)}`,
  );
  return rows && new Set(rows.map(({ id }) => id));
}

/** Rows of the key's table that point at these rows and are not among `known`. */
export async function pointing(
  look: PatientQuery,
  key: ForeignKey,
  at: ReadonlySet<string>,
  known: ReadonlySet<string>,
  limit: number,
): Promise<string[] | null> {
  const on = key.columns.map(
    (column, index) =>
      `s.${escapeIdentifier(column)} = t.${escapeIdentifier(key.targetColumns[index] as string)}`,
  );
  const source = `${key.isSourcePartitioned ? '' : 'only '}${escapeIdentifier(key.schema)}.${escapeIdentifier(key.table)}`;
  const target = `${key.isTargetPartitioned ? '' : 'only '}${escapeIdentifier(key.targetSchema)}.${escapeIdentifier(key.targetTable)}`;
  const found = await look<{ id: string }>(
    sql`select ${raw(placeOf('s'))} as id from ${raw(source)} s
     where exists (select 1 from ${raw(target)} t where ${isAt('t', placesIn(at))} and ${raw(on.join(' and '))})
       and ${raw(placeOf('s'))} <> all(${[...known]}::text[]) limit ${raw(String(limit))}`,
  );
  return found?.map(({ id }) => id) ?? null;
}

/**
 * SQL of a row's place: `16384 (0,1)`. A row's own number is unique only within one physical table,
 * and partitions are many.
 */
export function placeOf(alias: string): string {
  return `(${alias}.tableoid::text || ' ' || ${alias}.ctid::text)`;
}

/** The numbers find rows by ctid; the places then tell rows of different partitions apart. */
export interface Places {
  numbers: Sql;
  places: Sql;
}

export function placesIn(places: Iterable<string>): Places {
  const all = [...places];
  const numbers = [...new Set(all.map((place) => place.slice(place.indexOf(' ') + 1)))];
  return { numbers: shared(sql`${numbers}::tid[]`), places: shared(sql`${all}::text[]`) };
}

export function isAt(alias: string, { numbers, places }: Places): Sql {
  return sql`${raw(alias)}.ctid = any(${numbers}) and ${raw(placeOf(alias))} = any(${places})`;
}

/**
 * Adds to `rows` what cascades take along, level by level, each row once, until there are `max`.
 * False: not all of it.
 */
export async function follow(
  look: PatientQuery,
  keys: readonly ForeignKey[],
  rows: PlacesByTable,
  root: string,
  max: number,
): Promise<boolean> {
  let level: PlacesByTable = new Map([[root, new Set(rows.get(root))]]);
  let isComplete = true;
  while (level.size > 0) {
    const next: PlacesByTable = new Map();
    for (const [table, at] of level) {
      for (const key of keys.filter(
        ({ target, action }) => target === table && action === 'cascade',
      )) {
        const room = max - [...rows.values()].reduce((sum, all) => sum + all.size, 0);
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
