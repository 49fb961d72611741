import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';

/** The place before the very end, as `_before`. */
export const endCursor = '!end';

/**
 * Values of an order as one readable text: `3255944~1042`; `~` and `!` within a value are `!-` and
 * `!!`, null is `!0`.
 */
export function cursorText(values: readonly (string | null)[]): string {
  return values
    .map((value) => (value === null ? '!0' : value.replaceAll('!', '!!').replaceAll('~', '!-')))
    .join('~');
}

/**
 * Reads a cursor of `_after` or `_before` for an order of as many values; what cannot be one is
 * AppError 'invalid-cursor'.
 */
export function parseCursor(
  text: string,
  nullable: readonly boolean[],
  name: '_after' | '_before',
): (string | null)[] {
  const values = text.split('~').map((part) => (part === '!0' ? null : unescaped(part)));
  const fits =
    text.length <= limits.list.cursorLength &&
    !text.includes('\0') &&
    values.length === nullable.length &&
    values.every((value, index) => value !== undefined && (value !== null || nullable[index]));
  if (!fits) throw invalidCursor(name);
  return values as (string | null)[];
}

export function invalidCursor(name: string): AppError {
  return new AppError(
    'invalid-cursor',
    422,
    `The place in the list that ${name} names cannot be one of this order.`,
    { field: name },
  );
}

function unescaped(part: string): string | undefined {
  if (/!(?![!-])/.test(part.replaceAll('!!', ''))) return undefined;
  return part.replace(/!([!-])/g, (_, sign: string) => (sign === '!' ? '!' : '~'));
}
