import { arrayText } from '../../db/array-text.ts';
import { literal } from '../../db/literal.ts';
import type { TableNames } from '../../db/names.ts';
import type { Statement } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';

export interface Attempt {
  /** The statement's first row. */
  result: Record<string, unknown> | null;
  /** Why the database refused it, in the driver's form. */
  error: {
    code: string;
    constraint: string | null;
    column: string | null;
    message: string;
    detail: string;
  } | null;
}

interface AttemptRow {
  result: Record<string, unknown> | null;
  code: string | null;
  constraint: string | null;
  column: string | null;
  message: string;
  detail: string;
}

/**
 * Runs one statement with several sets of values, each in a savepoint of its own, within the
 * server: one round trip for all. What is no row's fault is thrown. Nothing of it is kept on the
 * connection, which may be another's next.
 */
export async function attemptEach(
  client: Queryable,
  t: TableNames,
  statements: readonly Statement[],
): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  // Of one operation they are all the same text; whatever they are, none may run with another's
  // values.
  for (let start = 0; start < statements.length; ) {
    const { text } = statements[start] as Statement;
    const next = statements.findIndex(
      (statement, index) => index > start && statement.text !== text,
    );
    const end = next === -1 ? statements.length : next;
    const lists = statements.slice(start, end).map(({ values }) => values.map(literal).join(', '));
    attempts.push(...(await attemptLists(client, t, text, lists)));
    start = end;
  }
  return attempts;
}

async function attemptLists(
  client: Queryable,
  t: TableNames,
  text: string,
  lists: readonly string[],
): Promise<Attempt[]> {
  const { rows } = await client.query<AttemptRow>(
    `select result, code, "constraint", "column", message, detail from ${t.attempt_each}($1, $2::text[]) order by position`,
    [text, arrayText(lists)],
  );
  return rows.map(({ result, code, constraint, column, message, detail }) => ({
    result,
    error:
      code === null
        ? null
        : { code, constraint: constraint || null, column: column || null, message, detail },
  }));
}
