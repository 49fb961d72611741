import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { commandLine } from '../command-line.ts';
import { AppError } from '../errors.ts';
import { UtcClient } from './client.ts';
import { finishHalfDone } from './half-done-migration.ts';
import { sqlstate, sqlstateOf } from './sqlstate.ts';

/**
 * Where a set of migrations stands and into which Postgres schema it goes, its bookkeeping table
 * included.
 */
export interface MigrationSet {
  /** Folder of `schema.prisma`, with `migrations/` beside it. */
  folder: string;
  schema: string;
}

export interface Migration {
  name: string;
  sql: string;
}

/** Prisma's own: its command and this one wait for each other. */
export const migrationLock = 72_707_369;

export const historyTable = '_prisma_migrations';

export const historySql = `create table ${historyTable} (
      id varchar(36) primary key not null, checksum varchar(64) not null, finished_at timestamptz, migration_name varchar(255) not null,
      logs text, rolled_back_at timestamptz, started_at timestamptz not null default now(), applied_steps_count integer not null default 0)`;

/** How long it waits, and who hears that it does. */
export interface MigrationWaits {
  /** Another process is at it. */
  onWait?: () => void;
  /** Longest that it waits for another process. Default: ten minutes. */
  turnMs?: number;
  /** Longest that it waits for a table, and that it may stand still itself. Default: a minute. */
  tableMs?: number;
}

/**
 * Applies what is not yet applied, and leaves the same history as `prisma migrate deploy`. All of
 * it is one transaction on one connection: whatever ends it, the database is as it was. Returns the
 * names of what it applied. Throws AppError 'migration-waits' where another process, or whoever
 * holds a table, was waited for as long as may be.
 */
export async function migrate(
  connectionString: string,
  set: MigrationSet,
  { onWait, turnMs = 600_000, tableMs = 60_000 }: MigrationWaits = {},
): Promise<string[]> {
  const migrations = await readMigrations(set.folder);
  return connected(connectionString, async (client) => {
    try {
      await client.query('begin');
      await client.query(`set local statement_timeout = 0`);
      await client.query(`set local timezone = 'UTC'`);
      // One that is frozen lets go by itself, and whoever waits for a table stops others from using it.
      await client.query(`set local idle_in_transaction_session_timeout = ${tableMs}`);
      await takeTurnToMigrate(client, turnMs, onWait);
      await client.query(`set local lock_timeout = ${tableMs}`);
      await enterSchema(client, set.schema);
      const applied = await readHistory(client, migrations, set.schema);
      const pending = migrations.filter(({ name }) => !applied.finished.has(name));
      for (const migration of pending)
        await apply(client, migration, applied.begun.has(migration.name));
      await client.query('commit');
      return pending.map(({ name }) => name);
    } catch (error) {
      await client.query('rollback').catch(() => undefined);
      throw await refusal(client, error, set.schema);
    }
  });
}

async function takeTurnToMigrate(
  client: pg.Client,
  turnMs: number,
  onWait: (() => void) | undefined,
): Promise<void> {
  const { rows } = await client.query<{ isOurs: boolean }>(
    'select pg_try_advisory_xact_lock($1) as "isOurs"',
    [migrationLock],
  );
  if (rows[0]?.isOurs) return;
  onWait?.();
  await client.query(`set local lock_timeout = ${turnMs}`);
  await client.query('select pg_advisory_xact_lock($1)', [migrationLock]);
}

/** Names of what `migrate` would apply; changes nothing. */
export async function pendingMigrations(
  connectionString: string,
  set: MigrationSet,
): Promise<string[]> {
  const migrations = await readMigrations(set.folder);
  return connected(connectionString, async (client) => {
    const { rows } = await client.query<{ is_there: boolean }>(
      'select to_regclass($1) is not null as is_there',
      [`${client.escapeIdentifier(set.schema)}.${historyTable}`],
    );
    if (!rows[0]?.is_there) return migrations.map(({ name }) => name);
    const { rows: done } = await client.query<{ name: string }>(
      `select migration_name as name from ${client.escapeIdentifier(set.schema)}.${historyTable} where finished_at is not null and rolled_back_at is null`,
    );
    return migrations
      .map(({ name }) => name)
      .filter((name) => !done.some((row) => row.name === name));
  });
}

