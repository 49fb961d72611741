import { escapeLiteral } from 'pg';
import type { Queryable } from '../../db/transaction.ts';

/** Names of the columns that a table has now, as the database knows them. */
export async function listColumns(client: Queryable, table: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select attname::text as name from ${columnsOf(table)} order by attnum`,
  );
  return rows.map(({ name }) => name);
}

/** SQL of how many these are. */
export function columnCount(table: string): string {
  return `(select count(*) from ${columnsOf(table)})`;
}

function columnsOf(table: string): string {
  return `pg_attribute where attrelid = ${escapeLiteral(table)}::regclass and attnum > 0 and not attisdropped`;
}
