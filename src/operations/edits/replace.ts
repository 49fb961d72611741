import { sql } from '../../db/sql.ts';
import { shownItems } from '../../fields/stored-text.ts';
import type { Edit } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { asKept, ownInput, parseOwnValues } from './own-value.ts';

/** These values in place of the list there is. */
export const replace: Edit<string[]> = {
  name: 'replace',
  isConstant: true,
  canOverflow: false,
  fits: isMany,
  inputs: () => [ownInput],
  parse: parseOwnValues,
  sql: (value, { field }) => cast(sql`${value}`, field),
  twin: (_current, value, { field }) => asKept(value, field),
  describe: (value, field, { reader }) => `replace by ${shownItems(value, field, reader)}`,
};