async function connected<T>(
  connectionString: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new UtcClient({ connectionString, application_name: 'bulkhead migrations' });
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** Makes our Postgres schema and points this transaction at it: nothing may land anywhere else. */
async function enterSchema(client: pg.Client, schema: string): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_namespace where nspname = $1', [
    schema,
  ]);
  if (rowCount === 0) await client.query(`create schema ${client.escapeIdentifier(schema)}`);
  await client.query(`set local search_path to ${client.escapeIdentifier(schema)}`);
  const { rows } = await client.query<{ current: string | null; user: string }>(
    'select current_schema() as current, current_user as user',
  );
  if (rows[0]?.current === schema) return;
  throw new AppError(
    'no-rights',
    500,
    `The role "${rows[0]?.user}" may not use the Postgres schema "${schema}": grant it (GRANT USAGE, CREATE ON SCHEMA "${schema}" TO "${rows[0]?.user}").`,
  );
}

interface History {
  finished: Set<string>;
  /** Once begun and never finished, whatever was said of it since. */
  begun: Set<string>;
}

async function readHistory(
  client: pg.Client,
  migrations: readonly Migration[],
  schema: string,
): Promise<History> {
  const { rows: tables } = await client.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')`,
  );
  if (!tables.some(({ name }) => name === historyTable)) {
    if (tables.length > 0) throw notOurs(schema);
    await client.query(historySql);
    return { finished: new Set(), begun: new Set() };
  }
  const { rows } = await client.query<{ name: string; is_finished: boolean }>(
    `select migration_name as name, finished_at is not null and rolled_back_at is null as is_finished from ${historyTable}`,
  );
  const own = new Set(migrations.map(({ name }) => name));
  if (rows.length > 0 && !rows.some(({ name }) => own.has(name))) throw notOurs(schema);
  const finished = new Set(rows.filter((row) => row.is_finished).map(({ name }) => name));
  return {
    finished,
    begun: new Set(rows.filter(({ name }) => !finished.has(name)).map(({ name }) => name)),
  };
}

function notOurs(schema: string): AppError {
  return new AppError(
    'schema-taken',
    500,
    `The Postgres schema "${schema}" holds tables that are not Bulkhead's, and nothing was changed: set BULKHEAD_DATABASE_SCHEMA to a name that is free.`,
  );
}

async function apply(client: pg.Client, { name, sql }: Migration, isBegun: boolean): Promise<void> {
  if (isBegun) {
    await finishHalfDone(client, name, sql);
    await client.query(
      `update ${historyTable} set rolled_back_at = clock_timestamp() where migration_name = $1 and rolled_back_at is null`,
      [name],
    );
  } else await client.query(sql);
  await client.query(
    `insert into ${historyTable} (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     values ($1, $2, $3, statement_timestamp(), clock_timestamp(), 1)`,
    [randomUUID(), createHash('sha256').update(sql).digest('hex'), name],
  );
}

async function refusal(client: pg.Client, error: unknown, schema: string): Promise<unknown> {
  if (sqlstateOf(error) === sqlstate.lockNotAvailable)
    return new AppError(
      'migration-waits',
      503,
      `Somebody else holds what brings the tables of "${schema}" up to date (${(error as Error).message}), and nothing was changed: another process may be at it, or a transaction may be open for long. End it, then start again.`,
    );
  if ((error as { code?: string }).code !== sqlstate.insufficientPrivilege) return error;
  const { rows } = await client.query<{ user: string; database: string }>(
    'select current_user as user, current_database() as database',
  );
  const [{ user = '', database = '' } = {}] = rows;
  return new AppError(
    'no-rights',
    500,
    `The role "${user}" may not make or change the tables of the Postgres schema "${schema}" in the database "${database}" (${(error as Error).message}): ` +
      `run "${commandLine('migrate', '--sql')}" and let whoever administers the database run what it prints, or give the role the right (GRANT CREATE ON DATABASE "${database}" TO "${user}").`,
    {},
  );
}

export async function readMigrations(folder: string): Promise<Migration[]> {
  const base = join(folder, 'migrations');
  const names = (await readdir(base, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      sql: await readFile(join(base, name, 'migration.sql'), 'utf8'),
    })),
  );
}
