import type { Pool } from 'pg';
import type { FieldMeta } from '../metadata/contract.ts';

export interface ColumnType {
  type: string;
  /** Its collation finds texts equal that differ, and PostgreSQL has no patterns for it. */
  isLoose: boolean;
}

/**
 * By `schema.table.column`, unquoted: the type as the database has it, with the names that the
 * schema's types have.
 */
export async function columnTypes(pool: Pool): Promise<ReadonlyMap<string, ColumnType>> {
  const { rows } = await pool.query<{
    place: string;
    type: string;
    schema: string | null;
    isLoose: boolean;
  }>(
    `select n.nspname || '.' || c.relname || '.' || a.attname as place, format_type(coalesce(item.oid, t.oid), a.atttypmod) || case when item.oid is null then '' else '[]' end as type,
       case when t.typnamespace = 'pg_catalog'::regnamespace or pg_type_is_visible(coalesce(item.oid, t.oid)) then null
         else quote_ident(tn.nspname) || '.' || quote_ident(coalesce(item.typname, t.typname)) || case when item.oid is null then '' else '[]' end end as schema,
       exists (select from pg_collation l where l.oid = a.attcollation and not l.collisdeterministic) as "isLoose"
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
       join pg_type t on t.oid = a.atttypid join pg_namespace tn on tn.oid = t.typnamespace
       left join pg_type item on item.oid = t.typelem and t.typcategory = 'A'
     where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')`,
  );
  return new Map(
    rows.map(({ place, type, schema, isLoose }) => [
      place,
      { type: schema ?? short(type), isLoose },
    ]),
  );
}

function short(type: string): string {
  return type
    .replace(/^character varying/, 'varchar')
    .replace(/^bit varying/, 'varbit')
    .replace(/^(timestamp|time)(\(\d\))? without time zone/, '$1$2')
    .replace(/^(timestamp|time)(\(\d\))? with time zone/, '$1tz$2');
}

/** Types between which only lengths, places and letters of no case differ. */
const families: readonly RegExp[] = [
  /^(text|varchar|character|bpchar|(?:[^.]+\.)?citext)(\(|\[|$)/,
  /^numeric(\(|\[|$)/,
  /^timestamp(\(|\[|$)/,
  /^timestamptz(\(|\[|$)/,
  /^time(\(|\[|$)/,
  /^timetz(\(|\[|$)/,
  /^(bit|varbit)(\(|\[|$)/,
];

/**
 * The column's own type, where it differs from the schema's in what it holds only; null: the
 * schema's.
 */
export function typeOf(
  { sqlType, isList, isId }: FieldMeta,
  columnType: string | undefined,
): string | null {
  if (!sqlType || !columnType || columnType === sqlType || columnType.endsWith('[]') !== isList)
    return null;
  // A key's text hangs on the type that the schema names, but for where that stands.
  if (isId && !columnType.endsWith('citext')) return null;
  return families.some((family) => family.test(sqlType) && family.test(columnType))
    ? columnType
    : null;
}
