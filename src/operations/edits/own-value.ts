import type { Parsed, ResourceField } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { limits, limitTexts } from '../../limits.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import { sortKeys } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Controls, EditInput, FieldText } from './contract.ts';

/** The control of the field itself. */
export const ownInput: EditInput = { name: 'value', control: 'field' };

/**
 * A value of the field, as its own control gives it. A ticked field without a value is an error,
 * never null.
 */
export function parseOwnValue(
  controls: Controls,
  field: ResourceField,
  { reader }: Resource,
): Parsed<string> {
  const missing = { error: `Give a value for ${field.label}, or untick it.` };
  const texts = controls('value').map((text) => text.replaceAll('\r\n', '\n'));
  if (texts.every((text) => text === '')) return missing;
  const kind = getFieldKind(field);
  // One text, as a form and a filter hand it on.
  const parsed = kind.parse(texts.at(-1), field, reader);
  if ('error' in parsed) return parsed;
  if (parsed.value === null || parsed.value === undefined) return missing;
  const text = kind.toSql(parsed.value, field);
  return typeof text === 'string' ? { value: text } : missing;
}

/** Values of a list, or ids of related records; none is an error. */
export function parseOwnValues(
  controls: Controls,
  field: ResourceField,
  { reader }: Resource,
): Parsed<string[]> {
  const input = controls('value').filter((text) => text.trim() !== '');
  if (input.length === 0)
    return { error: `Give at least one value for ${field.label}, or untick it.` };
  const kind = getFieldKind(field);
  const parsed = kind.parse(field.relation ? input : input.join('\n'), field, reader);
  if ('error' in parsed) return parsed;
  const values = kind.toSql(parsed.value, field) as readonly string[];
  return values.length > limits.bulk.values
    ? { error: limitTexts.bulkValues(field.label) }
    : { value: [...values] };
}

export function listOf(value: FieldText): readonly string[] {
  if (value === null) return [];
  return typeof value === 'string' ? [value] : value;
}

/**
 * A list as the field keeps it: related records are a set, whose order is that of their ids as
 * text.
 */
export function asKept(values: readonly string[], meta: FieldMeta): readonly string[] {
  return meta.relation ? sortKeys(values) : values;
}
