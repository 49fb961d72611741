import { type Sql, shared, sql } from '../../db/sql.ts';
import { shownItems } from '../../fields/stored-text.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Edit } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { isNotIn, refusedList } from './list-items.ts';
import { asKept, listOf, ownInput, parseOwnValues } from './own-value.ts';

/** Values taken out of a list, or related records; those that are not there are no error. */
export const remove: Edit<string[]> = {
  name: 'remove',
  isConstant: false,
  canOverflow: false,
  fits: isMany,
  inputs: () => [ownInput],
  parse: parseOwnValues,
  sql(value, { field, current }) {
    const operand = shared(cast(sql`${value}`, field));
    if (!field.relation) return without(current, operand, field);
    return cast(
      sql`case when ${current} is null then null else array(select v from unnest(${current}) with ordinality as kept(v, n)
        where v <> all(${operand}) order by n) end`,
      field,
    );
  },
  twin: (current, value, { field }) =>
    current === null
      ? null
      : asKept(
          listOf(current).filter((item) => !value.includes(item)),
          field,
        ),
  describe: (value, field, { reader }) => `remove ${shownItems(value, field, reader)}`,
};

function without(current: Sql, operand: Sql, field: FieldMeta): Sql {
  const kept = sql`array(select v from unnest(${current}) with ordinality as kept(v, n) where ${isNotIn('v', operand, field)} order by n)`;
  return sql`case when array_ndims(${current}) > 1 then ${refusedList(current, field)}
    when not exists (select from unnest(${current}) v where not (${isNotIn('v', operand, field)})) then ${current}
    else ${cast(kept, field)} end`;
}
