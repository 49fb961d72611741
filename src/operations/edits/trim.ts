import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';

/** Spaces, tabs, line ends and the no-break space. */
const blanks = ' \t\n\r\f\v\u00a0';

/** Without blanks at both ends. */
export const trim: Edit<null> = {
  name: 'trim',
  isConstant: false,
  canOverflow: false,
  fits: isText,
  inputs: () => [],
  parse: () => ({ value: null }),
  sql: (_value, { field, current }) => cast(sql`btrim((${current})::text, ${blanks}::text)`, field),
  twin: (current) =>
    current === null
      ? null
      : String(current).replace(/^[ \t\n\r\f\v\u00a0]+|[ \t\n\r\f\v\u00a0]+$/g, ''),
  describe: () => 'blanks at both ends removed',
};
