import type { FieldMeta, Metadata, ModelMeta } from './contract.ts';

/**
 * The metadata as if nothing led to these models, whose tables or views are not in the database.
 */
export function withoutModels(metadata: Metadata, names: readonly string[]): Metadata {
  if (names.length === 0) return metadata;
  const models = Object.entries(metadata.models).map(
    ([name, model]) => [name, withoutRelations(model, names)] as const,
  );
  return { ...metadata, models: Object.fromEntries(models) };
}

function withoutRelations(model: ModelMeta, names: readonly string[]): ModelMeta {
  const leads = ({ relation }: FieldMeta) => relation !== null && names.includes(relation.model);
  const gone = new Set(
    Object.values(model.fields).flatMap((field) => (leads(field) ? [field.name] : [])),
  );
  if (gone.size === 0) return model;
  const fields = Object.values(model.fields)
    .filter(({ name }) => !gone.has(name))
    // What was the key of such a relation is a value as others are.
    .map(
      (field): FieldMeta =>
        field.foreignKeyOf !== null && gone.has(field.foreignKeyOf)
          ? { ...field, foreignKeyOf: null }
          : field,
    );
  return { ...model, fields: Object.fromEntries(fields.map((field) => [field.name, field])) };
}
