import { sqlstate } from './sqlstate.ts';
/** What PostgreSQL refused, in one form whether `pg` or the project's Prisma client met it. */
export class DatabaseError extends Error {
  /** SQLSTATE. */
  readonly code: string;
  readonly constraint: string | null;
  readonly column: string | null;

  constructor(
    code: string,
    message: string,
    { constraint, column }: { constraint: string | null; column: string | null },
    cause: unknown,
  ) {
    super(message, { cause });
    this.name = 'DatabaseError';
    this.code = code;
    this.constraint = constraint;
    this.column = column;
  }
}

interface DriverCause {
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
  meta?: { driverAdapterError?: { cause?: DriverCause } };
  cause?: DriverCause;
}

/**
 * Prisma's own codes for what passes: a lost write conflict, a transaction that took too long, no
 * connection in time; a server that is not there, was not to be reached in time, or has ended the
 * connection.
 */
const passing: Record<string, string> = {
  P2034: sqlstate.serializationFailure,
  P2028: sqlstate.queryCanceled,
  P2024: sqlstate.tooManyConnections,
  P1001: sqlstate.sqlclientUnableToEstablishConnection,
  P1002: sqlstate.sqlclientUnableToEstablishConnection,
  P1008: sqlstate.connectionFailure,
  P1017: sqlstate.connectionFailure,
};

/** A table, a column that is not there. */
const missing: Record<string, string> = {
  P2021: sqlstate.undefinedTable,
  P2022: sqlstate.undefinedColumn,
};

/** The same from the adapter, under a raw statement. */
const lost: Record<string, string> = {
  ConnectionClosed: sqlstate.connectionFailure,
  DatabaseNotReachable: sqlstate.sqlclientUnableToEstablishConnection,
  SocketTimeout: sqlstate.connectionFailure,
};

/**
 * The error with its SQLSTATE where it comes from the database through Prisma; any other as it is.
 */
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
      {
        constraint: cause.constraint?.index ?? namedIn(text),
        column: column?.replaceAll('"', '') ?? null,
      },
      error,
    );
  }
  const state =
    lost[cause?.kind ?? ''] ??
    (name === 'PrismaClientKnownRequestError' ? (passing[code] ?? missing[code]) : undefined);
  return state
    ? new DatabaseError(state, message, { constraint: null, column: null }, error)
    : error;
}

// The adapter keeps the name of a check constraint in its sentence only.
function namedIn(text: string): string | null {
  return /constraint "([^"]+)"/.exec(text)?.[1] ?? null;
}
