import { sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';
import { parseText } from './typed-text.ts';

export interface FindReplace {
  find: string;
  with: string;
}

/** Every occurrence of a text by another, upper and lower case told apart. */
export const findReplace: Edit<FindReplace> = {
  name: 'find-replace',
  isConstant: false,
  canOverflow: false,
  fits: isText,
  inputs: () => [
    { name: 'find', control: 'text' },
    { name: 'with', control: 'text' },
  ],
  parse(controls, field) {
    const find = parseText(controls, 'find', field, 'a text to find');
    if ('error' in find) return find;
    const replacement = parseText(controls, 'with', field, 'a replacement', true);
    return 'error' in replacement
      ? replacement
      : { value: { find: find.value, with: replacement.value } };
  },
  sql: (value, { field, current }) =>
    cast(
      sql`replace((${current})::text collate "C", ${value.find}::text, ${value.with}::text)`,
      field,
    ),
  twin: (current, value) =>
    current === null ? null : String(current).replaceAll(value.find, () => value.with),
  describe: (value) => `“${value.find}” replaced by “${value.with}”`,
};
