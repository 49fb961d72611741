import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import { keyPartOf } from '../metadata/key-part.ts';
import { ownProperty } from '../own-property.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { isSecretByName } from './guess-secrets.ts';
import type { FieldOptions } from './options.ts';

/**
 * The definitions, with what is a secret marked in their metadata: what some resource of a model
 * says is one, else what none says is none and its name tells. What a foreign key points at is as
 * secret in the key. A model whose id is a secret is addressed by another unique, or by nothing.
 */
export function markSecrets(
  definitions: readonly ResourceDefinition[],
): readonly ResourceDefinition[] {
  const known = new Map<Metadata, Metadata>();
  return definitions.map((definition) => {
    const metadata = known.get(definition.metadata) ?? marked(definition.metadata, definitions);
    known.set(definition.metadata, metadata);
    return { ...definition, metadata };
  });
}

/** The one place that says whether a resource's field is for nobody's eyes. */
export function isSecret(meta: FieldMeta, { secret }: Pick<FieldOptions, 'secret'>): boolean {
  return secret ?? meta.isSecret ?? false;
}

/** A model whose secrets are marked, without them. */
export function withoutSecrets(model: ModelMeta): ModelMeta {
  const shown = Object.entries(model.fields).filter(([, { isSecret: isMarked }]) => !isMarked);
  return { ...model, fields: Object.fromEntries(shown) };
}

function marked(metadata: Metadata, definitions: readonly ResourceDefinition[]): Metadata {
  const models = Object.values(metadata.models);
  const secrets = new Set(
    models.flatMap((model) => secretsIn(model, saidOf(metadata, model, definitions))),
  );
  // A key may point at a key.
  for (let before = -1; before < secrets.size; ) {
    before = secrets.size;
    for (const model of models)
      for (const place of keysToSecrets(model, secrets)) secrets.add(place);
  }
  if (secrets.size === 0) return metadata;
  return {
    ...metadata,
    models: Object.fromEntries(models.map((model) => [model.name, withSecrets(model, secrets)])),
  };
}

const placeOf = (model: string, field: string) => `${model}.${field}`;

type Said = (field: string) => readonly (boolean | undefined)[];

/** What the resources of a model say of a field. */
function saidOf(
  metadata: Metadata,
  { name }: ModelMeta,
  definitions: readonly ResourceDefinition[],
): Said {
  const own = definitions.filter(
    (definition) => definition.metadata === metadata && definition.model === name,
  );
  return (field) =>
    own.map(
      ({ options }) => ownProperty<FieldOptions | undefined>(options.fields ?? {}, field)?.secret,
    );
}

function secretsIn(model: ModelMeta, said: Said): string[] {
  return Object.values(model.fields)
    .filter((field) => {
      const words = said(field.name);
      return words.includes(true) || (!words.includes(false) && isSecretByName(model, field));
    })
    .map(({ name }) => placeOf(model.name, name));
}

function keysToSecrets({ name, fields }: ModelMeta, secrets: ReadonlySet<string>): string[] {
  return Object.values(fields).flatMap(({ relation }) =>
    (relation?.fromFields ?? [])
      .filter((_, index) =>
        secrets.has(placeOf(relation?.model ?? '', relation?.toFields[index] ?? '')),
      )
      .map((from) => placeOf(name, from)),
  );
}

function withSecrets(model: ModelMeta, secrets: ReadonlySet<string>): ModelMeta {
  const isSecretField = (name: string) => secrets.has(placeOf(model.name, name));
  const isHiddenId = model.idFields.some(isSecretField);
  const idFields = isHiddenId ? otherId(model, isSecretField) : model.idFields;
  const fields = Object.values(model.fields).map((field) => {
    const isId = isHiddenId ? idFields.includes(field.name) : field.isId;
    return [field.name, { ...field, isId, ...(isSecretField(field.name) && { isSecret: true }) }];
  });
  return {
    ...model,
    idFields,
    ...(isHiddenId && { compositeIdName: null }),
    fields: Object.fromEntries(fields),
  };
}

function otherId(
  { uniques, fields }: ModelMeta,
  isSecretField: (name: string) => boolean,
): readonly string[] {
  const found = uniques.find(([name = '', ...more]) => {
    const field = fields[name];
    return (
      more.length === 0 &&
      field?.isRequired &&
      !isSecretField(name) &&
      keyPartOf({ ...field, isId: true }) !== null
    );
  });
  return found ?? [];
}
