import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { AdminDefinition } from '../admin-definition.ts';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import { AppError } from '../errors.ts';
import type { Metadata } from '../metadata/contract.ts';
import { withoutModels } from '../metadata/without-models.ts';
import { placeAdmin } from '../place-admin.ts';
import { foundAdmin, tellOfFound } from './database/open-found.ts';
import { importOwnAdmin } from './import-own-admin.ts';
import { findProject } from './project/find-project.ts';
import { bringUpSchema } from './schema/bring-up-schema.ts';
import { generateSchema } from './schema/generate-schema.ts';
import { loadAdmin } from './schema/load-admin.ts';
import { type PreparedSchema, prepareSchema } from './schema/prepare-schema.ts';
import { readSchema, type UserSchema } from './schema/read-schema.ts';

export interface OpenedAdmin {
  admin: AdminDefinition;
  /** Name of the embedded server's database: projects do not share one. */
  database: string;
  /**
   * Makes the project's tables, or sees that they are as the schema says; after our own. Returns
   * the admin of what is there.
   */
  bringUp(connectionString: string): Promise<AdminDefinition>;
}

export interface AdminValues {
  admin?: string | undefined;
  schema?: string | undefined;
  /** Address of a database that needs no schema; it is DATABASE_URL in the settings. */
  database?: string | undefined;
  'ignore-differences'?: boolean | undefined;
}

/** Reads a schema, and has its client and metadata made where they are not yet. */
export async function openSchema(path: string, config: Config) {
  const schema = await readSchema(path);
  const prepared = prepareSchema(schema.files, defaultSchemaOf(config.DATABASE_URL));
  const generated = await generateSchema(
    prepared,
    join(resolve(config.BULKHEAD_FOLDER), 'schemas'),
    () => console.log(`Generating pages for ${schema.path} …`),
  );
  return { schema, prepared, generated };
}

/**
 * The project's admin: with `--schema` one made of nothing but a Prisma schema, else the one that
 * it wrote.
 */
export async function openAdmin(values: AdminValues, config: Config): Promise<OpenedAdmin> {
  if (values.admin !== undefined && values.schema !== undefined)
    throw new AppError('usage', 500, 'Give --admin or --schema: a schema has pages of its own.');
  if (isFound(values)) {
    const found = await foundAdmin(config, (text) => console.log(text));
    return { admin: found, database: 'bulkhead', bringUp: async () => found };
  }
  const defaultSchema = defaultSchemaOf(config.DATABASE_URL);
  const { admin, path, prepared } =
    values.schema === undefined
      ? await ownAdmin(values.admin, defaultSchema, config)
      : await adminOf(values.schema, config);
  const placed = placeAdmin(admin, defaultSchema);
  const metadata = placed.resources[0]?.metadata;
  if (path === null || prepared === null || !metadata)
    return { admin: placed, database: 'bulkhead', bringUp: async () => placed };
  return {
    admin: placed,
    database: `schema_${createHash('sha256').update(path).digest('hex').slice(0, 16)}`,
    async bringUp(connectionString) {
      console.log(databaseInWords(connectionString, config, prepared.addressVariable));
      const missing = await bringUpSchema({
        connectionString,
        isEmbedded: config.DATABASE_URL === undefined,
        ownSchema: config.BULKHEAD_DATABASE_SCHEMA,
        defaultSchema,
        dbSchemas: prepared.dbSchemas,
        extensions: prepared.extensions,
        files: prepared.tables,
        metadata,
        differencesPath: join(resolve(config.BULKHEAD_FOLDER), 'differences.sql'),
        isDifferenceIgnored: values['ignore-differences'] ?? false,
        say: (text) => console.log(text),
      });
      const reduced = withoutModels(metadata, missing);
      const there = placed.resources.filter(({ model }) => !missing.includes(model));
      return {
        ...placed,
        resources: there.map((one) =>
          one.metadata === metadata ? { ...one, metadata: reduced } : one,
        ),
      };
    },
  };
}

/** Is the database all that says what there is? A project's own admin takes the address alone. */
function isFound({ admin, schema, database }: AdminValues): boolean {
  if (database === undefined || admin !== undefined || schema !== undefined) return false;
  return findProject(process.cwd()).config === null;
}

/** Which database it is and who said so; a project may be used to naming another variable. */
export function databaseInWords(
  connectionString: string,
  config: Pick<Config, 'DATABASE_URL' | 'DIRECT_DATABASE_URL'>,
  addressVariable: string | null,
): string {
  const { pathname, host, username } = new URL(connectionString);
  const name = decodeURIComponent(pathname.slice(1) || username);
  const isOther = addressVariable !== null && addressVariable !== 'DATABASE_URL';
  if (config.DATABASE_URL === undefined) {
    const why = isOther
      ? `; the schema names ${addressVariable}, and Bulkhead reads DATABASE_URL`
      : ', since DATABASE_URL is not set';
    return `Database: an embedded one${why}.`;
  }
  const from = config.DIRECT_DATABASE_URL === undefined ? 'DATABASE_URL' : 'DIRECT_DATABASE_URL';
  return `Database: ${name} at ${host}, from ${from}${isOther ? ` (the schema names ${addressVariable})` : ''}.`;
}

interface Project {
  admin: AdminDefinition;
  /** The project's schema, where there is one that says what the tables are. */
  path: string | null;
  prepared: PreparedSchema | null;
}

async function adminOf(path: string, config: Config): Promise<Project> {
  const { schema, prepared, generated } = await openSchema(path, config);
  return { admin: await loadAdmin(schema.name, generated), path: schema.path, prepared };
}

/** What `bulkhead generate` made for it says where the schema is. */
async function ownAdmin(
  file: string | undefined,
  defaultSchema: string,
  config: Config,
): Promise<Project> {
  const admin = await importOwnAdmin(file);
  const source = admin.resources[0]?.metadata.source;
  if (!source) return { admin, path: null, prepared: null };
  const copy = await readSchema(source.copy);
  if (admin.resources[0]?.metadata.isFound) await tellOfFound(config, copy.files);
  else await tellOfChanges(source, copy);
  return { admin, path: source.path, prepared: prepareSchema(copy.files, defaultSchema) };
}

async function tellOfChanges(
  { path }: NonNullable<Metadata['source']>,
  copy: UserSchema,
): Promise<void> {
  // Where the project is not beside us, as in a container, the copy is all there is.
  const now = await readSchema(path).catch(() => null);
  if (now && JSON.stringify(now.files) !== JSON.stringify(copy.files)) {
    console.log(
      `The schema has changed since its client was generated: ${commandLine('generate', `--schema ${path}`)}`,
    );
  }
}
