import { parse, stringify } from 'lossless-json';
import { limits, limitTexts } from '../limits.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import type { ColumnField, FieldKind, Parsed, ResourceField } from './contract.ts';
import { listOperators } from './operators/lists.ts';
import { readOnly } from './read-only.ts';
import { type Reader, utcReader } from './reader.ts';

/** One item of a list field, as a field of its own. */
export function itemField(field: ResourceField): ResourceField {
  // The resource's own words are for the whole list.
  return { ...field, meta: itemMeta(field.meta), format: null };
}

function itemColumn({ meta }: ColumnField): ColumnField {
  return { meta: itemMeta(meta) };
}

/** What a filter's value is one of: an item of a list, else the field's own value. */
export function comparedField(field: ResourceField): ResourceField {
  return field.meta.isList && field.kind === null && !field.relation && !field.meta.relation
    ? itemField(field)
    : field;
}

function itemMeta(meta: FieldMeta): FieldMeta {
  return {
    ...meta,
    isList: false,
    isRequired: true,
    sqlType: meta.sqlType?.replace(/\[\]$/, '') ?? null,
  };
}

/**
 * A line for each item. An item that is no plain line (empty, padded, of several lines, or quoted)
 * is written as a JSON text.
 */
function lineOf(text: string): string {
  return text === '' || text !== text.trim() || text.startsWith('"') || /[\r\n]/.test(text)
    ? JSON.stringify(text)
    : text;
}

function itemsOf(lines: string, field: ResourceField): Parsed<string[]> {
  const items: string[] = [];
  for (const line of lines.split(/\r?\n/)) {
    if (line.trim() === '') continue;
    if (!line.trim().startsWith('"')) {
      items.push(line.trim());
      continue;
    }
    try {
      items.push(String(JSON.parse(line)));
    } catch {
      return {
        error: `${field.label} has a line that begins with a quotation mark and is no JSON text: ${line.trim().slice(0, 40)}`,
      };
    }
  }
  return { value: items };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/**
 * Can every item of the list be typed on a line? PostgreSQL's lists may have empty places and lists
 * within them, which cannot.
 */
export function canBeTyped(value: unknown): boolean {
  return listOf(value).every((item) => item !== null && !Array.isArray(item));
}

/**
 * Each item of PostgreSQL's list as `one` reads its text; there may be empty places, and lists in
 * it.
 */
function readItems(items: unknown, one: (text: string) => unknown): unknown {
  if (Array.isArray(items)) return items.map((item) => readItems(item, one));
  if (items === null) return null;
  return one(typeof items === 'string' ? items : String(stringify(items)));
}

function inWords(items: readonly unknown[], one: (item: unknown) => string): string {
  return items
    .map((item) => (Array.isArray(item) ? `(${inWords(item, one)})` : one(item)))
    .join(', ');
}

/**
 * A list of values that `item` reads and writes, typed one on a line. A list is never null: it has
 * no items.
 */
export function scalarList(item: FieldKind): FieldKind {
  const name = `${item.name}-list`;
  const format: FieldKind['format'] = (value, field, reader) => ({
    text: inWords(listOf(value), (one) =>
      one === null && item.name !== 'json'
        ? 'NULL'
        : itemInWords(item.format(one, itemField(field), reader).text),
    ),
    align: 'start',
  });
  // A text of no characters and JSON's null would leave nothing between two commas.
  const itemInWords = (text: string) =>
    text.trim() !== '' ? text : item.name === 'json' ? 'null' : JSON.stringify(text);
  const fromText: FieldKind['fromText'] = (text, field) =>
    readItems(parse(text), (one) => item.fromText(one, itemColumn(field)));
  const toSql: FieldKind['toSql'] = (value, field) =>
    listOf(value).map((one) => item.toSql(one, itemColumn(field)) as string);
  if (item.input === 'none' || item.name === 'json')
    return { ...readOnly, name, format, toSql, fromText, operators: () => listOperators(null) };
  const comparing = listOperators((text, field, reader) => parseItem(text, field, reader));
  return {
    name,
    input: 'textarea',
    filter: null,
    isSortable: false,
    isSearchable: false,
    format,
    toForm: (value, field, reader) =>
      listOf(value)
        .map((one) => lineOf(item.toForm(one, itemField(field), reader) as string))
        .join('\n'),
    parse(input, field, reader = utcReader) {
      const lines = itemsOf(typeof input === 'string' ? input : (input ?? []).join('\n'), field);
      if ('error' in lines) return lines;
      if (lines.value.length > limits.form.listValues)
        return { error: limitTexts.listValues(field.label) };
      const values: unknown[] = [];
      for (const line of lines.value) {
        const parsed = parseItem(line, field, reader);
        if ('error' in parsed) return parsed;
        values.push(parsed.value);
      }
      return { value: values };
    },
    toSql,
    fromText,
    operators: (field) => (canCompare(field) ? comparing : listOperators(null)),
  };

  function canCompare(field: ResourceField): boolean {
    return item.operators(itemField(field)).some(({ name: operator }) => operator === 'is');
  }

  // A text that is nothing but blanks is an item, where it would be no value of a field.
  function parseItem(text: string, field: ResourceField, reader: Reader): Parsed {
    return item.isSearchable && text.trim() === ''
      ? { value: text }
      : item.parse(text, itemField(field), reader);
  }
}
