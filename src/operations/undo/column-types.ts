import type { Queryable } from '../../db/transaction.ts';

/**
 * The types of a table’s columns by their names, as the database has them and without lengths, of those whose text in an
 * image can be read as the type: lists and rows are JSON of their own there.
 */
export type ColumnTypes = ReadonlyMap<string, string>;

export async function readColumnTypes(client: Queryable, table: string): Promise<ColumnTypes> {
  const { rows } = await client.query<{ name: string; type: string }>(
    `select attname::text as name, format_type(atttypid, -1) as type from pg_attribute join pg_type on pg_type.oid = atttypid
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and typtype in ('b', 'e') and typcategory <> 'A' and typelem = 0`,
    [table],
  );
  return new Map(rows.map(({ name, type }) => [name, type]));
}
