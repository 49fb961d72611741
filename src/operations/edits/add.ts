import { type Sql, sql } from '../../db/sql.ts';
import { shownItems } from '../../fields/stored-text.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Edit } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { isNotIn, refusedList } from './list-items.ts';
import { asKept, listOf, ownInput, parseOwnValues } from './own-value.ts';

/** Values added to a list, or related records; those there already are not added twice. */
export const add: Edit<string[]> = {
  name: 'add',
  isConstant: false,
  canOverflow: false,
  fits: isMany,
  inputs: () => [ownInput],
  parse(controls, field, resource) {
    const parsed = parseOwnValues(controls, field, resource);
    return 'error' in parsed ? parsed : { value: [...new Set(parsed.value)] };
  },
  sql: (value, { field, current }) => {
    const operand = cast(sql`${value}`, field);
    if (!field.relation) return added(current, operand, field);
    return cast(
      sql`${current} || array(select v from unnest(${operand}) with ordinality as operand(v, n) where v <> all(coalesce(${current}, '{}')) order by n)`,
      field,
    );
  },
  twin(current, value, { field }) {
    const there = listOf(current);
    const added = new Set(value.filter((item) => !there.includes(item)));
    return asKept([...there, ...added], field);
  },
  describe: (value, field, { reader }) => `add ${shownItems(value, field, reader)}`,
};

// A list of lists has no place for a single value: it is refused, never flattened.
function added(current: Sql, operand: Sql, field: FieldMeta): Sql {
  const missing = sql`array(select v from unnest(${operand}) with ordinality as operand(v, n) where ${isNotIn('v', current, field)} order by n)`;
  return sql`case when array_ndims(${current}) > 1 then ${refusedList(current, field)} else ${cast(sql`${current} || ${missing}`, field)} end`;
}
