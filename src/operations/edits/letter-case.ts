import { raw, sql } from '../../db/sql.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';

const cases = {
  upper: { words: 'upper case', sql: 'upper' },
  lower: { words: 'lower case', sql: 'lower' },
  title: { words: 'title case', sql: 'initcap' },
} as const;
type LetterCase = keyof typeof cases;

/**
 * Upper case, lower case, or a capital at the head of each word, by the rules of the column's
 * collation.
 */
export const letterCase: Edit<LetterCase> = {
  name: 'letter-case',
  isConstant: false,
  canOverflow: false,
  fits: isText,
  inputs: () => [{ name: 'case', control: 'choice', choices: Object.keys(cases) }],
  parse(controls, { label }) {
    const wanted = controls('case').at(-1) ?? '';
    return Object.hasOwn(cases, wanted)
      ? { value: wanted as LetterCase }
      : { error: `Choose a case for ${label}, or untick it.` };
  },
  sql: (value, { field, current }) =>
    cast(sql`${raw(cases[value].sql)}((${current})::text)`, field),
  twin(current, value) {
    if (current === null) return null;
    const text = String(current);
    if (value === 'upper') return text.toUpperCase();
    const lower = text.toLowerCase();
    return value === 'lower' ? lower : lower.replace(/[\p{L}\p{N}]+/gu, titleOf);
  },
  describe: (value) => `in ${cases[value].words}`,
};

// ß at the head of a word is Ss, not SS.
function titleOf(word: string): string {
  const [first = '', ...rest] = word;
  const [capital = '', ...more] = first.toUpperCase();
  return `${capital}${more.join('').toLowerCase()}${rest.join('')}`;
}
