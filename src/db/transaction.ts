import type { Pool, PoolClient, QueryResult, QueryResultRow } from 'pg';

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
}

/**
 * Runs `work` in one READ COMMITTED transaction: committed when it resolves, rolled back when it
 * throws.
 */
export async function transaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { first = [], last = [] }: TransactionOptions = {},
): Promise<T> {
  const client = await pool.connect();
  let isBroken = false;
  try {
    await client.query(['begin isolation level read committed', ...first].join('; '));
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
