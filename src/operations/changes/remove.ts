import type { Change } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { asKept, listOf, ownInput, parseOwnValues } from './own-value.ts';

/** Values taken out of a list, or related records; those that are not there are no error. */
export const remove: Change<string[]> = {
  name: 'remove',
  isConstant: false,
  canOverflow: false,
  fits: isMany,
  inputs: () => [ownInput],
  parse: parseOwnValues,
  sql: (value, { field, current, parameter }) =>
    cast(
      `case when ${current} is null then null else array(select v from unnest(${current}) with ordinality as kept(v, n)
        where v <> all(${cast(parameter(value), field)}) order by n) end`,
      field,
    ),
  twin: (current, value, { field }) =>
    current === null
      ? null
      : asKept(
          listOf(current).filter((item) => !value.includes(item)),
          field,
        ),
  describe: (value) => `remove ${value.join(', ')}`,
};
