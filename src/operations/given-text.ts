import { Decimal } from '@prisma/client/runtime/client';
import type { Parsed, ResourceField } from '../fields/contract.ts';
import { getFieldKind } from '../fields/field-kinds.ts';
import type { Reader } from '../fields/reader.ts';
import { canBeTyped } from '../fields/scalar-list.ts';

/**
 * What the control of a field would hold for a value that code gives: as the field's kind writes
 * it, so that whatever is asked of a form is asked of the value.
 */
export function givenText(
  value: unknown,
  field: ResourceField,
  reader: Reader,
): Parsed<string | string[]> {
  const { meta, label } = field;
  const given = digits(meta.isList && !Array.isArray(value) ? [value] : value);
  const wrong = { error: `${label} takes no such value.` };
  if (meta.isList && !canBeTyped(given)) return wrong;
  const kind = getFieldKind(field);
  const write = (one: unknown) => kind.toForm(one, field, reader);
  const text = write(given);
  const parsed = kind.parse(text, field, reader);
  if (!('error' in parsed)) return isSame(given, parsed.value) ? { value: text } : wrong;
  // A number that JavaScript writes with an exponent.
  const plain = write(plainDigits(given));
  return { value: 'error' in kind.parse(plain, field, reader) ? text : plain };
}

/** A text or number for a control that is no field's own. */
export function controlText(value: unknown): string | null {
  const given = plainDigits(digits(value));
  return typeof given === 'object' || given === undefined ? null : String(given);
}

function digits(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(digits);
  return Decimal.isDecimal(value) ? value.toFixed() : value;
}

function plainDigits(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plainDigits);
  return typeof value === 'number' ? new Decimal(value).toFixed() : value;
}

/** Any object has a text, and not every kind has an object for it again. */
function isSame(given: unknown, parsed: unknown): boolean {
  if (Array.isArray(given) && Array.isArray(parsed))
    return given.every((one, index) => isSame(one, parsed[index]));
  const isObject = (value: unknown) => typeof value === 'object' && value !== null;
  return !isObject(given) || (isObject(parsed) && Array.isArray(given) === Array.isArray(parsed));
}
