/** What PostgreSQL refused, in one form whether `pg` or the project's Prisma client met it. */
export class DatabaseError extends Error {
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: string | null;
  readonly column: string | null;

  constructor(code: string, message: string, { constraint, column }: { constraint: string | null; column: string | null }, cause: unknown) {
    super(message, { cause });
    this.name = 'DatabaseError';
    this.code = code;
    this.constraint = constraint;
    this.column = column;
  }
}

interface Cause {
  kind?: string;
  originalCode?: string;
  originalMessage?: string;
  constraint?: { index?: string; fields?: string[] };
  column?: string;
}

interface PrismaError {
  name?: string;
  code?: string;
  message?: string;
  meta?: { driverAdapterError?: { cause?: Cause } };
  cause?: Cause;
}

/**
 * Prisma's own codes for what passes: a lost write conflict, a transaction that took too long, no connection in time; a
 * server that is not there, was not to be reached in time, or has ended the connection.
 */
const passing: Record<string, string> = {
  P2034: '40001',
  P2028: '57014',
  P2024: '53300',
  P1001: '08001',
  P1002: '08001',
  P1008: '08006',
  P1017: '08006',
};

/** A table, a column that is not there. */
const missing: Record<string, string> = { P2021: '42P01', P2022: '42703' };

/** The same from the adapter, under a raw statement. */
const lost: Record<string, string> = { ConnectionClosed: '08006', DatabaseNotReachable: '08001', SocketTimeout: '08006' };

/** The error with its SQLSTATE where it comes from the database through Prisma; any other as it is. */
export function databaseError(error: unknown): unknown {
  if (error instanceof DatabaseError || !(error instanceof Error)) return error;
  const { code = '', message = '', meta, cause: own, name } = error as PrismaError;
  const cause = meta?.driverAdapterError?.cause ?? own;
  if (cause?.originalCode) {
    const text = cause.originalMessage ?? message;
    const column = cause.column ?? cause.constraint?.fields?.[0];
    return new DatabaseError(
      cause.originalCode,
      text,
      { constraint: cause.constraint?.index ?? namedIn(text), column: column?.replaceAll('"', '') ?? null },
      error,
    );
  }
  const state = lost[cause?.kind ?? ''] ?? (name === 'PrismaClientKnownRequestError' ? (passing[code] ?? missing[code]) : undefined);
  return state ? new DatabaseError(state, message, { constraint: null, column: null }, error) : error;
}

// The adapter keeps the name of a check constraint in its sentence only.
function namedIn(text: string): string | null {
  return /constraint "([^"]+)"/.exec(text)?.[1] ?? null;
}

// Classes of data exceptions, constraints, views with check options, PL/pgSQL (RAISE among it), and those that the standard
// leaves to others and PostgreSQL does not use: what a trigger raises with a code of its own.
// A right that is missing is a row's where a policy or a trigger says so; a table's refuses every row, each with its reason.
const rowsFault = /^((22|23|44|P0|(?!53|54|55|57|58|72|XX)[5-9I-OQ-Z][0-9A-Z])[0-9A-Z]{3}|42501)$/;

/** Is an error of this SQLSTATE the fault of a row's values? The function `attempt_each` in the database has the same rule. */
export function isRowsFault(state: string): boolean {
  return rowsFault.test(state);
}
