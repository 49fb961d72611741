import { amountInWords, parseAmount } from './amount.ts';
import type { Edit } from './contract.ts';
import { add, decimalOf, decimalText } from './decimal.ts';
import { isNumber } from './field-family.ts';
import { scaleBy, scaleBySql } from './scale-by.ts';

/** So many per cent more; a negative number is so many less. */
export const percent: Edit<string> = {
  name: 'percent',
  isConstant: false,
  canOverflow: true,
  fits: isNumber,
  inputs: () => [{ name: 'value', control: 'number' }],
  parse: (controls, field) => parseAmount(controls, 'value', field, 'a percentage'),
  sql: (value, place) => scaleBySql(factorOf(value), place),
  twin: (current, value, { field }) => scaleBy(current, factorOf(value), field),
  describe: (value, field) =>
    `changed by ${value.startsWith('-') ? '' : '+'}${amountInWords(value, field)} %`,
};

// Exact: a hundredth is two places more, not a division.
function factorOf(value: string): string {
  const { units, scale } = add(decimalOf('100'), decimalOf(value));
  return decimalText({ units, scale: scale + 2 });
}
