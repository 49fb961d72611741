import { Decimal } from '@prisma/client/runtime/client';
import { inWords } from './in-words.ts';
import { parseJson } from './json.ts';
import type { Reader } from './reader.ts';
import type { ResourceField } from './contract.ts';
import { itemField } from './scalar-list.ts';

/** A value of the field, of the text that PostgreSQL writes of it: as lists read it. */
export function typedValue(text: string, { meta, enum: values }: ResourceField): unknown {
  if (meta.kind === 'enum') return values?.values.find(({ dbName }) => dbName === text)?.name ?? text;
  if (meta.type === 'Boolean') return text === 'true';
  if (meta.type === 'BigInt') return BigInt(text);
  if (meta.type === 'Int' || meta.type === 'Float') return Number(text);
  if (meta.type === 'Decimal') return /^-?\d+(?:\.\d+)?$/.test(text) ? new Decimal(text) : text;
  if (meta.type === 'Json') return parseJson(text);
  if (meta.type !== 'DateTime') return text;
  const at = new Date(
    /^\d{2}:/.test(text) ? `1970-01-01T${text.slice(0, 12)}Z` : /[Zz+]|-\d{2}:\d{2}$/.test(text.slice(10)) ? text : `${text.slice(0, 23)}Z`,
  );
  return Number.isNaN(at.getTime()) ? text : at;
}

/** The same in the words of the pages; of a list, which is written as JSON, too. A related record is left as it is given. */
export function shownText(text: string, field: ResourceField, reader: Reader): string {
  if (field.relation) return text;
  try {
    return inWords(field.meta.isList ? typedItems(JSON.parse(text), itemField(field)) : typedValue(text, field), field, reader) || text;
  } catch {
    return text;
  }
}

/** Single values of a list, in words. */
export function shownItems(texts: readonly string[], field: ResourceField, reader: Reader): string {
  return texts.map((text) => shownText(text, field.relation ? field : itemField(field), reader)).join(', ');
}

function typedItems(items: unknown, field: ResourceField): unknown {
  if (Array.isArray(items)) return items.map((item) => typedItems(item, field));
  if (items === null) return null;
  return typedValue(typeof items === 'string' ? items : JSON.stringify(items), field);
}
