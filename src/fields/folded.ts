/**
 * Texts are searched without their accents: decomposed (NFKD), less the combining marks, in small
 * letters, by PostgreSQL and here alike. No extension is needed, and an index can hold it.
 */
const marks = '\\u0300-\\u036f\\u1ab0-\\u1aff\\u1dc0-\\u1dff\\u20d0-\\u20ff\\ufe20-\\ufe2f';
const marksPattern = new RegExp(`[${marks}]`, 'gu');

export function folded(text: string): string {
  return text.normalize('NFKD').replace(marksPattern, '').toLowerCase();
}

/** What PostgreSQL is to make of a column for it. */
export function foldedSql(column: string): string {
  return `lower(regexp_replace(normalize(${column}::text, NFKD), '[${marks}]', '', 'g'))`;
}

/**
 * Only these have anything to fold, wherever letters take more than a byte; where they do not,
 * PostgreSQL cannot decompose them.
 */
export function hasMoreThanAscii(column: string): string {
  return `octet_length(${column}::text) > length(${column}::text)`;
}

// Of private use: it stands in no text that is searched, and tells a search's pattern from others.
const sign = '\uf8ff\u200b\uf8ff';

/**
 * For Prisma's `contains`: a pattern that finds nothing by itself, and that `registry.whereSql`
 * compares with the folded column. Null: the text has no letter that could have another form.
 */
export function foldedPattern(text: string): string | null {
  const letters = text.replaceAll(sign, '');
  if (!/\p{L}/u.test(letters)) return null;
  const plain = folded(letters);
  return `${sign}${plain === letters.toLowerCase() ? '' : sign}${plain.replace(/[\\%_]/g, '\\$&')}`;
}

const compared =
  /((?:"(?:[^"]|"")+"\.)*"(?:[^"]|"")+")(?:::text)?((?: COLLATE pg_catalog\."default")?) ILIKE (\((?:'%' \|\| )?\$(\d+)(?: \|\| '%')?\))/g;

/** The statement with every search's pattern compared with the folded column. */
export function withFolded({ text, values }: { text: string; values: unknown[] }): {
  text: string;
  values: unknown[];
} {
  const isSearched = (value: unknown) => typeof value === 'string' && value.startsWith(sign);
  if (!values.some(isSearched)) return { text, values };
  return {
    text: text.replace(
      compared,
      (whole, column: string, collation: string, pattern: string, place: string) => {
        const value = values[Number(place) - 1];
        if (!isSearched(value)) return whole;
        const other = `(${hasMoreThanAscii(column)} AND ${foldedSql(column)}${collation} LIKE ${pattern})`;
        // Typed with accents, it is found without them too; typed without, it is looked for so
        // already.
        return !String(value).startsWith(sign, sign.length)
          ? other
          : `(${column}::text${collation} ILIKE ${pattern} OR ${other})`;
      },
    ),
    values: values.map((value) => (isSearched(value) ? String(value).replaceAll(sign, '') : value)),
  };
}
