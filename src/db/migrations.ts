import { readdir, readFile } from 'node:fs/promises';

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** Where a set of migrations stands and into which Postgres schema it goes, its bookkeeping table included. */
export interface MigrationSet {
  /** Folder of `schema.prisma`, with `migrations/` beside it. */
  folder: string;
  schema: string;
}

// Prisma's own engine as WebAssembly: no binary to download. Loaded by hand since its package expects a bundler.
let isLoaded = false;
async function loadEngine(): Promise<typeof engineBindings> {
  if (!isLoaded) {
    const wasm = join(dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm'))), 'schema_engine_bg.wasm');
    const { instance } = await WebAssembly.instantiate(await readFile(wasm), {
      './schema_engine_bg.js': engineBindings as unknown as WebAssembly.ModuleImports,
    });
    engineBindings.__wbg_set_wasm(instance.exports);
    (instance.exports.__wbindgen_start as () => void)();
    isLoaded = true;
  }
  return engineBindings;
}

async function openEngine(connectionString: string, schema: string, datamodels: [string, string][]) {
  const { SchemaEngine } = await loadEngine();
  // Both are needed: with the adapter's schema alone the tables landed in public.
  const pool = new pg.Pool({ connectionString, options: `-c search_path=${schema}`, max: 2 });
  pool.on('error', () => undefined);
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool, { schema }));
  const engine = await SchemaEngine.new({ datamodels }, () => undefined, factory);
  return {
    engine,
    async close() {
      engine.free();
      await pool.end();
    },
  };
}

/** Applies what is not yet applied, exactly as `prisma migrate deploy` would. Returns the names of what it applied. */
export async function migrate(connectionString: string, { folder, schema }: MigrationSet): Promise<string[]> {
  await ensureSchema(connectionString, schema);
  const migrations = await readMigrations(folder);
  const { engine, close } = await openEngine(connectionString, schema, await readDatamodels(folder));
  try {
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: migrations,
      filters: { externalTables: [], externalEnums: [] },
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

async function readDatamodels(folder: string): Promise<[string, string][]> {
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

/** SQL that leads from one datamodel (null: nothing) to the one in `folder`, for writing a new migration. */
export async function diff(connectionString: string, { folder, schema }: MigrationSet, from: string | null): Promise<string> {
  const datamodels = await readDatamodels(folder);
  const { engine, close } = await openEngine(connectionString, schema, datamodels);
  const files = (content: string) => ({ tag: 'schemaDatamodel' as const, files: [{ path: 'schema.prisma', content }], configDir: folder });
  try {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : files(from),
      to: files(datamodels[0]?.[1] ?? ''),
      script: true,
      exitCode: null,
      filters: { externalTables: [], externalEnums: [] },
    });
    return stdout ?? '';
  } finally {
    await close();
  }
}
