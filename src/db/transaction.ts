import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';
import { inTurn, takesTurns } from './turns.ts';

/** A pool, or a client inside a transaction. */
export interface Queryable {
  query<R extends QueryResultRow = QueryResultRow>(
    sql: string,
    values?: unknown[],
  ): Promise<QueryResult<R>>;
}

/** Statements that travel with the begin and with the commit, so that they cost no round trip. */
export interface TransactionOptions {
  first?: readonly string[];
  last?: readonly string[];
  /** It waits for no row and for no lock, so it takes no turn. */
  waitsForNobody?: boolean;
}

/** Settings that every transaction on a pool begins with, where its connections cannot have them. */
const beginnings = new WeakMap<object, Readonly<Record<string, number>>>();

export function beginWith(pool: Pool, settings: Readonly<Record<string, number>>): void {
  beginnings.set(pool, settings);
}

/** Milliseconds by the names of settings; none where the connections have them. */
export function beginningOf(pool: object): Readonly<Record<string, number>> {
  return beginnings.get(pool) ?? {};
}

/**
 * Runs `work` in one READ COMMITTED transaction: committed when it resolves, rolled back when it
 * throws.
 */
export async function transaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  options: TransactionOptions = {},
): Promise<T> {
  if (!takesTurns(pool) || options.waitsForNobody) return transact(pool, work, options);
  return inTurn(pool, () => transact(pool, work, options));
}

async function transact<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { first = [], last = [] }: TransactionOptions,
): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    const begin = [
      'begin isolation level read committed',
      ...Object.entries(beginningOf(pool)).map(([name, ms]) => `set local ${name} = ${ms}`),
      ...first,
    ];
    await client.query(begin.join('; '));
    const result = await work(client);
    await client.query([...last, 'commit'].join('; '));
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => {
      isBroken = true;
    });
    throw error;
  } finally {
    client.release(isBroken);
  }
}
