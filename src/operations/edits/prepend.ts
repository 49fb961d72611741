import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';
import { parseText } from './typed-text.ts';

/** Text before the text there is. */
export const prepend: Edit<string> = {
  name: 'prepend',
  isConstant: false,
  canOverflow: false,
  fits: isText,
  inputs: () => [{ name: 'value', control: 'text' }],
  parse: (controls, field) => parseText(controls, 'value', field, 'a text to prepend'),
  sql: (value, { field, current }) => cast(sql`${value}::text || ${current}`, field),
  twin: (current, value) => (current === null ? null : `${value}${current}`),
  describe: (value) => `“${value}” prepended`,
};
