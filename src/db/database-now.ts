import type { Queryable } from './transaction.ts';

/**
 * The time by the clock of the database, in ms: what is to happen at a time does so by that one,
 * however far that of a process is off.
 */
export async function databaseNow(client: Queryable): Promise<number> {
  const { rows } = await client.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  );
  return rows[0]?.ms ?? 0;
}
