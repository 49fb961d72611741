import { raw, sql } from '../../db/sql.ts';
import type { Parsed } from '../../fields/contract.ts';
import { kindAmountInWords, parseAmount, parseKindAmount } from './amount.ts';
import type { Edit } from './contract.ts';
import { add, decimalOf } from './decimal.ts';
import { cast, familyOf, isNumber } from './field-family.ts';
import { fitFloat, fitNumber, floatOf } from './number-room.ts';
import { ownInput } from './own-value.ts';

/** A number added to the number there is; a negative one takes away. Decimals to the last digit. */
export const increase: Edit<string> = {
  name: 'increase',
  isConstant: false,
  canOverflow: true,
  fits: isNumber,
  inputs: ({ kind }) => [kind ? ownInput : { name: 'value', control: 'number' }],
  parse(controls, field, { reader }): Parsed<string> {
    if (field.kind) return parseKindAmount(controls, 'value', field, field.kind, reader);
    const amount = parseAmount(controls, 'value', field, 'an amount');
    if ('error' in amount || familyOf(field.meta) !== 'integer' || /^-?\d+$/.test(amount.value))
      return amount;
    return { error: `${field.label} has whole numbers only: give a whole number to add.` };
  },
  sql: (value, { field, current }) =>
    familyOf(field) === 'float'
      ? cast(sql`${current} + ${value}::${raw(`${field.sqlType}`)}`, field)
      : cast(sql`${current}::numeric + ${value}::numeric`, field),
  twin(current, value, { field }) {
    if (current === null) return null;
    if (familyOf(field) === 'float')
      return fitFloat(floatOf(current, field) + floatOf(value, field), field);
    return fitNumber(add(decimalOf(String(current)), decimalOf(value)), field);
  },
  describe: (value, field, { reader }) =>
    `${kindAmountInWords(value.replace(/^-/, ''), field, reader)} ${value.startsWith('-') ? 'taken away' : 'added'}`,
};
