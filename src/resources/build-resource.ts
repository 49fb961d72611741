import { getFieldKind } from '../fields/register.ts';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import type { Resource, ResourceField } from './contract.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { grantsOf, type OnUnreadable } from './grants.ts';
import { labelOf, pluralOf, slugOf, titleFieldOf } from './guesses.ts';
import { defaultPermissions } from './permissions.ts';

/** What the environment says where a resource says nothing. */
export interface ResourceDefaults {
  minAsyncRecords: number;
  parallelism: number;
  chunkSize: number;
}

export interface ResourceSurroundings {
  related: Resource['related'];
  onUnreadable: OnUnreadable;
}

/** Completes a definition from metadata and checks what the compiler cannot. */
export function buildResource(
  { metadata, model: name, options }: ResourceDefinition,
  defaults: ResourceDefaults,
  { related, onUnreadable }: ResourceSurroundings,
): Resource {
  const model = metadata.models[name];
  if (!model) throw new Error(`Resource ${name}: the schema has no model of this name.`);
  const fields = fieldsOf();
  const pick = (key: string, names: readonly string[] | undefined, guess: () => ResourceField[], fits: (field: ResourceField) => boolean) =>
    Object.freeze(
      names?.map((wanted) => {
        const field = fields.find((candidate) => candidate.name === wanted || candidate.meta.name === wanted);
        if (!field) throw new Error(`Resource ${name}, ${key}: ${name} has no field "${wanted}".`);
        if (!fits(field)) throw new Error(`Resource ${name}, ${key}: "${wanted}" cannot be used here.`);
        return field;
      }) ?? guess(),
    );
  const isShown = (field: ResourceField) => field.meta.kind !== 'relation' || field.relation !== null;
  const isWritable = (field: ResourceField) =>
    getFieldKind(field).input !== 'none' && !field.meta.isUpdatedAt && !hasGeneratedValue(field.meta);
  const hasFilter = (field: ResourceField) => getFieldKind(field).filter !== null;
  const titleField = options.titleField ?? titleFieldOf(model);
  const label = options.label ?? labelOf(pluralOf(name));
  const permissions = options.permissions ?? defaultPermissions;
  const grants = grantsOf({ ...options, permissions }, { label, model, onUnreadable });
  const resource: Resource = {
    slug: options.slug ?? slugOf(pluralOf(name)),
    label,
    singular: options.singular ?? labelOf(name),
    model,
    metadata,
    titleField,
    fields: Object.freeze(fields),
    columns: pick('columns', options.columns, () => guessColumns(), isShown),
    filters: pick('filters', options.filters, () => fields.filter((field) => hasFilter(field) && !field.meta.isId).slice(0, 6), hasFilter),
    search: pick('search', options.search, () => fields.filter((field) => field.name === titleField && isSearchable(field)), isSearchable),
    form: pick('form', options.form, () => fields.filter((field) => isWritable(field)), isWritable),
    bulkFields: pick('bulk.fields', options.bulk?.fields, () => fields.filter((field) => isWritable(field) && canBeBulk(field)), canBeBulk),
    defaultSort: options.defaultSort ?? model.idFields[0] ?? '',
    minAsyncRecords: options.bulk?.minAsyncRecords ?? defaults.minAsyncRecords,
    parallelism: options.bulk?.parallelism ?? defaults.parallelism,
    chunkSize: options.bulk?.chunkSize ?? defaults.chunkSize,
    permissions: grants.actions,
    canSee: grants.canSee,
    canChange: grants.canChange,
    scope: grants.scope,
    related,
  };
  for (const key of ['minAsyncRecords', 'parallelism', 'chunkSize'] as const) {
    if (!Number.isInteger(resource[key]) || resource[key] < 1)
      throw new Error(`Resource ${name}, bulk.${key}: must be a whole number above 0.`);
  }
  if (!model.fields[titleField]?.column) throw new Error(`Resource ${name}, titleField: ${name} has no column "${titleField}".`);
  return Object.freeze(resource);

  function fieldsOf(): ResourceField[] {
    const model_ = model as ModelMeta;
    return Object.values(model_.fields)
      .filter((meta) => meta.foreignKeyOf === null)
      .map((meta) => fieldOf(model_, meta));
  }

  function fieldOf(model_: ModelMeta, meta: FieldMeta): ResourceField {
    const label = options.labels?.[meta.name] ?? labelOf(meta.name);
    const key = meta.relation?.kind === 'to-one' && meta.relation.fromFields.length === 1 ? meta.relation.fromFields[0] : undefined;
    const scalar = key ? model_.fields[key] : undefined;
    const relation = scalar || meta.relation?.kind === 'many-to-many' ? meta.relation : null;
    return Object.freeze({ name: meta.name, label, meta: scalar ?? meta, relation, enum: metadata.enums[(scalar ?? meta).type] ?? null });
  }

  function guessColumns(): ResourceField[] {
    const shown = fields.filter((field) => field.meta.kind !== 'relation' && field.meta.type !== 'Json' && field.meta.type !== 'Bytes');
    const title = shown.filter((field) => field.name === titleField);
    return [...title, ...shown.filter((field) => field.name !== titleField)].slice(0, 8);
  }
}

function isSearchable(field: ResourceField): boolean {
  return getFieldKind(field).isSearchable;
}

function canBeBulk(field: ResourceField): boolean {
  return getFieldKind(field).changesOf(field).length > 0 && !field.meta.isId && !field.meta.isUnique;
}

function hasGeneratedValue(meta: FieldMeta): boolean {
  const given = meta.default as { name?: string } | null;
  return (meta.isId && typeof given === 'object' && given !== null) || (given?.name === 'now' && meta.name === 'createdAt');
}
