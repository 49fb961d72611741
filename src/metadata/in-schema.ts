import { escapeIdentifier } from 'pg';
import type { Metadata } from './contract.ts';

const placed = new WeakMap<Metadata, Map<string, Metadata>>();

/**
 * The same metadata for a database whose tables without a Postgres schema of their own are in
 * `schema`.
 */
export function metadataIn(metadata: Metadata, schema: string): Metadata {
  const { defaultSchema } = metadata;
  if (defaultSchema === null || defaultSchema === undefined || defaultSchema === schema)
    return metadata;
  const known = placed.get(metadata) ?? new Map<string, Metadata>();
  placed.set(metadata, known);
  const found = known.get(schema) ?? place(metadata, escapeIdentifier(defaultSchema), schema);
  known.set(schema, found);
  return found;
}

function place({ models, enums, ...rest }: Metadata, from: string, schema: string): Metadata {
  const moved = <T extends string | null>(name: T): T =>
    (name?.startsWith(`${from}.`)
      ? `${escapeIdentifier(schema)}${name.slice(from.length)}`
      : name) as T;
  const mapped = <T>(
    record: Readonly<Record<string, T>>,
    change: (value: T) => T,
  ): Record<string, T> =>
    Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
  return {
    ...rest,
    defaultSchema: schema,
    enums: mapped(enums, (item) => ({ ...item, sqlType: moved(item.sqlType) })),
    models: mapped(models, (model) => ({
      ...model,
      dbSchema: schema,
      table: moved(model.table),
      fields: mapped(model.fields, (field) => ({
        ...field,
        sqlType: moved(field.sqlType),
        relation: field.relation && {
          ...field.relation,
          joinTable: moved(field.relation.joinTable),
        },
      })),
    })),
  };
}
