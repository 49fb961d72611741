import { parseJson } from './json.ts';
import type { Reader } from './reader.ts';
import { getFieldKind } from './register.ts';
import type { ResourceField } from './resource-field.ts';

/** A value of the field, of the text that PostgreSQL writes of it. */
export function typedValue(text: string, { meta, enum: values }: ResourceField): unknown {
  if (meta.kind === 'enum') return values?.values.find(({ dbName }) => dbName === text)?.name ?? text;
  if (meta.type === 'Boolean') return text === 'true';
  if (meta.type === 'BigInt') return BigInt(text);
  if (meta.type === 'Int' || meta.type === 'Float') return Number(text);
  if (meta.type === 'Json') return parseJson(text);
  if (meta.type !== 'DateTime') return text;
  const at = new Date(
    /^\d{2}:/.test(text) ? `1970-01-01T${text.slice(0, 12)}Z` : /[Zz+]|-\d{2}:\d{2}$/.test(text.slice(10)) ? text : `${text.slice(0, 23)}Z`,
  );
  return Number.isNaN(at.getTime()) ? text : at;
}

/** The same in the words of the pages. A related record is left as it is given. */
export function shownText(text: string, field: ResourceField, reader: Reader): string {
  if (field.relation) return text;
  try {
    return getFieldKind(field).format(typedValue(text, field), field, reader).text || text;
  } catch {
    return text;
  }
}
