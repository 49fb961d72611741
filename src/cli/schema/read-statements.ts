/** What the SQL of a difference would do. */
export interface Statements {
  readonly all: readonly string[];
  /** Those that would take something away. */
  readonly drops: readonly string[];
  /** Those of them with which values would go. */
  readonly losses: readonly string[];
  /** Those without which a page of the schema cannot work: a table, column, type or value that is not there. */
  readonly lacks: readonly string[];
}

// A statement of Prisma's ends with a semicolon at the end of a line; strings in it may hold any text.
const statement = /(?:'(?:[^']|'')*'|"(?:[^"]|"")*"|[^;'"])+;/g;

const losing = /\bDROP\s+(?:TABLE|COLUMN|TYPE|VIEW|SCHEMA)\b|\bSET\s+DATA\s+TYPE\b/i;
const dropping = /\bDROP\s+(?:INDEX|CONSTRAINT|SEQUENCE|EXTENSION)\b/i;
const adding = /\bCREATE\s+(?:TABLE|TYPE|SCHEMA|EXTENSION)\b|\bADD\s+(?:COLUMN|VALUE)\b/i;

export function readStatements(sql: string): Statements {
  const plain = sql.replace(/^--.*$/gm, '');
  const all = (plain.match(statement) ?? []).map((text) => text.trim());
  const outside = (text: string) => text.replace(/'(?:[^']|'')*'|"(?:[^"]|"")*"/g, '""');
  return {
    all,
    drops: all.filter((text) => losing.test(outside(text)) || dropping.test(outside(text))),
    losses: all.filter((text) => losing.test(outside(text))),
    lacks: all.filter((text) => adding.test(outside(text))),
  };
}
