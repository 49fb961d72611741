import { notFound } from '../errors.ts';
import type { FieldMeta, ModelMeta } from './contract.ts';

const digits = 20;
const complement = 10n ** 19n;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const ranges: Record<string, [bigint, bigint]> = {
  Int: [-(2n ** 31n), 2n ** 31n - 1n],
  BigInt: [-(2n ** 63n), 2n ** 63n - 1n],
};

function idFieldsOf(model: ModelMeta): FieldMeta[] {
  return model.idFields.map((name) => model.fields[name] as FieldMeta);
}

/** The key of a record that holds at least its id: the one text form, whose byte order is the order of numbers and uuids. */
export function keyOf(model: ModelMeta, record: Record<string, unknown>): string {
  const parts = idFieldsOf(model).map((field) => encode(field, record[field.name]));
  return parts.length === 1 ? (parts[0] as string) : JSON.stringify(parts);
}

function encode(field: FieldMeta, value: unknown): string {
  if (field.type === 'Int' || field.type === 'BigInt') {
    const number = BigInt(value as number | bigint | string);
    return number >= 0n ? number.toString().padStart(digits, '0') : `-${(complement + number).toString().padStart(digits - 1, '0')}`;
  }
  if (value instanceof Date) return value.toISOString();
  return field.sqlType === 'uuid' ? String(value).toLowerCase() : String(value);
}

function decode(field: FieldMeta, text: string): string {
  if (field.type !== 'Int' && field.type !== 'BigInt') return text;
  return (text.startsWith('-') ? BigInt(text.slice(1)) - complement : BigInt(text)).toString();
}

function partsOf(model: ModelMeta, key: string): string[] {
  const fields = idFieldsOf(model);
  const parts = fields.length === 1 ? [key] : (JSON.parse(key) as string[]);
  return fields.map((field, index) => decode(field, parts[index] as string));
}

/** Reads the id out of a URL (`42`, `ESP`, `["a","7"]`). What cannot be an id of this model is 404. */
export function parseKey(model: ModelMeta, text: string): string {
  const fields = idFieldsOf(model);
  const parts = fields.length === 1 ? [text] : parseComposite(text, fields.length);
  const record = Object.fromEntries(fields.map((field, index) => [field.name, parseId(field, parts[index] as string)]));
  return keyOf(model, record);
}

function parseComposite(text: string, count: number): string[] {
  try {
    const parts: unknown = JSON.parse(text);
    if (Array.isArray(parts) && parts.length === count && parts.every((part) => typeof part === 'string')) return parts;
  } catch {
    // Falls through to 404.
  }
  throw notFound();
}

function parseId(field: FieldMeta, text: string): unknown {
  const range = ranges[field.type];
  if (range) {
    if (!/^-?\d{1,19}$/.test(text)) throw notFound();
    const number = BigInt(text);
    if (number < range[0] || number > range[1]) throw notFound();
    return number;
  }
  if (field.sqlType === 'uuid' && !uuid.test(text)) throw notFound();
  if (text === '' || text.includes('\0')) throw notFound();
  return text;
}

/** The natural id for a URL. */
export function keyToUrl(model: ModelMeta, key: string): string {
  const parts = partsOf(model, key);
  return parts.length === 1 ? (parts[0] as string) : JSON.stringify(parts);
}

/** Is this text a key, in its one form? */
export function isKey(model: ModelMeta, text: string): boolean {
  try {
    return parseKey(model, keyToUrl(model, text)) === text;
  } catch {
    return false;
  }
}

function typed(field: FieldMeta, text: string): unknown {
  if (field.type === 'Int') return Number(text);
  if (field.type === 'BigInt') return BigInt(text);
  return field.type === 'DateTime' ? new Date(text) : text;
}

function valuesOf(model: ModelMeta, key: string): Record<string, unknown> {
  const parts = partsOf(model, key);
  return Object.fromEntries(idFieldsOf(model).map((field, index) => [field.name, typed(field, parts[index] as string)]));
}

/** A Prisma `where` for exactly these records. At most 10,000 keys; none is a condition that nothing meets. */
export function whereKeys(model: ModelMeta, keys: readonly string[]): Record<string, unknown> {
  const [only, ...more] = idFieldsOf(model);
  if (keys.length === 0) return { OR: [] };
  if (only && more.length === 0) return { [only.name]: { in: keys.map((key) => valuesOf(model, key)[only.name]) } };
  return { OR: keys.map((key) => valuesOf(model, key)) };
}

/** A Prisma unique `where` for one record. */
export function whereKey(model: ModelMeta, key: string): Record<string, unknown> {
  const values = valuesOf(model, key);
  return model.compositeIdName ? { [model.compositeIdName]: values } : values;
}

/** The id columns with one value per key, as text that Postgres casts. */
export function keyColumns(model: ModelMeta, keys: readonly string[]): { column: string; sqlType: string; values: string[] }[] {
  const parts = keys.map((key) => partsOf(model, key));
  return idFieldsOf(model).map((field, index) => ({
    column: field.column as string,
    sqlType: field.sqlType as string,
    values: parts.map((part) => part[index] as string),
  }));
}
