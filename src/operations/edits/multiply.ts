import { amountInWords, parseAmount } from './amount.ts';
import type { Edit } from './contract.ts';
import { isNumber } from './field-family.ts';
import { scaleBy, scaleBySql } from './scale-by.ts';

/** The number there is times another. */
export const multiply: Edit<string> = {
  name: 'multiply',
  isConstant: false,
  canOverflow: true,
  fits: isNumber,
  inputs: () => [{ name: 'value', control: 'number' }],
  parse: (controls, field) => parseAmount(controls, 'value', field, 'a factor'),
  sql: scaleBySql,
  twin: (current, value, { field }) => scaleBy(current, value, field),
  describe: (value, field) => `multiplied by ${amountInWords(value, field)}`,
};
