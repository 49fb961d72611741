import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';
import { parseText } from './typed-text.ts';

/** Text after the text there is. */
export const append: Edit<string> = {
  name: 'append',
  isConstant: false,
  canOverflow: false,
  fits: isText,
  inputs: () => [{ name: 'value', control: 'text' }],
  parse: (controls, field) => parseText(controls, 'value', field, 'a text to append'),
  sql: (value, { field, current }) => cast(sql`${current} || ${value}::text`, field),
  twin: (current, value) => (current === null ? null : `${current}${value}`),
  describe: (value) => `“${value}” appended`,
};
