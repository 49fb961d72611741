import type { ModelMeta, RelationMeta } from '../../metadata/contract.ts';
import { parseKey, whereKeys } from '../../metadata/keys.ts';
import { idFieldsOf } from '../../metadata/model-fields.ts';
import type { FilterContext, FilterOperator, Parsed, ResourceField } from '../contract.ts';
import { needsValue } from './read-all.ts';

type RelatedWhere = Record<string, unknown>;

function relationOf(field: ResourceField): RelationMeta {
  return (field.relation ?? field.meta.relation) as RelationMeta;
}

/** Keys of related records from their natural ids. */
function readKeys(
  texts: readonly string[],
  field: ResourceField,
  { metadata }: FilterContext,
): Parsed<{ model: ModelMeta; keys: string[] }> {
  const model = metadata.models[relationOf(field).model];
  if (texts.length === 0 || !model) return needsValue(field);
  const keys: string[] = [];
  for (const text of texts) {
    try {
      keys.push(parseKey(model, text));
    } catch {
      return { error: `${field.label} has no record "${text}".` };
    }
  }
  return { value: { model, keys } };
}

/** The condition on a related record, among those that the reader may see. */
function seen(
  field: ResourceField,
  context: FilterContext,
  where: RelatedWhere | null,
): RelatedWhere {
  const scope = context.scopeOf(relationOf(field).model);
  if (scope && where) return { AND: [scope, where] };
  return scope ?? where ?? {};
}

function operator(
  name: string,
  label: string,
  where: (
    field: ResourceField,
    context: FilterContext,
    model: ModelMeta,
    keys: string[],
  ) => RelatedWhere,
): FilterOperator {
  return {
    name,
    label,
    input: 'many',
    value: null,
    includesEmpty: name === 'not' || name === 'none',
    where(texts, field, context) {
      const read = readKeys(texts, field, context);
      return 'error' in read
        ? read
        : { value: where(field, context, read.value.model, read.value.keys) };
    },
  };
}

const toOne: readonly FilterOperator[] = [
  operator('is', 'is', isOneOf),
  operator('not', 'is not', (field, context, model, keys) =>
    // Prisma's NOT of a null key would find nothing.
    hasPlainKey(field, context) && !field.meta.isRequired
      ? { OR: [{ [field.meta.name]: null }, { NOT: isOneOf(field, context, model, keys) }] }
      : { NOT: isOneOf(field, context, model, keys) },
  ),
];

function isOneOf(
  field: ResourceField,
  context: FilterContext,
  model: ModelMeta,
  keys: string[],
): RelatedWhere {
  const related = whereKeys(model, keys);
  if (hasPlainKey(field, context))
    return { [field.meta.name]: related[idFieldsOf(model)[0]?.name ?? ''] };
  return { [field.name]: { is: seen(field, context, related) } };
}

/**
 * The foreign key is the related record's id, which the record itself shows: no need to look at the
 * related table.
 */
function hasPlainKey({ relation }: ResourceField, { metadata }: FilterContext): boolean {
  const idFields = metadata.models[relation?.model ?? '']?.idFields ?? [];
  return (
    relation?.fromFields.length === 1 &&
    idFields.length === 1 &&
    relation.toFields[0] === idFields[0]
  );
}

function whether(
  isThere: (field: ResourceField, context: FilterContext) => RelatedWhere,
): readonly FilterOperator[] {
  return (['yes', 'no'] as const).map((value) => ({
    name: 'empty',
    label: value === 'yes' ? 'is empty' : 'is not empty',
    input: 'none',
    value,
    includesEmpty: value === 'yes',
    where: (_texts, field, context) => ({
      value: value === 'yes' ? { NOT: isThere(field, context) } : isThere(field, context),
    }),
  }));
}

const toMany: readonly FilterOperator[] = [
  operator('has', 'has any of', (field, context, model, keys) => ({
    [field.name]: { some: seen(field, context, whereKeys(model, keys)) },
  })),
  operator('all', 'has all of', (field, context, model, keys) => ({
    AND: keys.map((key) => ({
      [field.name]: { some: seen(field, context, whereKeys(model, [key])) },
    })),
  })),
  operator('none', 'has none of', (field, context, model, keys) => ({
    [field.name]: { none: seen(field, context, whereKeys(model, keys)) },
  })),
];

const toOneEmptiness = whether((field, context) =>
  hasPlainKey(field, context)
    ? { [field.meta.name]: { not: null } }
    : { [field.name]: { is: seen(field, context, null) } },
);
const toManyEmptiness = whether((field, context) => ({
  [field.name]: { some: seen(field, context, null) },
}));

/** A related record that the reader may not see counts as none. */
export function relationOperators(field: ResourceField): readonly FilterOperator[] {
  if (relationOf(field).kind !== 'to-one') return [...toMany, ...toManyEmptiness];
  return field.meta.isRequired ? toOne : [...toOne, ...toOneEmptiness];
}
