import { sql } from '../../db/sql.ts';
import { sqlstate } from '../../db/sqlstate.ts';
import { limits, limitTexts } from '../../limits.ts';
import type { Edit } from './contract.ts';
import { cast, isText } from './field-family.ts';
import type { FindReplace } from './find-replace.ts';
import { parseText } from './typed-text.ts';

/**
 * Every match of a regular expression, as PostgreSQL understands it; `\1` in the replacement is the
 * first group, `\&` the whole match. What PostgreSQL refuses as an expression is refused before
 * anything starts.
 */
export const findReplacePattern: Edit<FindReplace> = {
  name: 'find-replace-pattern',
  isConstant: false,
  canOverflow: false,
  isAlwaysPreviewed: true,
  fits: isText,
  inputs: () => [
    { name: 'find', control: 'text' },
    { name: 'with', control: 'text' },
  ],
  parse(controls, field) {
    const find = parseText(controls, 'find', field, 'a regular expression');
    if ('error' in find) return find;
    if (find.value.length > limits.bulk.expressionLength)
      return { error: limitTexts.expression(field.label) };
    const replacement = parseText(controls, 'with', field, 'a replacement', true);
    return 'error' in replacement
      ? replacement
      : { value: { find: find.value, with: replacement.value } };
  },
  async check({ find, with: replacement }, client, { label }) {
    try {
      await client.query(`select regexp_replace('', $1, $2, 'g')`, [find, replacement]);
      return null;
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== sqlstate.invalidRegularExpression) throw error;
      return `The expression for ${label} is not one that PostgreSQL takes: ${message.replace(/^invalid regular expression: /, '')}.`;
    }
  },
  sql: (value, { field, current }) =>
    cast(
      sql`regexp_replace((${current})::text collate pg_catalog."default", ${value.find}::text, ${value.with}::text, 'g')`,
      field,
    ),
  // The same for what both languages of expressions mean alike: literals, classes, groups and the
  // usual quantifiers.
  twin: (current, value) =>
    current === null
      ? null
      : String(current).replace(new RegExp(value.find, 'gu'), (...found: unknown[]) =>
          replacementOf(value.with, found),
        ),
  describe: (value) => `matches of ${value.find} replaced by “${value.with}”`,
};

// Behind the groups a callback is told where the match is.
function replacementOf(template: string, found: readonly unknown[]): string {
  const groups = found.slice(
    0,
    found.findIndex((part) => typeof part === 'number'),
  );
  return template.replace(/\\([\d&\\])/g, (_, mark: string) =>
    mark === '\\' ? '\\' : String(groups[mark === '&' ? 0 : Number(mark)] ?? ''),
  );
}
