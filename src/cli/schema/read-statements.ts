/** What the SQL of a difference would do. */
export interface Statements {
  readonly all: readonly string[];
  /** Those that would take something away. */
  readonly drops: readonly string[];
  /**
   * Those without which a page of the schema cannot work: a table, column, type or value that is
   * not there.
   */
  readonly lacks: readonly string[];
}

// A statement of Prisma's ends with a semicolon at the end of a line; strings in it may hold any
// text.
const statement = /(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+;/g;

const dropping =
  /\bDROP\s+(?:TABLE|COLUMN|TYPE|VIEW|SCHEMA|INDEX|CONSTRAINT|SEQUENCE|EXTENSION)\b|\bSET\s+DATA\s+TYPE\b/i;
const adding = /\bCREATE\s+(?:TABLE|TYPE|SCHEMA|EXTENSION)\b|\bADD\s+(?:COLUMN|VALUE)\b/i;

export function readStatements(sql: string): Statements {
  const plain = sql.replace(/^--.*$/gm, '');
  const all = (plain.match(statement) ?? []).map((text) => text.trim());
  const isMadeAgain = (text: string) => {
    const index = /^DROP INDEX (?:"[^"]*"\.)?("[^"]+");$/i.exec(text)?.[1];
    return (
      index !== undefined &&
      all.some((other) => /^CREATE (?:UNIQUE )?INDEX/i.test(other) && other.includes(` ${index} `))
    );
  };
  return {
    all,
    drops: all.filter((text) => dropping.test(outside(text)) && !isMadeAgain(text)),
    lacks: all.filter((text) => adding.test(outside(text))),
  };
}

const takingAway = /\bDROP\b|\bSET\s+DATA\s+TYPE\b/i;

/** Without its strings and names. */
function outside(text: string): string {
  return text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '""');
}

/**
 * The statements of a difference that take nothing away, for a database that is somebody else's:
 * nobody should be advised to drop what is not ours. A statement of several parts keeps those that
 * add.
 */
export function additions(sql: string): string[] {
  return readStatements(sql).all.flatMap((text) => {
    if (!takingAway.test(outside(text))) return [text];
    const [, head, parts] = /^(ALTER TABLE (?:"[^"]*"\.)?"[^"]*"\s)([\s\S]*);$/.exec(text) ?? [];
    const kept = (parts ?? '')
      .split(/,\n/)
      .filter((part) => part.trim() !== '' && !takingAway.test(outside(part)));
    return head && kept.length > 0 ? [`${head}${kept.join(',\n')};`] : [];
  });
}
