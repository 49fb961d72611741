import { plainValue } from '../fields/column-value.ts';
import type { ResourceField } from '../fields/contract.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import { ownProperty } from '../own-property.ts';
import { labelOf, nameIn } from './guesses.ts';
import type { FieldOptions } from './options.ts';
import { isSecret } from './secrets.ts';

/** A model's fields as resources use them; a foreign key is the relation that it belongs to. */
export function resourceFields(
  metadata: Metadata,
  model: ModelMeta,
  options: Readonly<Record<string, FieldOptions | undefined>> = {},
): ResourceField[] {
  return Object.values(model.fields)
    .filter((meta) => meta.foreignKeyOf === null)
    .map((meta) => resourceField(metadata, model, meta, ownProperty(options, meta.name) ?? {}));
}

function resourceField(
  metadata: Metadata,
  model: ModelMeta,
  meta: FieldMeta,
  options: FieldOptions,
): ResourceField {
  const key =
    meta.relation?.kind === 'to-one' && meta.relation.fromFields.length === 1
      ? meta.relation.fromFields[0]
      : undefined;
  const scalar = key ? model.fields[key] : undefined;
  const isHeldSecret = isSecret(scalar ?? meta, options);
  const relation = isHeldSecret
    ? null
    : scalar || meta.relation?.kind === 'many-to-many'
      ? meta.relation
      : null;
  const { format, link } = options;
  const given = (value: unknown) => plainValue(meta, value) as NonNullable<unknown>;
  return Object.freeze<ResourceField>({
    name: meta.name,
    label: options.label ?? labelOf(nameIn(metadata, meta, scalar)),
    meta: scalar ?? meta,
    relation,
    enum: metadata.enums[(scalar ?? meta).type] ?? null,
    kind: options.kind ?? null,
    help: options.help ?? meta.comment ?? null,
    isSecret: isHeldSecret,
    isReadOnly: options.readOnly || (scalar ?? meta).isGenerated,
    align: options.align ?? null,
    format: format ? (value) => format(given(value)) : null,
    link: link ? (value) => link(given(value)) : null,
  });
}
