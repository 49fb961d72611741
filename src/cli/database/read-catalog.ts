import type pg from 'pg';
import { UtcClient } from '../../db/client.ts';
import { openDatabase } from '../../db/database.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { AppError } from '../../errors.ts';

/** What a database that nobody wrote a schema for holds, as far as `db pull` leaves it out. */
export interface Catalog {
  readonly database: string;
  /** The role that asks. */
  readonly role: string;
  readonly tables: readonly FoundTable[];
  /** Every Postgres schema that has any, also of an extension. */
  readonly schemas: readonly string[];
  readonly enums: readonly FoundEnum[];
}

export type TableKind = 'table' | 'view' | 'materialized view' | 'foreign table';

export interface FoundTable {
  readonly schema: string;
  readonly name: string;
  readonly kind: TableKind;
  readonly comment: string | null;
  /** The role may read all of it. */
  readonly isReadable: boolean;
  /** Name of the server that a foreign table is on. */
  readonly server: string | null;
  readonly columns: readonly FoundColumn[];
}

export interface FoundColumn {
  readonly name: string;
  /** Of a domain, that of what it is over; of a list, that of an item. */
  readonly type: string;
  readonly typeSchema: string;
  /** As `format_type` says, with lengths: `numeric(10,2)`. */
  readonly fullType: string;
  readonly isList: boolean;
  readonly isEnum: boolean;
  readonly isRequired: boolean;
  readonly comment: string | null;
}

export interface FoundEnum {
  readonly schema: string;
  readonly name: string;
  readonly values: readonly string[];
}

/** Reads it from `pg_catalog`; a database that cannot be administered is one sentence. */
export async function readCatalog(
  connectionString: string,
  ownSchemas: readonly string[],
  schema: string | null,
): Promise<Catalog> {
  await (await openDatabase({ connectionString })).close();
  const client = new UtcClient({ connectionString, application_name: 'bulkhead catalog' });
  try {
    await client.connect();
    return await catalogOf(client, ownSchemas, schema);
  } catch (error) {
    if ((error as { code?: string }).code !== sqlstate.insufficientPrivilege) throw error;
    throw new AppError(
      'unusable-database',
      500,
      `The role of the database may not read its catalog (${(error as Error).message}): let it read pg_catalog, as every role may at first.`,
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

async function catalogOf(
  client: pg.Client,
  ownSchemas: readonly string[],
  schema: string | null,
): Promise<Catalog> {
  const { rows } = await client.query<{ version: string; database: string; role: string }>(
    'select version() as version, current_database() as database, current_user as role',
  );
  const [{ version = '', database = '', role = '' } = {}] = rows;
  if (!version.startsWith('PostgreSQL '))
    throw new AppError(
      'unusable-database',
      500,
      `What answers there is ${version.split(' ')[0]}, and Bulkhead works with PostgreSQL only.`,
    );
  const given = [ownSchemas, schema];
  const tables = (await client.query<FoundTable>(tablesSql, given)).rows;
  const enums = (await client.query<FoundEnum>(enumsSql)).rows;
  const all = await client.query<{ schemas: string[] | null }>(schemasSql);
  return { database, role, tables, enums, schemas: all.rows[0]?.schemas ?? [] };
}

const columnsSql = `select jsonb_agg(jsonb_build_object('name', a.attname, 'type', base.typname, 'typeSchema', bn.nspname,
    'fullType', format_type(whole.oid, case when t.typtype = 'd' then t.typtypmod else a.atttypmod end),
    'isList', item.oid is not null, 'isEnum', base.typtype = 'e', 'isRequired', a.attnotnull or t.typnotnull,
    'comment', col_description(c.oid, a.attnum)) order by a.attnum)
  from pg_attribute a join pg_type t on t.oid = a.atttypid
    join pg_type whole on whole.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
    left join pg_type item on item.oid = whole.typelem and whole.typcategory = 'A'
    join pg_type base on base.oid = coalesce(item.oid, whole.oid) join pg_namespace bn on bn.oid = base.typnamespace
  where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped`;

// Partitions are rows of their table; what an extension made is nobody's data.
const tablesSql = `select n.nspname as schema, c.relname as name,
    case c.relkind when 'v' then 'view' when 'm' then 'materialized view' when 'f' then 'foreign table' else 'table' end as kind,
    obj_description(c.oid, 'pg_class') as comment,
    has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') as "isReadable",
    (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid) as server,
    coalesce((${columnsSql}), '[]') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
    and n.nspname <> all($1::text[]) and ($2::text is null or n.nspname = $2)
    and c.relname <> '_prisma_migrations'
    and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
  order by 1, 2`;

const enumsSql = `select n.nspname as schema, t.typname as name, array_agg(e.enumlabel::text order by e.enumsortorder) as values
  from pg_type t join pg_namespace n on n.oid = t.typnamespace join pg_enum e on e.enumtypid = t.oid
  group by 1, 2 order by 1, 2`;

const schemasSql = `select array_agg(distinct n.nspname::text) as schemas from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'`;
