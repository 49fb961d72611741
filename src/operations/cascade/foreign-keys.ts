import type { Queryable } from '../../db/transaction.ts';

/** A foreign key as the database has it, whatever Prisma knows of it. */
export interface ForeignKey {
  /** Oids as text, of the table that points and of the one pointed at. */
  source: string;
  target: string;
  schema: string;
  table: string;
  columns: readonly string[];
  targetSchema: string;
  targetTable: string;
  targetColumns: readonly string[];
  /**
   * True for a key of a partitioned table: it covers the rows of all partitions. Any other key
   * covers the rows of its own table only.
   */
  isSourcePartitioned: boolean;
  isTargetPartitioned: boolean;
  /** What happens to the pointing rows when the row they point at is deleted. */
  action: 'cascade' | 'clear' | 'forbid';
  /** Are the pointing rows written when the columns they point at are? */
  followsUpdates: boolean;
  isIndexed: boolean;
}

/** Is there a foreign key by which records of a table may not lead to others of it that go? */
export async function leadsToItself(client: Queryable, table: string): Promise<boolean> {
  const { rows } = await client.query<{ leads: boolean }>(
    `select exists (select from pg_constraint where contype = 'f' and conrelid = to_regclass($1) and confrelid = conrelid and confdeltype in ('a', 'r')) as leads`,
    [table],
  );
  return rows[0]?.leads === true;
}

type KeyRow = ForeignKey & { rule: string; isRequired: boolean };

const columnsSql = (relation: string, numbers: string) =>
  `(select array_agg(a.attname::text order by k.place) from unnest(${numbers}) with ordinality k(number, place)
    join pg_attribute a on a.attrelid = ${relation} and a.attnum = k.number)`;

const keysSql = `select con.conrelid::oid::text as source, con.confrelid::oid::text as target,
    source_schema.nspname as schema, source.relname as table, ${columnsSql('con.conrelid', 'con.conkey')} as columns,
    target_schema.nspname as "targetSchema", target.relname as "targetTable", ${columnsSql('con.confrelid', 'con.confkey')} as "targetColumns",
    source.relkind = 'p' as "isSourcePartitioned", target.relkind = 'p' as "isTargetPartitioned", con.confdeltype::text as rule,
    con.confupdtype in ('c', 'n', 'd') as "followsUpdates",
    exists (select 1 from pg_attribute a where a.attrelid = con.conrelid and a.attnotnull and a.attnum = any(con.conkey)) as "isRequired",
    exists (select 1 from pg_index i where i.indrelid = con.conrelid and i.indisvalid and i.indpred is null and i.indkey[0] = any(con.conkey)) as "isIndexed"
  from pg_constraint con
  join pg_class source on source.oid = con.conrelid join pg_namespace source_schema on source_schema.oid = source.relnamespace
  join pg_class target on target.oid = con.confrelid join pg_namespace target_schema on target_schema.oid = target.relnamespace
  where con.contype = 'f' and con.conparentid = 0
  order by source_schema.nspname, source.relname, con.conname`;

const heirsSql = `select nspname::text as schema, parent.relname::text as table, min(heir.relname::text) as heir
  from pg_inherits join pg_class parent on parent.oid = inhparent and parent.relkind = 'r' join pg_namespace on pg_namespace.oid = parent.relnamespace
  join pg_class heir on heir.oid = inhrelid group by 1, 2`;

/**
 * Tables from which others inherit, as `[schema, table]` in JSON, each with the name of one that
 * does. Partitions are of their table.
 */
export type Heirs = ReadonlyMap<string, string>;

/**
 * Every foreign key of the database. Emptying a column that may not be empty forbids as well as a
 * rule that says so.
 */
export async function readForeignKeys(client: Queryable): Promise<ForeignKey[]> {
  const { rows } = await client.query<KeyRow>(keysSql);
  return rows.map(keyOf);
}

/** The same, and which tables have heirs, in one statement. */
export async function readKeysAndHeirs(
  client: Queryable,
): Promise<{ keys: ForeignKey[]; heirs: Heirs }> {
  const list = (sql: string) => `(select coalesce(json_agg(item), '[]') from (${sql}) item)`;
  const { rows } = await client.query<{
    keys: KeyRow[];
    heirs: { schema: string; table: string; heir: string }[];
  }>(`select ${list(keysSql)} as keys, ${list(heirsSql)} as heirs`);
  const { keys = [], heirs = [] } = rows[0] ?? {};
  return {
    keys: keys.map(keyOf),
    heirs: new Map(heirs.map(({ schema, table, heir }) => [JSON.stringify([schema, table]), heir])),
  };
}

function keyOf({ rule, isRequired, ...key }: KeyRow): ForeignKey {
  return { ...key, action: actionOf(rule, isRequired) };
}

function actionOf(rule: string, isRequired: boolean): ForeignKey['action'] {
  if (rule === 'c') return 'cascade';
  if (rule === 'd') return 'clear';
  return rule === 'n' && !isRequired ? 'clear' : 'forbid';
}
