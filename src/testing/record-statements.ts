import pg from 'pg';
import type { Database } from '../db/database.ts';

export interface Recorded {
  text: string;
  /** The function that sends it; empty where a library does. */
  by: string;
}

/** Every statement that this process sends to the test's database while `work` runs, in order. */
export async function recordStatements<T>(
  db: Pick<Database, 'connectionString'>,
  work: () => Promise<T>,
): Promise<{ result: T; statements: Recorded[] }> {
  const statements: Recorded[] = [];
  const database = new URL(db.connectionString).pathname.slice(1);
  const { stackTraceLimit } = Error;
  const ofClient = pg.Client.prototype.query;
  const ofPool = pg.Pool.prototype.query;
  Error.stackTraceLimit = 40;
  pg.Client.prototype.query = function (
    this: pg.Client & { database: string },
    statement: SentQuery,
    ...rest: unknown[]
  ) {
    const { text, by } =
      typeof statement === 'string' ? { text: statement, by: undefined } : statement;
    if (this.database === database && !isGreeting(text))
      statements.push({ text: text ?? '', by: by ?? sender() });
    return (ofClient as QueryMethod).call(this, statement, ...rest);
  } as typeof ofClient;
  // A pool first waits for a connection: by then nobody can say who asked.
  pg.Pool.prototype.query = function (this: pg.Pool, statement: SentQuery, ...rest: unknown[]) {
    const named = typeof statement === 'string' ? { text: statement, by: sender() } : statement;
    return (ofPool as QueryMethod).call(this, named, ...rest);
  } as typeof ofPool;
  try {
    return { result: await work(), statements };
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    pg.Client.prototype.query = ofClient;
    pg.Pool.prototype.query = ofPool;
  }
}

/** With which every connection begins: how many there are is no matter of whoever asks. */
function isGreeting(text = ''): boolean {
  return text.startsWith('select pg_is_in_recovery() as "isStandby", pg_backend_pid() as pid');
}

type SentQuery = string | { text?: string; by?: string };
type QueryMethod = (this: object, ...given: unknown[]) => unknown;

/**
 * The nearest named function of the product's own; what only hands statements on is passed over.
 */
function sender(): string {
  const frames = (new Error().stack ?? '').split('\n');
  for (const frame of frames) {
    const [, name] = /at (?:async )?(\w+) \(file:.*\/src\/(?!testing\/|db\/)/.exec(frame) ?? [];
    if (name) return name;
  }
  return '';
}
