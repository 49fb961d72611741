import type { Pool } from 'pg';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import type { ResourceDefinition } from './define-resource.ts';

interface Facts {
  /** `schema.table`, unquoted. */
  place: string;
  comment: string | null;
  /** On which a foreign table is. */
  server: string | null;
  columns: Readonly<Record<string, string>>;
}

// What an extension made says nothing of ours.
const factsSql = `select n.nspname || '.' || c.relname as place, obj_description(c.oid, 'pg_class') as comment,
    (select s.srvname from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid) as server,
    coalesce((select jsonb_object_agg(a.attname, d.description) from pg_description d join pg_attribute a on a.attrelid = c.oid and a.attnum = d.objsubid
      where d.classoid = 'pg_class'::regclass and d.objoid = c.oid and d.objsubid > 0 and not a.attisdropped), '{}') as columns
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'v', 'm', 'f') and n.nspname not in ('pg_catalog', 'information_schema')
    and (c.relkind = 'f' or exists (select from pg_description d where d.classoid = 'pg_class'::regclass and d.objoid = c.oid))`;

/**
 * The definitions, with what the database says about its tables and columns: comments, and which
 * are on another server, where no commit of ours reaches.
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

function modelWith(model: ModelMeta, { comment, server, columns }: Facts): ModelMeta {
  const commentOf = (field: FieldMeta): string | undefined => {
    if (field.dbColumn !== null) return columns[field.dbColumn];
    // A foreign key is shown as its relation.
    const [key, ...more] = field.relation?.fromFields ?? [];
    return key === undefined || more.length > 0
      ? undefined
      : columns[model.fields[key]?.dbColumn ?? ''];
  };
  const fields = Object.values(model.fields).map((field) => {
    const said = commentOf(field);
    return [field.name, said ? { ...field, comment: said } : field];
  });
  return {
    ...model,
    ...(comment && { comment }),
    ...(server !== null && { foreignServer: server, isView: true }),
    fields: Object.fromEntries(fields),
  };
}
