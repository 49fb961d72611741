/** A top-level block of a Prisma schema: `model City { … }`. */
export interface Block {
  readonly kind: string;
  readonly name: string;
  /** What stands between the braces, without comments. */
  readonly body: string;
  /** Where the block is in the text, its braces included. */
  readonly start: number;
  readonly end: number;
}

// Strings and comments may hold braces and words of the language; a string has no line break. For
// Prisma a carriage return alone is one.
const comment = /("(?:[^"\\\n]|\\.)*")|\/\/[^\r\n]*|\/\*[\s\S]*?\*\//g;

/** The text with its comments blanked: every position and every string stays. */
function withoutComments(text: string): string {
  return text.replace(
    comment,
    (found, string: string | undefined) => string ?? found.replace(/[^\n]/g, ' '),
  );
}

const opening =
  /(?:^|[\r\n])[ \t]*(model|view|enum|type|generator|datasource)[ \t]+([\w-]+)[ \t]*\{/g;

/** Reads the blocks of a schema. The text need not be valid: what is no block is left out. */
export function blocksOf(text: string): Block[] {
  const plain = withoutComments(text);
  const masked = plain.replace(
    /"(?:[^"\\\n]|\\.)*"/g,
    (string) => `"${' '.repeat(string.length - 2)}"`,
  );
  return [...masked.matchAll(opening)].map((match) => {
    const from = match.index + match[0].length;
    const close = masked.indexOf('}', from);
    const to = close === -1 ? text.length : close;
    const start = match.index + (/^[\r\n]/.test(match[0]) ? 1 : 0);
    return {
      kind: match[1] as string,
      name: match[2] as string,
      body: plain.slice(from, to),
      start,
      end: Math.min(to + 1, text.length),
    };
  });
}

/**
 * The first argument of a block's attribute, as it is written: `@@schema("public")` gives `public`.
 */
export function textAttribute({ body }: Block, name: string): string | null {
  const string = new RegExp(
    `(?:^|\\n)\\s*${name}\\(\\s*(?:\\w+\\s*:\\s*)?("(?:[^"\\\\\\n]|\\\\.)*")`,
  ).exec(body)?.[1];
  return string ? (JSON.parse(string) as string) : null;
}

/** Lines of a block that declare a field: its name and the rest. */
export function fieldLines({ body }: Block): { name: string; rest: string }[] {
  return body.split('\n').flatMap((line) => {
    const match = /^\s*(\w+)\s+(\S.*)$/s.exec(line);
    return match ? [{ name: match[1] as string, rest: match[2] as string }] : [];
  });
}
