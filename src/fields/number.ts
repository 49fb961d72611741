import { Decimal } from '@prisma/client/runtime/client';
import type { FieldKind, Parsed, ResourceField } from './contract.ts';
import { required, single } from './input.ts';
import { nullness } from './operators/empty.ts';
import { equality } from './operators/equality.ts';
import { ranges } from './operators/range.ts';

type ReadNumber = (text: string, field: ResourceField) => Parsed<unknown>;

function numeric(name: string, fromText: (text: string) => unknown, read: ReadNumber): FieldKind {
  const readTrimmed: ReadNumber = (text, field) => read(text.trim(), field);
  const comparisons = [...equality(readTrimmed), ...ranges(readTrimmed)];
  return {
    name,
    input: 'number',
    filter: 'range',
    isSortable: true,
    isSearchable: false,
    format: (value, field) => ({
      text: value === null || value === undefined ? '' : shown(value, field),
      align: 'end',
    }),
    toForm: (value) => (value === null || value === undefined ? '' : digitsOf(value)),
    parse(input, field) {
      const given = single(input);
      return given === null ? required(field) : read(given.trim(), field);
    },
    toSql: (value) => (value === null ? null : digitsOf(value)),
    fromText: (text) => fromText(text),
    operators: (field) => [...comparisons, ...nullness(field)],
  };
}

const whole = new Intl.NumberFormat('en');

/**
 * Floating point numbers from here on are shown with an exponent: their digits are not all meant.
 */
const exact = 1e15;

// Prisma's decimals write small and large values with an exponent unless they are asked not to.
function digitsOf(value: unknown): string {
  return typeof value === 'object' && value !== null && 'toFixed' in value
    ? (value as { toFixed(): string }).toFixed()
    : String(value);
}

// Ids and codes are not amounts; a decimal is shown digit for digit, never through floating point.
function shown(value: unknown, field: ResourceField): string {
  if (field.meta.isId) return String(value);
  if (typeof value === 'number' && Number.isInteger(value) && Math.abs(value) < exact)
    return whole.format(value);
  if (typeof value === 'bigint') return whole.format(value);
  const [units = '', fraction] = digitsOf(value).split('.');
  if (!/^-?\d+$/.test(units)) return String(value);
  return fraction === undefined
    ? whole.format(BigInt(units))
    : `${units === '-0' ? '-0' : whole.format(BigInt(units))}.${fraction}`;
}

const widest: readonly [bigint, bigint] = [-(2n ** 63n), 2n ** 63n - 1n];
const integerRanges = new Map<string | null, readonly [bigint, bigint]>([
  ['smallint', [-(2n ** 15n), 2n ** 15n - 1n]],
  ['integer', [-(2n ** 31n), 2n ** 31n - 1n]],
  ['bigint', widest],
  ['oid', [0n, 2n ** 32n - 1n]],
]);

function readInteger(text: string, field: ResourceField): Parsed<bigint> {
  if (!/^[+-]?\d{1,25}$/.test(text)) return { error: `${field.label} must be a whole number.` };
  const value = BigInt(text);
  const [low, high] = integerRanges.get(field.meta.sqlType) ?? widest;
  if (value < low || value > high)
    return { error: `${field.label} must be between ${low} and ${high}.` };
  return { value };
}

export const integer = numeric('integer', Number, (text, field) => {
  const parsed = readInteger(text, field);
  return 'error' in parsed ? parsed : { value: Number(parsed.value) };
});

export const bigInteger = numeric('big-integer', BigInt, readInteger);

/** Only what people write: no hexadecimal, no infinity. */
const floatForm = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i;

export const float = numeric('float', Number, (text, field) => {
  if (!floatForm.test(text)) return { error: `${field.label} must be a number.` };
  const value = Number(text);
  // A number that is too small for the column is refused by Postgres as one that is too large is.
  const kept = field.meta.sqlType === 'real' ? Math.fround(value) : value;
  const fits = Number.isFinite(kept) && (kept !== 0 || !/[1-9]/.test(text.replace(/e.*$/i, '')));
  return fits ? { value } : { error: `${field.label} cannot hold a number of this size.` };
});

const maxMoney = 2n ** 63n - 1n;

// Money's own text has a sign of the currency, which no decimal has.
const readDecimal = (text: string) =>
  /^(?:-?\d+(?:\.\d+)?|NaN|-?Infinity)$/.test(text) ? new Decimal(text) : text;

/** Kept as text from the form to the database: not a digit is lost. */
export const decimal = numeric('decimal', readDecimal, (text, field) => {
  const match = /^([+-]?)(\d{0,1000})(?:\.(\d{0,1000}))?$/.exec(text);
  if (!match || (!match[2] && !match[3])) return { error: `${field.label} must be a number.` };
  const [, sign = '', units = '', fraction = ''] = match;
  const isMoney = field.meta.sqlType === 'money';
  const [, precision, scale = '0'] = isMoney
    ? ['', '', '2']
    : (/\((\d+)(?:,(\d+))?\)$/.exec(field.meta.sqlType ?? '') ?? []);
  if ((precision || isMoney) && fraction.replace(/0+$/, '').length > Number(scale)) {
    return { error: `${field.label} may have at most ${scale} decimal places.` };
  }
  if (precision) {
    const room = Number(precision) - Number(scale);
    if (units.replace(/^0+/, '').length > room)
      return { error: `${field.label} may have at most ${room} digits before the point.` };
  }
  if (isMoney && BigInt(`${units || '0'}${fraction.slice(0, 2).padEnd(2, '0')}`) > maxMoney) {
    return { error: `${field.label} cannot hold a number of this size.` };
  }
  return { value: `${sign === '-' ? '-' : ''}${units || '0'}${fraction ? `.${fraction}` : ''}` };
});
