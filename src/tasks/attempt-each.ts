import pg from 'pg';
import type { Queryable } from '../db/transaction.ts';
import type { TableNames } from '../db/names.ts';
import type { Statement } from '../operations/contract.ts';

export interface Attempt {
  /** The statement's first row. */
  result: Record<string, unknown> | null;
  /** Why the database refused it, in the driver's form. */
  error: { code: string; constraint: string | null; column: string | null; message: string } | null;
}

interface AttemptRow {
  result: Record<string, unknown> | null;
  code: string | null;
  constraint: string | null;
  column: string | null;
  message: string;
}

let prepared = 0;

/**
 * Runs one statement with several sets of values, each in a savepoint of its own, within the server: one round trip
 * for all. What is no row's fault is thrown.
 */
export async function attemptEach(client: Queryable, t: TableNames, statements: readonly Statement[]): Promise<Attempt[]> {
  const [first] = statements;
  if (!first) return [];
  prepared += 1;
  const name = `attempt_${prepared}`;
  await client.query(`prepare ${name} as ${first.sql}`);
  try {
    // Planned once: planning takes longer than changing a handful of records.
    await client.query('set local plan_cache_mode = force_generic_plan');
    const { rows } = await client.query<AttemptRow>(
      `select result, code, "constraint", "column", message from ${t.attempt_each}($1) order by position`,
      [statements.map(({ values }) => `execute ${name}(${values.map(literal).join(', ')})`)],
    );
    return rows.map(({ result, code, constraint, column, message }) => ({
      result,
      error: code === null ? null : { code, constraint: constraint || null, column: column || null, message },
    }));
  } finally {
    // Where the transaction is already lost this fails too, and the name is not used again.
    await client.query(`deallocate ${name}; set local plan_cache_mode = auto`).catch(() => undefined);
  }
}

function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return pg.escapeLiteral(`{${value.map(element).join(',')}}`);
  return pg.escapeLiteral(String(value));
}

function element(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  return `"${String(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
