import type { Pool } from 'pg';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import { type ColumnType, columnTypes, typeOf } from './column-types.ts';
import type { ResourceDefinition } from './define-resource.ts';

/**
 * The definitions, with what only the database knows: the types of columns where they are longer or
 * wider than the schema says, or stand in a schema of their own; which columns it fills in itself
 * and lets nobody write, by an expression or as an identity. To Prisma they are columns with a
 * default.
 */
export async function markGenerated(
  definitions: readonly ResourceDefinition[],
  pool: Pool,
): Promise<readonly ResourceDefinition[]> {
  const { rows } = await pool.query<{ place: string }>(
    `select n.nspname || '.' || c.relname || '.' || a.attname as place
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where (a.attgenerated <> '' or a.attidentity = 'a') and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p')`,
  );
  const generated = new Set(rows.map(({ place }) => place));
  const types = await columnTypes(pool);
  const known = new Map<Metadata, Metadata>();
  return definitions.map((definition) => {
    const metadata =
      known.get(definition.metadata) ?? markedMetadata(definition.metadata, generated, types);
    known.set(definition.metadata, metadata);
    return { ...definition, metadata };
  });
}

function markedMetadata(
  metadata: Metadata,
  generated: ReadonlySet<string>,
  types: ReadonlyMap<string, ColumnType>,
): Metadata {
  const models = Object.entries(metadata.models).map(([name, model]) => [
    name,
    markedModel(model, generated, types),
  ]);
  return { ...metadata, models: Object.fromEntries(models) };
}

function markedModel(
  model: ModelMeta,
  generated: ReadonlySet<string>,
  types: ReadonlyMap<string, ColumnType>,
): ModelMeta {
  const place = ({ dbColumn }: FieldMeta) => `${model.dbSchema}.${model.dbTable}.${dbColumn}`;
  const fields = Object.entries(model.fields).map(([name, field]) => {
    if (field.column === null) return [name, field];
    const own = types.get(place(field));
    const type = field.kind === 'scalar' ? typeOf(field, own?.type) : null;
    return [
      name,
      {
        ...field,
        ...(type && { sqlType: type }),
        ...(own?.isLoose && { isLoose: true }),
        ...(generated.has(place(field)) && { isGenerated: true }),
      },
    ];
  });
  return { ...model, fields: Object.fromEntries(fields) };
}
