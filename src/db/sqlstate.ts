/** PostgreSQL's own names of the errors that are asked for: Appendix A of its manual. */
export const sqlstate = {
  sqlclientUnableToEstablishConnection: '08001',
  connectionFailure: '08006',
  protocolViolation: '08P01',
  invalidRegularExpression: '2201B',
  characterNotInRepertoire: '22021',
  arraySubscriptError: '2202E',
  restrictViolation: '23001',
  notNullViolation: '23502',
  foreignKeyViolation: '23503',
  uniqueViolation: '23505',
  checkViolation: '23514',
  exclusionViolation: '23P01',
  readOnlyTransaction: '25006',
  idleInTransactionTimeout: '25P03',
  transactionTimeout: '25P04',
  invalidAuthorization: '28000',
  invalidPassword: '28P01',
  undefinedDatabase: '3D000',
  undefinedSchema: '3F000',
  serializationFailure: '40001',
  deadlockDetected: '40P01',
  insufficientPrivilege: '42501',
  duplicateColumn: '42701',
  undefinedColumn: '42703',
  undefinedObject: '42704',
  duplicateObject: '42710',
  duplicateFunction: '42723',
  datatypeMismatch: '42804',
  undefinedFunction: '42883',
  generatedAlways: '428C9',
  undefinedTable: '42P01',
  duplicateSchema: '42P06',
  duplicateTable: '42P07',
  invalidTableDefinition: '42P16',
  checkOptionViolation: '44000',
  diskFull: '53100',
  tooManyConnections: '53300',
  configurationLimitExceeded: '53400',
  lockNotAvailable: '55P03',
  queryCanceled: '57014',
  adminShutdown: '57P01',
  crashShutdown: '57P02',
  cannotConnectNow: '57P03',
  databaseDropped: '57P04',
  idleSessionTimeout: '57P05',
};

/** What an error of the database says about who is to blame. */
export type Blame = 'row' | 'passing' | 'other';

interface ErrorFields {
  code?: unknown;
  message?: unknown;
}

const passingClasses = ['40', '53', '08', '57'];
/**
 * A lock that was not to be had in time; a transaction that stood still, or went on, for too long.
 */
const passingStates = [
  sqlstate.lockNotAvailable,
  sqlstate.idleInTransactionTimeout,
  sqlstate.transactionTimeout,
];
/** `no-primary` is ours: the standby is not promoted yet. */
const lostConnection =
  /^(ECONNRESET|ECONNREFUSED|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|no-primary)$/;
/**
 * What the driver says without a code, the last to whoever asks a connection that ended between two
 * statements.
 */
const lostInWords =
  /connection (terminated|ended)|timeout (exceeded|expired)|connection error and is not queryable/i;

export function sqlstateOf(error: unknown): string | null {
  const code = (error as ErrorFields | null)?.code;
  return typeof code === 'string' ? code : null;
}

/**
 * Data exceptions, constraints, check options and whatever a trigger raises are a row's fault.
 * Serialisation, deadlock, lock and statement timeouts, resources, connections and shutdowns pass:
 * they are tried again and never recorded as a refusal.
 */
export function blame(error: unknown): Blame {
  const code = sqlstateOf(error);
  if (code === null)
    return lostInWords.test(String((error as ErrorFields | null)?.message)) ? 'passing' : 'other';
  if (isRowsFault(code)) return 'row';
  if (
    passingStates.includes(code) ||
    lostConnection.test(code) ||
    passingClasses.includes(code.slice(0, 2))
  )
    return 'passing';
  return 'other';
}

/**
 * No such column, table, type, function or schema; another type than was thought; a column that has
 * become generated.
 */
const otherTable = [
  sqlstate.undefinedColumn,
  sqlstate.undefinedTable,
  sqlstate.undefinedObject,
  sqlstate.undefinedFunction,
  sqlstate.undefinedSchema,
  sqlstate.datatypeMismatch,
  sqlstate.generatedAlways,
];

/** Is the table not (or no longer) what the project's schema says? */
export function isTableChanged(error: unknown): boolean {
  return otherTable.includes(sqlstateOf(error) ?? '');
}

// Classes of data exceptions, constraints, views with check options, PL/pgSQL (RAISE among it), and
// those that the standard leaves to others and PostgreSQL does not use: what a trigger raises with
// a code of its own. A right that is missing is a row's where a policy or a trigger says so; a
// table's refuses every row, each with its reason.
const rowsFault = /^((22|23|44|P0|(?!53|54|55|57|58|72|XX)[5-9I-OQ-Z][0-9A-Z])[0-9A-Z]{3}|42501)$/;

/**
 * Is an error of this SQLSTATE the fault of a row's values? The function `attempt_each` in the
 * database has the same rule.
 */
export function isRowsFault(state: string): boolean {
  return rowsFault.test(state);
}
