import { notFound } from '../errors.ts';
import type { FieldMeta, ModelMeta } from './contract.ts';
import { type KeyPart, keyPartOf } from './key-part.ts';
import { fieldOf } from './model-fields.ts';

interface IdField extends KeyPart {
  readonly field: FieldMeta;
}

const known = new WeakMap<ModelMeta, IdField[]>();

function idFieldsOf(model: ModelMeta): IdField[] {
  const fields =
    known.get(model) ??
    model.idFields.map((name) => {
      const field = fieldOf(model, name);
      const part = keyPartOf(field);
      if (!part) throw new Error(`${model.name}.${name} cannot be part of a key`);
      return { ...part, field };
    });
  known.set(model, fields);
  return fields;
}

function joined(parts: readonly string[]): string {
  return parts.length === 1 ? (parts[0] as string) : JSON.stringify(parts);
}

/**
 * The key of a record that holds at least its id: the one text form, whose byte order is the order
 * of numbers and uuids. A record of a model without a usable id has the empty key, which is the key
 * of none.
 */
export function keyOf(model: ModelMeta, record: Record<string, unknown>): string {
  const fields = idFieldsOf(model);
  return fields.length === 0
    ? ''
    : joined(fields.map(({ field, encode }) => encode(record[field.name])));
}

/**
 * Each key once, in the order that the database has them in: that of their bytes, which is not the
 * one of JavaScript.
 */
export function sortKeys(keys: Iterable<string>): string[] {
  const all = Array.from(new Set(keys), (key) => ({ key, bytes: Buffer.from(key) }));
  return all.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ key }) => key);
}

function partsOf(model: ModelMeta, key: string): string[] {
  return idFieldsOf(model).length === 1 ? [key] : (JSON.parse(key) as string[]);
}

/**
 * Reads the id out of a URL (`42`, `ESP`, `["a","7"]`). What cannot be an id of this model is 404.
 */
export function parseKey(model: ModelMeta, text: string): string {
  const fields = idFieldsOf(model);
  if (text === '' || fields.length === 0) throw notFound();
  const given =
    fields.length === 1
      ? [text.startsWith('~') ? text.slice(1) : text]
      : parseComposite(text, fields.length);
  return joined(
    fields.map(({ parse }, index) => {
      const part = parse(given[index] as string);
      if (part === null) throw notFound();
      return part;
    }),
  );
}

function parseComposite(text: string, count: number): string[] {
  try {
    const parts: unknown = JSON.parse(text);
    if (
      Array.isArray(parts) &&
      parts.length === count &&
      parts.every((part) => typeof part === 'string')
    )
      return parts;
  } catch {
    // Falls through to 404.
  }
  throw notFound();
}

/** Second segments of a resource's addresses that are pages of its own: `/cities/new`. */
export const pageNames: readonly string[] = [
  'new',
  'selection',
  'bulk-edit',
  'bulk-delete',
  'do',
  'options',
  'filter',
  'previews',
  'deleted',
];

// What a segment cannot be: empty, or a way up.
const needsMark = /^(|\.|\.\.|~.*)$/s;

/** The natural id for a URL; one that could be something else there is marked by a tilde. */
export function keyToUrl(model: ModelMeta, key: string): string {
  const fields = idFieldsOf(model);
  if (fields.length === 0) return '';
  const parts = partsOf(model, key).map((part, index) => (fields[index] as IdField).natural(part));
  if (fields.length > 1) return JSON.stringify(parts);
  const [only = ''] = parts;
  return pageNames.includes(only) || needsMark.test(only) ? `~${only}` : only;
}

/** Is this text a key, in its one form? */
export function isKey(model: ModelMeta, text: string): boolean {
  try {
    return parseKey(model, keyToUrl(model, text)) === text;
  } catch {
    return false;
  }
}

/** The values of an id by field, as Prisma has them. */
export function idValues(model: ModelMeta, key: string): Record<string, unknown> {
  const parts = partsOf(model, key);
  return Object.fromEntries(
    idFieldsOf(model).map(({ field, value }, index) => [field.name, value(parts[index] as string)]),
  );
}

/**
 * A Prisma `where` for exactly these records. At most 10,000 keys; none is a condition that nothing
 * meets.
 */
export function whereKeys(model: ModelMeta, keys: readonly string[]): Record<string, unknown> {
  const [only, ...more] = idFieldsOf(model);
  if (keys.length === 0 || !only) return { OR: [] };
  // Prisma has no "in" for booleans.
  if (more.length === 0 && only.field.type !== 'Boolean')
    return { [only.field.name]: { in: keys.map((key) => idValues(model, key)[only.field.name]) } };
  return { OR: keys.map((key) => idValues(model, key)) };
}

/** A Prisma unique `where` for one record. */
export function whereKey(model: ModelMeta, key: string): Record<string, unknown> {
  const values = idValues(model, key);
  return model.compositeIdName ? { [model.compositeIdName]: values } : values;
}

/**
 * The id columns with one value per key, as text that Postgres casts; `isLoose` where the cast
 * finds more than the key.
 */
export function keyColumns(
  model: ModelMeta,
  keys: readonly string[],
): { column: string; sqlType: string; values: string[]; isLoose: boolean }[] {
  const parts = keys.map((key) => partsOf(model, key));
  return idFieldsOf(model).map(({ field, input, cast, isLoose = false }, index) => ({
    column: field.column as string,
    sqlType: cast,
    values: parts.map((part) => input(part[index] as string)),
    isLoose,
  }));
}
