import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { noFilters, openEngine, type SchemaFiles } from './schema-engine.ts';

/** Where a set of migrations stands and into which Postgres schema it goes, its bookkeeping table included. */
export interface MigrationSet {
  /** Folder of `schema.prisma`, with `migrations/` beside it. */
  folder: string;
  schema: string;
}

/** Applies what is not yet applied, exactly as `prisma migrate deploy` would. Returns the names of what it applied. */
export async function migrate(connectionString: string, { folder, schema }: MigrationSet): Promise<string[]> {
  await ensureSchema(connectionString, schema);
  const migrations = await readMigrations(folder);
  const { engine, close } = await openEngine(connectionString, schema, await readDatamodel(folder));
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: migrations,
      filters: noFilters,
    });
    return appliedMigrationNames;
  } finally {
    await close();
  }
}

async function ensureSchema(connectionString: string, schema: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_namespace where nspname = $1', [schema]);
    if (rowCount === 0) await client.query(`create schema if not exists ${client.escapeIdentifier(schema)}`);
  } finally {
    await client.end();
  }
}

async function readDatamodel(folder: string): Promise<SchemaFiles> {
  const path = join(folder, 'schema.prisma');
  return [[path, await readFile(path, 'utf8')]];
}

async function readMigrations(folder: string) {
  const base = join(folder, 'migrations');
  const names = (await readdir(base, { withFileTypes: true })).filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const lockfile = await readFile(join(base, 'migration_lock.toml'), 'utf8').catch(() => 'provider = "postgresql"\n');
  const migrationDirectories = await Promise.all(
    names.sort().map(async (name) => ({
      path: name,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok' as const, value: await readFile(join(base, name, 'migration.sql'), 'utf8') },
      },
    })),
  );
  return {
    baseDir: base,
    lockfile: { path: 'migration_lock.toml', content: lockfile },
    migrationDirectories,
    shadowDbInitScript: '',
  };
}
