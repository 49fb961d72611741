import type { ResourceField } from './contract.ts';
import { getFieldKind } from './field-kinds.ts';
import { inWords } from './in-words.ts';
import type { Reader } from './reader.ts';
import { itemField } from './scalar-list.ts';

/**
 * A text that PostgreSQL writes of a value, of a list as JSON, in the words of the pages. A related
 * record is left as it is given.
 */
export function shownText(text: string, field: ResourceField, reader: Reader): string {
  if (field.relation) return text;
  try {
    return inWords(getFieldKind(field).fromText(text, field), field, reader) || text;
  } catch {
    return text;
  }
}

/** Single values of a list, in words. */
export function shownItems(texts: readonly string[], field: ResourceField, reader: Reader): string {
  // A kind of the project's own knows the list, not its items.
  if (field.kind) return shownText(JSON.stringify(texts), field, reader);
  return texts
    .map((text) => shownText(text, field.relation ? field : itemField(field), reader))
    .join(', ');
}
