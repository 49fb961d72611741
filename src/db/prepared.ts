import type { QueryResult, QueryResultRow } from 'pg';
import pg from 'pg';
import type { Queryable } from './transaction.ts';

/**
 * Runs a statement that a worker sends for every chunk, under a name: PostgreSQL plans it once for
 * each connection. Only for connections of a worker, which are its own; behind a pooler the name
 * would be somebody else's. Prisma's client takes no names: there it runs as any other.
 */
export function queryPrepared<R extends QueryResultRow>(
  client: Queryable,
  name: string,
  text: string,
  values: unknown[],
): Promise<QueryResult<R>> {
  if (!(client instanceof pg.Client)) return client.query<R>(text, values);
  return client.query<R>({ name: `bulkhead_${name}`, text, values });
}
