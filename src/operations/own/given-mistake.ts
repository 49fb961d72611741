import { Decimal } from '@prisma/client/runtime/client';
import { isPlainObject } from '../../fields/plain-value.ts';
import type { FieldMeta, ModelMeta, ScalarType } from '../../metadata/contract.ts';
import { didYouMean } from '../../nearest.ts';
import { ownProperty } from '../../own-property.ts';

/**
 * What is wrong with what an operation of the project's gives to a record, in words that follow its
 * name; null: nothing. What the record holds already is right whatever it is.
 */
export function givenMistake(
  model: ModelMeta,
  given: unknown,
  record: Readonly<Record<string, unknown>> = {},
): string | null {
  if (!isPlainObject(given))
    return `gives ${inWords(given)}, and fields with values are asked for.`;
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(record, name) && Object.is(value, record[name])) continue;
    const wrong = wrongField(model, name) ?? wrongValue(ownProperty(model.fields, name), value);
    if (wrong !== null) return `gives ${wrong}`;
  }
  return null;
}

function wrongField({ name: model, fields }: ModelMeta, name: string): string | null {
  const field = ownProperty(fields, name);
  if (field?.isId) return `"${name}", by which a record is known.`;
  if (field?.isGenerated) return `"${name}", which the database works out itself.`;
  if (field?.column && field.kind !== 'unsupported') return null;
  const key = Object.values(fields).find(({ foreignKeyOf }) => foreignKeyOf === name);
  if (key) return `"${name}", a relation: give its key, "${key.name}".`;
  const columns = Object.values(fields).filter(({ column }) => column !== null);
  const names = columns.map((column) => column.name);
  return `"${name}", and ${model} has no such column.${didYouMean(name, names)}`;
}

function wrongValue(field: FieldMeta | undefined, value: unknown): string | null {
  if (!field || value === null) return null;
  const { name, isList, enumValues } = field;
  if (value === undefined) return `undefined for "${name}"; null clears.`;
  const isFit = field.kind === 'enum' ? isText : fits[field.type as ScalarType];
  const other = (isList ? [value].flat() : [value]).find((one) => !isFit(one));
  if (other !== undefined) return `${inWords(other)} for "${name}", which holds no such value.`;
  const known = enumValues?.map((one) => one.name) ?? [];
  const unknown = enumValues && [value].flat().find((one) => !known.includes(String(one)));
  if (typeof unknown !== 'string') return null;
  return `"${unknown}" for "${name}", which is none of its values.${didYouMean(unknown, known)}`;
}

const isText = (value: unknown) => typeof value === 'string';
const isDigits = (value: unknown) => typeof value === 'string' && /^[+-]?\d/.test(value);
const isWhole = (value: unknown) =>
  typeof value === 'bigint' || Number.isInteger(value) || isDigits(value);
const isNumber = (value: unknown) => typeof value === 'number' || isDigits(value);

/** What Prisma's client takes for a column of each type. */
const fits: Readonly<Record<ScalarType, (value: unknown) => boolean>> = {
  String: isText,
  Int: isWhole,
  BigInt: isWhole,
  Float: isNumber,
  Decimal: (value) => isNumber(value) || Decimal.isDecimal(value),
  Boolean: (value) => typeof value === 'boolean',
  DateTime: (value) => isText(value) || (value instanceof Date && !Number.isNaN(value.getTime())),
  Json: (value) => typeof value !== 'function' && !(value instanceof Promise),
  Bytes: (value) => value instanceof Uint8Array,
};

function inWords(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (value instanceof Promise) {
    // Nobody waits for it, and what it says in the end would end the program.
    value.catch(() => undefined);
    return 'a promise';
  }
  if (typeof value === 'string') return 'a text';
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Date)
    return Number.isNaN(value.getTime()) ? 'a date that there is not' : 'a date';
  return typeof value === 'object' ? 'an object' : String(value);
}
