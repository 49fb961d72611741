import type { Pool } from 'pg';
import type { Metadata, ModelMeta } from '../metadata/contract.ts';
import type { ResourceDefinition } from './define-resource.ts';

/**
 * The definitions, with what only the database knows: which columns it fills in itself and lets nobody write, by an
 * expression or as an identity. To Prisma they are columns with a default.
 */
export async function markGenerated(definitions: readonly ResourceDefinition[], pool: Pool): Promise<readonly ResourceDefinition[]> {
  const { rows } = await pool.query<{ table: string; column: string }>(
    `select format('%I.%I', n.nspname, c.relname) as table, quote_ident(a.attname) as column
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where (a.attgenerated <> '' or a.attidentity = 'a') and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')`,
  );
  const generated = new Set(rows.map(({ table, column }) => `${unquoted(table)}.${unquoted(column)}`));
  const known = new Map<Metadata, Metadata>();
  return definitions.map((definition) => {
    const metadata = known.get(definition.metadata) ?? markedMetadata(definition.metadata, generated);
    known.set(definition.metadata, metadata);
    return { ...definition, metadata };
  });
}

// PostgreSQL quotes only where it must, we always.
function unquoted(name: string): string {
  return name.replaceAll('"', '');
}

function markedMetadata(metadata: Metadata, generated: ReadonlySet<string>): Metadata {
  const models = Object.entries(metadata.models).map(([name, model]) => [name, markedModel(model, generated)]);
  return { ...metadata, models: Object.fromEntries(models) };
}

function markedModel(model: ModelMeta, generated: ReadonlySet<string>): ModelMeta {
  const isMarked = (column: string | null) => column !== null && generated.has(`${unquoted(model.table)}.${unquoted(column)}`);
  const fields = Object.entries(model.fields).map(([name, field]) => [
    name,
    isMarked(field.column) ? { ...field, isGenerated: true } : field,
  ]);
  return { ...model, fields: Object.fromEntries(fields) };
}
