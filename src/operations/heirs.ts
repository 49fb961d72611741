import type { Queryable } from '../db/transaction.ts';

/** Tables from which others inherit, as `[schema, table]` in JSON, each with the name of one that does. Partitions are of their table. */
export type Heirs = ReadonlyMap<string, string>;

export async function readHeirs(client: Queryable): Promise<Heirs> {
  const { rows } = await client.query<{ schema: string; table: string; heir: string }>(
    `select nspname::text as schema, parent.relname::text as table, min(heir.relname::text) as heir
     from pg_inherits join pg_class parent on parent.oid = inhparent and parent.relkind = 'r' join pg_namespace on pg_namespace.oid = parent.relnamespace
     join pg_class heir on heir.oid = inhrelid group by 1, 2`,
  );
  return new Map(rows.map(({ schema, table, heir }) => [JSON.stringify([schema, table]), heir]));
}
