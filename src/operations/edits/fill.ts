import { sql } from '../../db/sql.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { shownText } from '../../fields/stored-text.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Edit } from './contract.ts';
import { cast, familyOf, isMany } from './field-family.ts';
import { ownInput, parseOwnValue } from './own-value.ts';

/** A value for the records that have none; a text without a character is none. */
export const fill: Edit<string> = {
  name: 'fill',
  isConstant: false,
  canOverflow: false,
  fits: (field) =>
    getFieldKind(field).input !== 'none' &&
    !isMany(field) &&
    (!field.meta.isRequired || (field.relation === null && hasEmptyText(field.meta))),
  inputs: () => [ownInput],
  parse: parseOwnValue,
  sql: (value, { field, current }) => {
    const operand = cast(sql`${value}`, field);
    return hasEmptyText(field)
      ? sql`case when ${current} is null or (${current})::text collate "C" = '' then ${operand} else ${current} end`
      : sql`coalesce(${current}, ${operand})`;
  },
  twin: (current, value, { field }) =>
    current === null || (hasEmptyText(field) && current === '') ? value : current,
  describe: (value, field, { reader }) => `set to ${shownText(value, field, reader)} where empty`,
};

function hasEmptyText(meta: FieldMeta): boolean {
  return familyOf(meta) === 'text';
}
