import { Decimal } from '@prisma/client/runtime/client';
import { AppError } from '../errors.ts';
import { isPlainObject } from '../fields/plain-value.ts';
import { limits, limitTexts } from '../limits.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { isKey, keyOf, parseKey, sortKeys } from '../metadata/keys.ts';
import type { Resource } from '../resources/contract.ts';

/**
 * A record that code names: its key, its id as an address has it, or as Prisma has it; one of
 * several fields as an object, `{ tenant: 'a', number: 7 }`.
 */
export type GivenKey = string | number | bigint | boolean | Date | Uint8Array | object;

/**
 * Keys in their one form, each once. Throws AppError 422 'too-many-ticked', or 'invalid-key' with the place in `details.field`: `keys.3`.
 */
export function keysGiven({ model, label }: Resource, given: readonly GivenKey[]): string[] {
  if (!Array.isArray(given)) throw invalidKey('keys', 'is no list');
  if (given.length > limits.bulk.ticked)
    throw new AppError('too-many-ticked', 422, limitTexts.keys);
  const keys = Array.from(given, (one: unknown, index) => {
    const found = typeof one === 'string' ? ofText(model, one) : [ofValue(model, one)];
    const [key, other] = found;
    const place = `keys.${index}`;
    if (key === undefined || key === null)
      throw invalidKey(place, `is no record of ${label.toLowerCase()}`);
    if (other)
      throw invalidKey(place, 'may be the key of one record and the id of another: give a number');
    return key;
  });
  return sortKeys(keys);
}

function invalidKey(place: string, why: string): AppError {
  return new AppError('invalid-key', 422, `${place} ${why}. Nothing was selected.`, {
    field: place,
  });
}

/** What a text may mean; a key that an address would write otherwise is that key. */
function ofText(model: ModelMeta, text: string): string[] {
  const asKey = isKey(model, text) ? [text] : [];
  const isMarked = asKey.length > 0 && text.startsWith('~');
  const asId = isMarked ? null : keyOrNull(() => parseKey(model, text));
  return [...new Set([...asKey, ...(asId === null ? [] : [asId])])];
}

function ofValue(model: ModelMeta, value: unknown): string | null {
  const [only = '', ...more] = model.idFields;
  const isOne = more.length === 0;
  const id = isPlainObject(value) ? value : isOne ? { [only]: value } : {};
  const isWhole =
    Object.keys(id).length === model.idFields.length &&
    model.idFields.every((name) => Object.hasOwn(id, name) && isIdValue(id[name]));
  const key = isWhole ? keyOrNull(() => keyOf(model, id)) : null;
  return key !== null && isKey(model, key) ? key : null;
}

function isIdValue(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value === 'object')
    return value instanceof Date || value instanceof Uint8Array || Decimal.isDecimal(value);
  return ['string', 'bigint', 'boolean'].includes(typeof value);
}

function keyOrNull(read: () => string): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}
