import type { Pool } from 'pg';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import type { ResourceDefinition } from './define-resource.ts';

interface Facts {
  /** `schema.table`, unquoted. */
  place: string;
  comment: string | null;
  /** On which a foreign table is. */
  server: string | null;
  hasHeirs: boolean;
  hasStrictDomains: boolean;
  /** Columns of a domain over an enum, which PostgreSQL compares with nothing. */
  incomparable: readonly string[];
  columns: Readonly<Record<string, string>>;
}

const strictSql = `exists (select from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attrelid = c.oid and a.attnum > 0 and t.typtype = 'd' and t.typnotnull)`;

const incomparableSql = `array(select a.attname::text from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_type base on base.oid = t.typbasetype
  where a.attrelid = c.oid and a.attnum > 0 and t.typtype = 'd' and base.typtype = 'e')`;

// What an extension made says nothing of ours.
const factsSql = `select n.nspname || '.' || c.relname as place, obj_description(c.oid, 'pg_class') as comment,
    (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid) as server,
    c.relkind = 'r' and c.relhassubclass and exists (select from pg_inherits i where i.inhparent = c.oid) as "hasHeirs",
    ${strictSql} as "hasStrictDomains", ${incomparableSql} as incomparable,
    coalesce((select jsonb_object_agg(a.attname, d.description) from pg_description d join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
      where d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid > 0 and not a.attisdropped), '{}') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
    and (c.relkind = 'f' or c.relhassubclass or ${strictSql} or cardinality(${incomparableSql}) > 0 or exists (select from pg_description d where d.classoid = 'pg_class'::regclass and d.objoid = c.oid))`;

/**
 * The definitions, with what the database says about its tables and columns: comments, and which
 * are on another server, where no commit of ours reaches, or have rows of others that inherit.
 */
export async function addCatalogFacts(
  definitions: readonly ResourceDefinition[],
  pool: Pool,
): Promise<readonly ResourceDefinition[]> {
  const { rows } = await pool.query<Facts>(factsSql);
  if (rows.length === 0) return definitions;
  const facts = new Map(rows.map((row) => [row.place, row]));
  const known = new Map<Metadata, Metadata>();
  return definitions.map((definition) => {
    const metadata = known.get(definition.metadata) ?? withFacts(definition.metadata, facts);
    known.set(definition.metadata, metadata);
    return { ...definition, metadata };
  });
}

function withFacts(metadata: Metadata, facts: ReadonlyMap<string, Facts>): Metadata {
  const models = Object.entries(metadata.models).map(([name, model]) => {
    const own = facts.get(`${model.dbSchema}.${model.dbTable}`);
    return [name, own ? modelWith(model, own) : model];
  });
  return { ...metadata, models: Object.fromEntries(models) };
}

function modelWith(model: ModelMeta, facts: Facts): ModelMeta {
  const { comment, server, hasHeirs, hasStrictDomains, columns, incomparable } = facts;
  const commentOf = (field: FieldMeta): string | undefined => {
    if (field.dbColumn !== null) return columns[field.dbColumn];
    // A foreign key is shown as its relation.
    const [key, ...more] = field.relation?.fromFields ?? [];
    return key === undefined || more.length > 0
      ? undefined
      : columns[model.fields[key]?.dbColumn ?? ''];
  };
  const all = Object.values(model.fields);
  // As the columns that Prisma does not know, which it leaves out.
  const left = all.filter(({ dbColumn }) => incomparable.includes(dbColumn ?? ''));
  const fields = all
    .filter((field) => !left.includes(field))
    .map((field): FieldMeta => {
      const said = commentOf(field);
      return said ? { ...field, comment: said } : field;
    });
  const needed = left.filter(({ isRequired, hasDefault }) => isRequired && !hasDefault);
  return {
    ...model,
    ...(comment && { comment }),
    ...(server !== null && { foreignServer: server, isView: true }),
    ...(hasHeirs && { hasHeirs }),
    ...(hasStrictDomains && { hasStrictDomains }),
    unwritable: [...model.unwritable, ...needed.map(({ name }) => name)],
    fields: Object.fromEntries(fields.map((field) => [field.name, field])),
  };
}
