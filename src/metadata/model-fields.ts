import type { FieldMeta, ModelMeta } from './contract.ts';

/** A model's field by its name. Throws where it has none. */
export function fieldOf({ name: model, fields }: ModelMeta, name: string): FieldMeta {
  const field = fields[name];
  if (!field) throw new Error(`${model} has no field ${name}`);
  return field;
}

/** The fields that make up the id, in order; none where nothing can address a record. */
export function idFieldsOf(model: ModelMeta): FieldMeta[] {
  return model.idFields.map((name) => fieldOf(model, name));
}

/** The column of a model's id, quoted, where it is one field: so it is wherever links lead to it. */
export function idColumnOf(model: ModelMeta): string {
  return idFieldsOf(model)[0]?.column as string;
}

/**
 * Where an implicit many-to-many field keeps its links: the join table, its column for this side
 * and for the related `model`.
 */
export interface Join {
  joinTable: string;
  ownColumn: string;
  otherColumn: string;
  model: string;
}

/** Throws where the field has no join table. */
export function joinOf({ name, relation }: FieldMeta): Join {
  const { joinTable = null, ownColumn = null, otherColumn = null, model = '' } = relation ?? {};
  if (joinTable === null || ownColumn === null || otherColumn === null)
    throw new Error(`${name} has no join table`);
  return { joinTable, ownColumn, otherColumn, model };
}
