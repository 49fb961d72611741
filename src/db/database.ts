import type pg from 'pg';
import { type AuditKeys, auditKeys } from '../audit-keys.ts';
import { AppError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type TableNames, tableNames } from './names.ts';
import { openPool } from './pool.ts';
import { assertZoneKept, lookThrough } from './pooler.ts';

/** The one database, with a pool for each role so that bulk work never starves the pages. */
export interface Database {
  readonly connectionString: string;
  /** Requests. */
  readonly pages: pg.Pool;
  /** Work outside requests that is not a worker's own. */
  readonly background: pg.Pool;
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
  /** Default: nothing that is written into it is signed. */
  auditSecrets?: readonly string[];
}

export const oldestServer = 14;

/** Connections for work outside requests. */
export const backgroundPoolSize = 4;

export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { connectionString, schema = 'bulkhead', queueSchema = 'bulkhead_queue' } = options;
  const background = openPool({
    connectionString,
    name: 'bulkhead background',
    max: backgroundPoolSize,
  });
  let pages: pg.Pool | null = null;
  const undoes: (() => Promise<unknown>)[] = [];
  const close = async () => {
    await Promise.all(undoes.splice(0).map((undo) => undo()));
    await Promise.all([pages?.end(), background.end()]);
  };
  try {
    const version = await serverVersion(background);
    const seen = await lookThrough(background);
    assertZoneKept(seen);
    // The lock timeout is set on the connection only if the connection is ours alone; behind a
    // pooler the next client would inherit it.
    const session = seen.isShared
      ? {}
      : { lockTimeoutMs: limits.waiting.forLockMs, ownSessions: true };
    pages = openPool({
      connectionString,
      name: 'bulkhead pages',
      max: options.pagesPoolSize ?? 10,
      ...session,
    });
    return {
      connectionString,
      pages,
      background,
      schema,
      queueSchema,
      t: tableNames(schema),
      auditKeys: auditKeys(options.auditSecrets ?? []),
      version,
      beforeClose: (undo) => void undoes.push(undo),
      close,
    };
  } catch (error) {
    await close();
    throw error;
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
