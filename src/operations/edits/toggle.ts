import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { familyOf } from './field-family.ts';

/** Yes becomes no, and no yes. */
export const toggle: Edit<null> = {
  name: 'toggle',
  isConstant: false,
  canOverflow: false,
  fits: ({ meta, relation }) => relation === null && familyOf(meta) === 'boolean',
  inputs: () => [],
  parse: () => ({ value: null }),
  sql: (_value, { current }) => sql`not ${current}`,
  twin: (current) => (current === null ? null : String(current !== 'true')),
  describe: () => 'yes and no swapped',
};
