import type { Change } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { asKept, listOf, ownInput, parseOwnValues } from './own-value.ts';

/** Values added to a list, or related records; those there already are not added twice. */
export const add: Change<string[]> = {
  name: 'add',
  isConstant: false,
  canOverflow: false,
  fits: isMany,
  inputs: () => [ownInput],
  parse(given, field, resource) {
    const parsed = parseOwnValues(given, field, resource);
    return 'error' in parsed ? parsed : { value: [...new Set(parsed.value)] };
  },
  sql: (value, { field, current, parameter }) => {
    const given = cast(parameter(value), field);
    return cast(
      `${current} || array(select v from unnest(${given}) with ordinality as given(v, n) where v <> all(coalesce(${current}, '{}')) order by n)`,
      field,
    );
  },
  twin(current, value, { field }) {
    const there = listOf(current);
    const added = new Set(value.filter((item) => !there.includes(item)));
    return asKept([...there, ...added], field);
  },
  describe: (value) => `add ${value.join(', ')}`,
};
