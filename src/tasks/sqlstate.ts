import { isRowsFault } from '../db/database-error.ts';

/** What an error of the database says about who is to blame. */
export type Blame = 'row' | 'passing' | 'other';

interface DatabaseError {
  code?: unknown;
  message?: unknown;
}

const passingClasses = ['40', '53', '08', '57'];
/** A lock that was not to be had in time; a transaction that stood still, or went on, for too long. */
const passingStates = ['55P03', '25P03', '25P04'];
const lostConnection = /^(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/;
/** What the driver says without a code, the last to whoever asks a connection that ended between two statements. */
const lostInWords = /connection (terminated|ended)|timeout exceeded|connection error and is not queryable/i;

export function sqlstateOf(error: unknown): string | null {
  const code = (error as DatabaseError | null)?.code;
  return typeof code === 'string' ? code : null;
}

/**
 * Data exceptions, constraints, check options and whatever a trigger raises are a row's fault. Serialisation, deadlock, lock and statement
 * timeouts, resources, connections and shutdowns pass: they are tried again and never recorded as a refusal.
 */
export function blame(error: unknown): Blame {
  const code = sqlstateOf(error);
  if (code === null) return lostInWords.test(String((error as DatabaseError | null)?.message)) ? 'passing' : 'other';
  if (isRowsFault(code)) return 'row';
  if (passingStates.includes(code) || lostConnection.test(code) || passingClasses.includes(code.slice(0, 2))) return 'passing';
  return 'other';
}

/** No such column, table, type, function or schema; another type than was thought; a column that has become generated. */
const otherTable = ['42703', '42P01', '42704', '42883', '3F000', '42804', '428C9'];

/** Is the table not (or no longer) what the project's schema says? */
export function isTableChanged(error: unknown): boolean {
  return otherTable.includes(sqlstateOf(error) ?? '');
}
