import { sql } from '../../db/sql.ts';
import { limits } from '../../limits.ts';
import type { Edit } from './contract.ts';
import { decimalOf, decimalText, round as roundDecimal } from './decimal.ts';
import { cast, everyDigit, familyOf, isNumber } from './field-family.ts';
import { fitFloat, fitNumber, shortestText } from './number-room.ts';

/**
 * To so many places, a half away from zero; whole numbers to tens and hundreds by negative places.
 */
export const round: Edit<number> = {
  name: 'round',
  isConstant: false,
  canOverflow: true,
  fits: isNumber,
  inputs: () => [{ name: 'places', control: 'number' }],
  parse(controls, { label }) {
    const text = (controls('places').at(-1) ?? '').trim();
    if (text === '') return { error: `Give the decimal places for ${label}, or untick it.` };
    const isGood =
      /^[+-]?\d{1,2}$/.test(text) && Math.abs(Number(text)) <= limits.bulk.decimalPlaces;
    return isGood
      ? { value: Number(text) }
      : {
          error: `Decimal places for ${label} must be a whole number from -${limits.bulk.decimalPlaces} to ${limits.bulk.decimalPlaces}.`,
        };
  },
  sql(value, { field, current }) {
    const number = familyOf(field) === 'float' ? everyDigit(current) : sql`${current}::numeric`;
    return cast(sql`round(${number}, ${value}::integer)`, field);
  },
  twin(current, value, { field }) {
    if (current === null) return null;
    if (familyOf(field) !== 'float')
      return fitNumber(roundDecimal(decimalOf(String(current)), value), field);
    return fitFloat(
      Number(decimalText(roundDecimal(decimalOf(shortestText(current, field)), value))),
      field,
    );
  },
  describe: (value) => `rounded to ${value} decimal places`,
};
