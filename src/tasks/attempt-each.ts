import pg from 'pg';
import { arrayText } from '../db/array-text.ts';
import type { Queryable } from '../db/transaction.ts';
import type { TableNames } from '../db/names.ts';
import type { Statement } from '../operations/contract.ts';

export interface Attempt {
  /** The statement's first row. */
  result: Record<string, unknown> | null;
  /** Why the database refused it, in the driver's form. */
  error: { code: string; constraint: string | null; column: string | null; message: string; detail: string } | null;
}

interface AttemptRow {
  result: Record<string, unknown> | null;
  code: string | null;
  constraint: string | null;
  column: string | null;
  message: string;
  detail: string;
}

/** Statements that a connection has prepared, by their text; the chunks of a task all run the same. */
const prepared = new WeakMap<object, Map<string, string>>();
const mostPrepared = 20;
let count = 0;

/**
 * Runs one statement with several sets of values, each in a savepoint of its own, within the server: one round trip
 * for all. What is no row's fault is thrown.
 */
export async function attemptEach(client: Queryable, t: TableNames, statements: readonly Statement[]): Promise<Attempt[]> {
  const [first] = statements;
  if (!first) return [];
  const name = await prepare(client, first.sql);
  const { rows } = await client.query<AttemptRow>(
    `select result, code, "constraint", "column", message, detail from ${t.attempt_each}($1) order by position`,
    [statements.map(({ values }) => `execute ${name}(${values.map(literal).join(', ')})`)],
  );
  // What is not the connection itself is not seen again: its statement would be left behind.
  if (!('processID' in client)) await client.query(`deallocate ${name}`);
  return rows.map(({ result, code, constraint, column, message, detail }) => ({
    result,
    error: code === null ? null : { code, constraint: constraint || null, column: column || null, message, detail },
  }));
}

async function prepare(client: Queryable, sql: string): Promise<string> {
  const known = prepared.get(client) ?? new Map<string, string>();
  prepared.set(client, known);
  const found = known.get(sql);
  if (found) return found;
  const [oldest] = known.size < mostPrepared ? [] : known;
  if (oldest) {
    known.delete(oldest[0]);
    await client.query(`deallocate ${oldest[1]}`);
  }
  count += 1;
  const name = `attempt_${count}`;
  await client.query(`prepare ${name} as ${sql}`);
  known.set(sql, name);
  return name;
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return pg.escapeLiteral(arrayText(value));
  return pg.escapeLiteral(String(value));
}
