import { Decimal } from '@prisma/client/runtime/client';

/** What JSON cannot say of a value: `where.country.code`, `is undefined`. */
export interface Unplain {
  place: string;
  why: string;
}

/** Objects and lists in each other; what leads back to itself has more. */
const maxLevels = 500;

/**
 * The first thing within a value that JSON would leave out, change or refuse; null: there is none.
 * Dates and decimals have texts. `isKept`: PostgreSQL keeps it as JSON, so that its texts can be
 * stored, and its whole numbers are ones that JavaScript holds.
 */
export function findUnplain(
  value: unknown,
  place: string,
  { isKept }: { isKept: boolean },
  level = 0,
): Unplain | null {
  const why = whyUnplain(value, isKept);
  if (why) return { place, why };
  if (typeof value !== 'object' || value === null || isScalar(value)) return null;
  if (level > maxLevels) return { place, why: 'is nested too deeply' };
  // By number, so that an empty place of a list is seen.
  const parts: [string, unknown][] = Array.isArray(value)
    ? Array.from(value, (part, index) => [String(index), part])
    : Object.entries(value);
  for (const [name, part] of parts) {
    const at = `${place}.${name}`;
    if (isKept && !isStorable(name)) return { place, why: 'has a name that cannot be stored' };
    const found = findUnplain(part, at, { isKept }, level + 1);
    if (found) return found;
  }
  return null;
}

/** A value in which `findUnplain` finds nothing, as JSON has it. */
export function asPlain(value: unknown): unknown {
  if (value instanceof Date) return value.toISOString();
  if (Decimal.isDecimal(value)) return value.toFixed();
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(asPlain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, asPlain(part)]));
}

/** An object as it is written in code, of no class. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function isScalar(value: object): boolean {
  return value instanceof Date || Decimal.isDecimal(value);
}

function whyUnplain(value: unknown, isKept: boolean): string | null {
  switch (typeof value) {
    case 'boolean':
      return null;
    case 'string':
      return isKept && !isStorable(value) ? 'has a character that cannot be stored' : null;
    case 'number':
      return Number.isFinite(value) ? null : `is ${value}`;
    case 'bigint':
      return isKept && !Number.isSafeInteger(Number(value))
        ? 'is a larger number than JSON can say exactly'
        : null;
    case 'object':
      return value === null ? null : whyUnplainObject(value);
    default:
      return value === undefined ? 'is undefined' : `is a ${typeof value}`;
  }
}

function whyUnplainObject(value: object): string | null {
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'is no date' : null;
  if (Decimal.isDecimal(value)) return value.isFinite() ? null : `is ${value}`;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return 'is bytes';
  if (!Array.isArray(value) && !isPlainObject(value)) return 'is no plain object';
  return Object.getOwnPropertySymbols(value).length > 0 ? 'has a symbol for a name' : null;
}

function isStorable(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
