import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg';
import type pg from 'pg';
import { openPool } from './pool.ts';

/** Files of a Prisma schema: path and text. */
export type SchemaFiles = readonly (readonly [path: string, text: string])[];

// Prisma's own engine as WebAssembly: no binary to download. Loaded by hand since its package
// expects a bundler.
let isLoaded = false;
async function loadEngine(): Promise<typeof engineBindings> {
  if (!isLoaded) {
    const wasm = join(
      dirname(fileURLToPath(import.meta.resolve('@prisma/schema-engine-wasm'))),
      'schema_engine_bg.wasm',
    );
    const { instance } = await WebAssembly.instantiate(await readFile(wasm), {
      './schema_engine_bg.js': engineBindings as unknown as WebAssembly.ModuleImports,
    });
    // Where the engine leaves the reason of a panic.
    Object.assign(globalThis, {
      PRISMA_WASM_PANIC_REGISTRY: { set_message: (message: string) => console.error(message) },
    });
    engineBindings.__wbg_set_wasm(instance.exports);
    (instance.exports.__wbindgen_start as () => void)();
    isLoaded = true;
  }
  return engineBindings;
}

/**
 * The engine over a database; `schema` is where tables go that name no Postgres schema of their
 * own.
 */
export async function openEngine(connectionString: string, schema: string, files: SchemaFiles) {
  const { SchemaEngine } = await loadEngine();
  // Both are needed: with the adapter's schema alone the tables landed in public.
  const pool = openPool({
    connectionString,
    name: 'bulkhead schema engine',
    max: 2,
    sessionSettings: `-c search_path="${schema}"`,
  });
  markSystemCharacters(pool);
  const factory = bindMigrationAwareSqlAdapterFactory(
    readSystemCharacters(new PrismaPg(pool, { schema })),
  );
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

// The system's tables have columns of PostgreSQL's internal type "char", which the adapter does not
// know and the engine insists on.
const systemCharacter = 18;
const text = 25;
const mark = '\0char';

function markSystemCharacters(pool: pg.Pool): void {
  const query = pool.query.bind(pool) as (...given: unknown[]) => Promise<pg.QueryResult>;
  pool.query = (async (...given: unknown[]) => {
    const result = await query(...given);
    for (const field of result.fields ?? []) {
      if (field.dataTypeID === systemCharacter)
        Object.assign(field, { dataTypeID: text, name: `${field.name}${mark}` });
    }
    return result;
  }) as typeof pool.query;
}

function readSystemCharacters(factory: PrismaPg): PrismaPg {
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (query) => {
      const { columnNames, columnTypes, ...rest } = await queryRaw(query);
      const isCharacter = columnNames.map((name) => name.endsWith(mark));
      return {
        ...rest,
        columnNames: columnNames.map((name, index) =>
          isCharacter[index] ? name.slice(0, -mark.length) : name,
        ),
        columnTypes: columnTypes.map((type, index) =>
          isCharacter[index] ? ColumnTypeEnum.Character : type,
        ),
      };
    };
    return adapter;
  };
  return factory;
}

export const noFilters: SchemaFilter = { externalTables: [], externalEnums: [] };

export interface SchemaFilter {
  /** Tables, as `schema.table`, that are not looked at. */
  externalTables: string[];
  externalEnums: string[];
}

/** SQL that leads from nothing to a schema. */
export async function schemaSql(
  connectionString: string,
  schema: string,
  to: SchemaFiles,
): Promise<string> {
  return diff(connectionString, schema, to, { tag: 'empty' }, noFilters);
}

/** SQL that leads from the tables of the database to a schema; empty when it leads nowhere. */
export async function differenceSql(
  connectionString: string,
  schema: string,
  to: SchemaFiles,
  filters: SchemaFilter,
): Promise<string> {
  return diff(connectionString, schema, to, { tag: 'schemaDatasource', ...container(to) }, filters);
}

/** What `prisma db pull` makes of the database: a schema that keeps the names which `start` has. */
export async function introspect(connectionString: string, start: SchemaFiles): Promise<string> {
  const { engine, close } = await openEngine(connectionString, 'public', start);
  try {
    const { schema } = await engine.introspect({
      schema: { files: start.map(([path, content]) => ({ path, content })) },
      baseDirectoryPath: '.',
      force: false,
      compositeTypeDepth: -1,
      namespaces: null,
    });
    return schema.files.map(({ content }) => content).join('\n');
  } finally {
    await close();
  }
}

type From = { tag: 'empty' } | ({ tag: 'schemaDatasource' } & ReturnType<typeof container>);

const container = (files: SchemaFiles) => ({
  files: files.map(([path, content]) => ({ path, content })),
  configDir: '.',
});

async function diff(
  connectionString: string,
  schema: string,
  to: SchemaFiles,
  from: From,
  filters: SchemaFilter,
): Promise<string> {
  const { engine, close } = await openEngine(connectionString, schema, to);
  try {
    const { stdout } = await engine.diff({
      from,
      to: { tag: 'schemaDatamodel', ...container(to) },
      script: true,
      exitCode: null,
      filters,
    });
    const sql = (stdout ?? '').trim();
    return sql === '-- This is an empty migration.' ? '' : sql;
  } finally {
    await close();
  }
}
