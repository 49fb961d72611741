import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { type TableNames, tableNames } from '../db/names.ts';
import { fragmentOf, join, type Sql, type Statement, shared } from '../db/sql.ts';
import { AppError } from '../errors.ts';
import { withFolded } from '../fields/folded.ts';
import type { Metadata, ModelMeta } from '../metadata/contract.ts';
import { keyAmong } from '../metadata/key-sql.ts';
import type { Client, Where } from './client.ts';
import { delegateOf } from './delegate.ts';

/**
 * The SQL that Prisma would run to read these fields (default: the id) of the records of a `where`.
 * Columns have their database names.
 */
export type WhereSql = (model: ModelMeta, where: Where, fields?: readonly string[]) => Promise<Sql>;

/**
 * In a `where`, as one of the conditions of an `AND`: records whose key is among rows that a
 * statement over our own tables reads. Prisma knows no such argument, so that whoever hands it one,
 * or nests it elsewhere, is refused and never answered with more.
 */
export const keysAmong = '_keysAmong';

/** The statement reads one column, the key. */
export interface KeysAmong {
  sql(t: TableNames): Sql;
}

/**
 * One `where` must mean one thing, whether Prisma reads or PostgreSQL does. So the statement is
 * Prisma's own: a client over a pool that connects to nothing tells it.
 */
export function recordWhereSql(
  createClient: (pool: pg.Pool) => Client,
  loose: ReadonlySet<string> = new Set(),
  t: TableNames = tableNames('bulkhead'),
): WhereSql {
  const storage = new AsyncLocalStorage<Statement[]>();
  let client: Client | null = null;
  return async (model, given, fields = model.idFields) => {
    const { where, among } = split(given);
    client ??= createClient(recordingPool(storage));
    const delegate = delegateOf(client, model);
    const statements: Statement[] = [];
    const select = Object.fromEntries(fields.map((name) => [name, true]));
    await storage
      .run(statements, async () => await delegate.findMany({ where, select }))
      .catch((error: { code?: string }) => {
        // Prisma answered with several statements in a transaction, or refused: the `where` cannot
        // be one statement. What our pool throws then, it wraps in an error of its own.
        throw error.code === 'P2029' || error.code === tooManyCode ? tooManyValues() : error;
      });
    const [statement, ...more] = statements;
    if (!statement || more.length > 0) {
      throw new Error(
        `createClient: its client must read a ${model.name} by one statement over the pool that it is given, not ${statements.length}.`,
      );
    }
    const found = takenApart(withFolded(withPatterns(withoutOffset(statement), loose)));
    // Prisma writes the conditions last, and alternatives in brackets.
    return join(
      [found, ...among.map((keys) => keyAmong(model, model.table, keys.sql(t)))],
      ' AND ',
    );
  };
}

function split(where: Where): { where: Where; among: readonly KeysAmong[] } {
  const { [keysAmong]: own, AND: all, ...rest } = where as Where & { [keysAmong]?: KeysAmong };
  const inner = Array.isArray(all) ? all.map((one) => split(one as Where)) : [];
  const among = [...(own ? [own] : []), ...inner.flatMap((one) => one.among)];
  if (among.length === 0) return { where, among };
  return {
    where: { ...rest, ...(inner.length > 0 && { AND: inner.map((one) => one.where) }) },
    among,
  };
}

/**
 * Prisma's own text as a fragment, for several places of a statement. What stands in quotes is no
 * value.
 */
function takenApart({ text, values }: Statement): Sql {
  const strings: string[] = [];
  const found: unknown[] = [];
  let end = 0;
  for (const { 0: whole, 1: number, index } of text.matchAll(
    /"(?:[^"]|"")*"|'(?:[^']|'')*'|\$(\d+)/g,
  )) {
    if (number === undefined) continue;
    strings.push(text.slice(end, index));
    found.push(values[Number(number) - 1]);
    end = index + whole.length;
  }
  return shared(fragmentOf([...strings, text.slice(end)], found));
}

function recordingPool(storage: AsyncLocalStorage<Statement[]>): pg.Pool {
  const pool = new pg.Pool({ max: 1 });
  const query = async ({ text, values }: Statement) => {
    storage.getStore()?.push({ text, values: [...(values ?? [])] });
    return { command: 'SELECT', rows: [], fields: [], rowCount: 0, oid: 0 };
  };
  const connect = async () => {
    throw tooManyValues();
  };
  return Object.assign(pool, { query, connect });
}

const tooManyCode = 'too-many-values';

function tooManyValues(): AppError {
  return new AppError(tooManyCode, 422, 'The filter has too many values.');
}

// Prisma ends every read with `OFFSET 0`, which would keep the planner from seeing through a
// subquery.
function withoutOffset({ text, values }: Statement): Statement {
  const place = ` OFFSET $${values.length}`;
  if (!text.endsWith(place) || Number(values.at(-1)) !== 0) return { text, values };
  return { text: text.slice(0, -place.length), values: values.slice(0, -1) };
}

/** Quoted columns whose collation finds texts equal that differ. */
export function looseColumns(metadatas: Iterable<Metadata>): ReadonlySet<string> {
  const fields = [...metadatas]
    .flatMap(({ models }) => Object.values(models))
    .flatMap((model) => Object.values(model.fields));
  return new Set(fields.flatMap(({ isLoose, column }) => (isLoose && column ? [column] : [])));
}

/**
 * A pool whose clients may ask for patterns in such columns too: Prisma writes the statements, so
 * they are changed on their way.
 */
export function patternedPool(pool: pg.Pool, loose: ReadonlySet<string>): pg.Pool {
  if (loose.size === 0) return pool;
  const asked = <T extends object>(target: T, own: Readonly<Record<string, unknown>>): T =>
    new Proxy(target, {
      get(_, name) {
        if (typeof name === 'string' && Object.hasOwn(own, name)) return own[name];
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const queryOf = (target: pg.Pool | pg.PoolClient) => ({
    query: (given: string | Statement, ...rest: unknown[]) =>
      Reflect.apply(target.query as (...args: unknown[]) => unknown, target, [
        typeof given === 'string'
          ? patterned(given, loose)
          : { ...given, text: patterned(given.text, loose) },
        ...rest,
      ]),
  });
  const connect = async () => {
    const client = await pool.connect();
    return asked(client, queryOf(client));
  };
  return asked(pool, { ...queryOf(pool), connect });
}

function withPatterns({ text, values }: Statement, loose: ReadonlySet<string>): Statement {
  return { text: patterned(text, loose), values };
}

// There PostgreSQL refuses patterns, and finds them in any letters with the database's own
// collation.
function patterned(text: string, loose: ReadonlySet<string>): string {
  if (loose.size === 0) return text;
  return text.replace(
    /("(?:[^"]|"")+")((?:::text)?) ((?:NOT )?I?LIKE )/g,
    (whole, column: string, cast: string, operator: string) =>
      loose.has(column) ? `${column}${cast} COLLATE pg_catalog."default" ${operator}` : whole,
  );
}
