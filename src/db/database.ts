import type pg from 'pg';
import { type AuditKeys, auditKeys } from '../audit-keys.ts';
import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';
import { boundWrites } from './bounded-writes.ts';
import { type TableNames, tableNames } from './names.ts';
import { openPool } from './pool.ts';
import { assertZoneKept, lookThrough, openLookPool } from './pooler.ts';
import { openStandbys, type Standbys, type StandbysOptions } from './standbys.ts';
import { beginWith } from './transaction.ts';
import { letTakeTurns } from './turns.ts';

/** The one database, with a pool for each role so that bulk work never starves the pages. */
export interface Database {
  readonly connectionString: string;
  /** Requests. */
  readonly pages: pg.Pool;
  /** Work outside requests that is not a worker's own. */
  readonly background: pg.Pool;
  /** Servers that lists, counts and histories may be read from; null: the primary alone. */
  readonly standbys: Standbys | null;
  /** Our tables' Postgres schema. */
  readonly schema: string;
  readonly queueSchema: string;
  readonly t: TableNames;
  /** What signs who did what, and is not in it. */
  readonly auditKeys: AuditKeys;
  /** Major version of the server. */
  readonly version: number;
  /** Done before the pools are closed. */
  beforeClose(undo: () => Promise<unknown>): void;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  connectionString: string;
  schema?: string;
  queueSchema?: string;
  /** Connections for requests. */
  pagesPoolSize?: number;
  /** Where else pages may read. */
  reads?: Pick<StandbysOptions, 'address' | 'maxLagMs' | 'log'> | null;
  /** Default: nothing that is written into it is signed. */
  auditSecrets?: readonly string[];
  /** Longest that a transaction stands still before what it holds is taken from it. Default: 15,000. */
  staleAfterMs?: number;
}

export const oldestServer = 14;

/** Connections for work outside requests. */
export const backgroundPoolSize = 4;

/**
 * Longest that nothing comes back through a pooler, to a page and to work outside of requests: whom
 * it asks in our name cannot be asked what became of a statement. A page is told so while there is
 * somebody to be answered: a connection that is silent for longer than that is cut off.
 */
const pageAnswerMs = limits.server.silentMs - 10_000;
const backgroundAnswerMs = 900_000;

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { connectionString, schema = 'bulkhead', queueSchema = 'bulkhead_queue' } = options;
  const { staleAfterMs = 15_000 } = options;
  const { version, isShared } = await lookAt(connectionString);
  // What is set on the connection is set only if that is ours alone; behind a pooler the next
  // client would inherit it.
  const pages = openPool({
    connectionString,
    name: 'bulkhead pages',
    max: options.pagesPoolSize ?? 10,
    ...(isShared
      ? { answerMs: pageAnswerMs }
      : {
          lockTimeoutMs: limits.waiting.forLockMs,
          idleInTransactionMs: staleAfterMs,
          ownSessions: true,
        }),
  });
  letTakeTurns(pages);
  const background = openPool({
    connectionString,
    name: 'bulkhead background',
    max: backgroundPoolSize,
    ...(isShared
      ? { answerMs: backgroundAnswerMs }
      : { idleInTransactionMs: staleAfterMs, ownSessions: true }),
  });
  if (isShared) {
    const idle = { idle_in_transaction_session_timeout: staleAfterMs };
    beginWith(pages, { lock_timeout: limits.waiting.forLockMs, ...idle });
    beginWith(background, idle);
    boundWrites(pages);
  }
  const undoes: (() => Promise<unknown>)[] = [];
  const standbys = options.reads
    ? openStandbys({
        ...{ ...options.reads, primary: pages, watch: background },
        poolSize: options.pagesPoolSize ?? 10,
      })
    : null;
  if (standbys) undoes.push(() => standbys.close());
  return {
    connectionString,
    standbys,
    pages,
    background,
    schema,
    queueSchema,
    t: tableNames(schema),
    auditKeys: auditKeys(options.auditSecrets ?? []),
    version,
    beforeClose: (undo) => void undoes.push(undo),
    async close() {
      await Promise.all(undoes.splice(0).map((undo) => undo()));
      await Promise.all([pages.end(), background.end()]);
    },
  };
}

async function lookAt(connectionString: string): Promise<{ version: number; isShared: boolean }> {
  const pool = openLookPool(connectionString);
  try {
    const version = await serverVersion(pool);
    const seen = await lookThrough(pool);
    assertZoneKept(seen);
    return { version, isShared: seen.isShared };
  } finally {
    await pool.end();
  }
}

async function serverVersion(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ version: number }>(
    `select current_setting('server_version_num')::int / 10000 as version`,
  );
  const version = rows[0]?.version ?? 0;
  if (version < oldestServer) {
    throw new AppError(
      'old-server',
      500,
      `PostgreSQL ${version} is too old: Bulkhead needs ${oldestServer} or newer.`,
    );
  }
  return version;
}
