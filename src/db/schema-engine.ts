import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import pg from 'pg';

/** Files of a Prisma schema: path and text. */
export type SchemaFiles = readonly (readonly [path: string, text: string])[];

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

/** The engine over a database; `schema` is where tables go that name no Postgres schema of their own. */
export async function openEngine(connectionString: string, schema: string, files: SchemaFiles) {
  const { SchemaEngine } = await loadEngine();
  // Both are needed: with the adapter's schema alone the tables landed in public.
  const pool = new pg.Pool({ connectionString, options: `-c search_path="${schema}"`, max: 2 });
  pool.on('error', () => undefined);
  const factory = bindMigrationAwareSqlAdapterFactory(new PrismaPg(pool, { schema }));
  const datamodels = files.map(([path, text]): [string, string] => [path, text]);
  const engine = await SchemaEngine.new({ datamodels }, () => undefined, factory);
  return {
    engine,
    async close() {
      engine.free();
      await pool.end();
    },
  };
}

export const noFilters = { externalTables: [], externalEnums: [] };

/** SQL that leads from one schema (null: nothing) to another. */
export async function diffSchemas(connectionString: string, schema: string, from: SchemaFiles | null, to: SchemaFiles): Promise<string> {
  const { engine, close } = await openEngine(connectionString, schema, to);
  const target = (files: SchemaFiles) => ({
    tag: 'schemaDatamodel' as const,
    files: files.map(([path, content]) => ({ path, content })),
    configDir: '.',
  });
  try {
    const { stdout } = await engine.diff({
      from: from === null ? { tag: 'empty' } : target(from),
      to: target(to),
      script: true,
      exitCode: null,
      filters: noFilters,
    });
    return stdout ?? '';
  } finally {
    await close();
  }
}
