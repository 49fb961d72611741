import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { escapeIdentifier } from 'pg';
import type { Database } from '../db/database.ts';
import { historyTable, readMigrations } from '../db/migrations.ts';
import { ourFile } from '../our-files.ts';

/** Where our tables stand, beside the migrations of this code. */
export interface MigrationState {
  /** This code has them, the database has not. */
  readonly pending: readonly string[];
  /** Begun and never finished. */
  readonly failed: readonly string[];
  /** The database has them, this code has not: it is older. */
  readonly unknown: readonly string[];
  /** Applied with another text than this code has. */
  readonly altered: readonly string[];
}

let own: Promise<{ name: string; checksum: string }[]> | null = null;

async function readOwn(): Promise<{ name: string; checksum: string }[]> {
  const migrations = await readMigrations(ourFile(join('prisma', 'bulkhead')));
  return migrations.map(({ name, sql }) => ({
    name,
    checksum: createHash('sha256').update(sql).digest('hex'),
  }));
}

export async function readMigrationState(
  db: Pick<Database, 'background' | 'schema'>,
): Promise<MigrationState> {
  own ??= readOwn();
  const migrations = await own;
  const table = `${escapeIdentifier(db.schema)}.${historyTable}`;
  const { rows: there } = await db.background.query<{ isThere: boolean }>(
    'select to_regclass($1) is not null as "isThere"',
    [table],
  );
  if (!there[0]?.isThere)
    return { pending: migrations.map(({ name }) => name), failed: [], unknown: [], altered: [] };
  const { rows } = await db.background.query<{
    name: string;
    checksum: string;
    isFinished: boolean;
  }>(
    `select migration_name as name, checksum, finished_at is not null as "isFinished" from ${table} where rolled_back_at is null`,
  );
  const done = new Map(rows.filter((row) => row.isFinished).map((row) => [row.name, row.checksum]));
  const names = new Set(migrations.map(({ name }) => name));
  return {
    pending: migrations.map(({ name }) => name).filter((name) => !done.has(name)),
    failed: rows.filter((row) => !row.isFinished).map(({ name }) => name),
    unknown: [...done.keys()].filter((name) => !names.has(name)),
    altered: migrations
      .filter(({ name, checksum }) => done.has(name) && done.get(name) !== checksum)
      .map(({ name }) => name),
  };
}
