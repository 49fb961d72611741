import type { Queryable } from '../../db/transaction.ts';

/**
 * Rows that the connection's transaction has written so far, in any table; only the difference of two
 * counts says something. Null: the server does not count.
 */
export async function countWritten(client: Queryable): Promise<number | null> {
  const { rows } = await client.query<{ count: string | null }>(
    `select case when current_setting('track_counts')::boolean then sum(pg_stat_get_xact_tuples_inserted(oid)
       + pg_stat_get_xact_tuples_updated(oid) + pg_stat_get_xact_tuples_deleted(oid))::text end as count
     from pg_class where relkind in ('r', 'm')`,
  );
  const count = rows[0]?.count;
  return count ? Number(count) : null;
}
