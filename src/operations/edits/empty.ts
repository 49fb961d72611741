import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';

/**
 * A text of no characters, which is something else than nothing, and which a required text may be.
 */
export const empty: Edit<null> = {
  name: 'empty',
  isConstant: true,
  canOverflow: false,
  fits: (field) => isText(field),
  inputs: () => [],
  parse: () => ({ value: null }),
  sql: (_value, { field }) => cast(sql`''`, field),
  twin: () => '',
  describe: () => 'made an empty text',
};
