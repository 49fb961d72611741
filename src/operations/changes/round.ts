import type { Change } from './contract.ts';
import { decimalOf, decimalText, round as roundDecimal } from './decimal.ts';
import { cast, familyOf, isNumber } from './field-family.ts';
import { fitFloat, fitNumber, floatOf } from './number-room.ts';

const most = 15;

/** To so many places, a half away from zero; whole numbers to tens and hundreds by negative places. */
export const round: Change<number> = {
  name: 'round',
  isConstant: false,
  canOverflow: true,
  fits: isNumber,
  inputs: () => [{ name: 'places', control: 'number' }],
  parse(given, { label }) {
    const text = (given('places').at(-1) ?? '').trim();
    if (text === '') return { error: `Give the decimal places for ${label}, or untick it.` };
    const isGood = /^[+-]?\d{1,2}$/.test(text) && Math.abs(Number(text)) <= most;
    return isGood ? { value: Number(text) } : { error: `Decimal places for ${label} must be a whole number from -${most} to ${most}.` };
  },
  sql: (value, { field, current, parameter }) => cast(`round(${current}::numeric, ${parameter(value)}::integer)`, field),
  twin(current, value, { field }) {
    if (current === null) return null;
    if (familyOf(field) !== 'float') return fitNumber(roundDecimal(decimalOf(String(current)), value), field);
    return fitFloat(Number(decimalText(roundDecimal(decimalOf(shortened(floatOf(current, field), field.sqlType)), value))), field);
  },
  describe: (value) => `rounded to ${value} decimal places`,
};

// PostgreSQL makes a numeric of a float from its first 15 digits, of a real from its first 6.
function shortened(value: number, sqlType: string | null): string {
  return value.toPrecision(sqlType === 'real' ? 6 : 15);
}
