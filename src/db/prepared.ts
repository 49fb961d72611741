import { createHash } from 'node:crypto';
import type { Pool, QueryResult, QueryResultRow } from 'pg';
import { hasOwnSessions } from './pool.ts';
import type { Statement } from './sql.ts';
import type { Queryable } from './transaction.ts';

/**
 * Sends a statement that is planned once in a connection instead of each time, where planning is
 * most of what it costs. Only over sessions that are ours alone: behind a pooler in transaction mode
 * nobody finds it again. Any other client sends it as it is.
 */
export function queryPrepared<R extends QueryResultRow = QueryResultRow>(
  client: Queryable,
  { text, values }: Statement,
): Promise<QueryResult<R>> {
  if (!hasOwnSessions(client)) return client.query<R>(text, values);
  const name = createHash('sha256').update(text).digest('base64url');
  return (client as Pool).query<R>({ name, text, values });
}
