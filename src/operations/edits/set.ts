import { sql } from '../../db/sql.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { shownText } from '../../fields/stored-text.ts';
import type { Edit } from './contract.ts';
import { cast, isMany } from './field-family.ts';
import { ownInput, parseOwnValue } from './own-value.ts';

/** The same value for every record. */
export const set: Edit<string> = {
  name: 'set',
  isConstant: true,
  canOverflow: false,
  fits: (field) => getFieldKind(field).input !== 'none' && !isMany(field),
  inputs: () => [ownInput],
  parse: parseOwnValue,
  sql: (value, { field }) => cast(sql`${value}`, field),
  twin: (_current, value) => value,
  describe: (value, field, { reader }) => `set to ${shownText(value, field, reader)}`,
};
