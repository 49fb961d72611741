import type { ResourceField } from './contract.ts';
import { getFieldKind } from './field-kinds.ts';
import type { Reader } from './reader.ts';

/**
 * A value as its cells say it: in the resource's own words, where it has some, else in those of its
 * kind.
 */
export function inWords(value: unknown, field: ResourceField, reader: Reader): string {
  if (value === null || value === undefined) return '';
  return field.format ? field.format(value) : getFieldKind(field).format(value, field, reader).text;
}

/**
 * What a form's control sends, as its cells would say it; a text that is not understood stands as
 * it was typed.
 */
export function typedInWords(text: string, field: ResourceField, reader: Reader): string {
  const kind = getFieldKind(field);
  if (field.relation || (kind.isSearchable && !field.format)) return text;
  const parsed = kind.parse(text, field, reader);
  return 'error' in parsed ? text : inWords(parsed.value, field, reader) || text;
}
