import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdminDefinition, defineAdmin } from '../admin-definition.ts';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import { AppError } from '../errors.ts';
import type { Metadata } from '../metadata/contract.ts';
import { withoutModels } from '../metadata/without-models.ts';
import { placeAdmin } from '../place-admin.ts';
import { foundAdmin, tellOfFound } from './database/open-found.ts';
import { importOwnAdmin, importRefinement, isWhole } from './import-own-admin.ts';
import { definitionOf, partsOfDefinition } from './project/definition-address.ts';
import { isRepository } from './project/enter-project.ts';
import { findProject } from './project/find-project.ts';
import { findSchema } from './project/find-schema.ts';
import { nameOf } from './project/load-failure.ts';
import { bringUpSchema } from './schema/bring-up-schema.ts';
import { generateSchema } from './schema/generate-schema.ts';
import { loadAdmin } from './schema/load-admin.ts';
import { type PreparedSchema, prepareSchema } from './schema/prepare-schema.ts';
import { readSchema, type UserSchema } from './schema/read-schema.ts';
import { assertModels, changeOf } from './schema/schema-changes.ts';

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
 * The project's admin: the one that it wrote, with `--schema` one made of a Prisma schema, and what
 * the project says of itself beside.
 *
 * @param onChange told in a sentence that a schema has changed since metadata was generated from it
 */
export async function openAdmin(
  values: AdminValues,
  config: Config,
  onChange = (sentence: string) => console.log(sentence),
): Promise<OpenedAdmin> {
  if (isFound(values)) {
    const found = await foundAdmin(config, (text) => console.log(text));
    return { admin: found, database: 'bulkhead', bringUp: async () => found };
  }
  const defaultSchema = defaultSchemaOf(config.DATABASE_URL);
  const { admin, path, prepared } =
    values.schema === undefined
      ? await ownAdmin(values, defaultSchema, config, onChange)
      : await adminOf(values.schema, values.admin, config);
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

/** Of a schema; a definition that the project has beside it is not left for that. */
async function adminOf(path: string, file: string | undefined, config: Config): Promise<Project> {
  const own = await importRefinement(file);
  if (own === null || !isWhole(own)) return schemaAdmin(path, own, config);
  const schema = await readSchema(path);
  assertModels(own, schema);
  const prepared = prepareSchema(schema.files, defaultSchemaOf(config.DATABASE_URL));
  return { admin: own, path: schema.path, prepared };
}

/** Pages of a schema, with what is said of them; `own` may leave out what the schema makes. */
async function schemaAdmin(
  path: string,
  own: Partial<AdminDefinition> | null,
  config: Config,
): Promise<Project> {
  const { schema, prepared, generated } = await openSchema(path, config);
  const made = await loadAdmin(schema.name, generated);
  const definition = own?.definition && definitionOf(own.definition, schema.path);
  const admin = defineAdmin({ ...made, ...own, ...(definition ? { definition } : {}) });
  return { admin, path: schema.path, prepared };
}

/** What `bulkhead generate` made for it says where the schema is; else it is where Prisma finds it. */
async function ownAdmin(
  { admin: file, database }: AdminValues,
  defaultSchema: string,
  config: Config,
  onChange: (sentence: string) => void,
): Promise<Project> {
  const admin = await importOwnAdmin(file);
  if (!isWhole(admin)) {
    const found = await findSchema(process.cwd());
    if (found !== null) return schemaAdmin(found.path, admin, config);
    if (database !== undefined) {
      const made = await foundAdmin(config, (text) => console.log(text));
      return { admin: defineAdmin({ ...made, ...admin }), path: null, prepared: null };
    }
    throw new AppError(
      'no-admin',
      500,
      `${nameOf(fileURLToPath(admin.definition as string))} says neither resources nor createClient, and no Prisma schema is found that would make them: name it with --schema PATH, or add both.`,
    );
  }
  const source = admin.resources[0]?.metadata.source;
  if (source) {
    const copy = await readSchema(source.copy);
    if (admin.resources[0]?.metadata.isFound) await tellOfFound(config, copy.files);
    else await tellOfChanges(source, copy, onChange);
    return { admin, path: source.path, prepared: prepareSchema(copy.files, defaultSchema) };
  }
  // Who applies migrations of its own makes its tables by them.
  const found = admin.migrations || isRepository() ? null : await findSchema(process.cwd());
  if (found === null) return { admin, path: null, prepared: null };
  const schema = await readSchema(found.path);
  const change = changeOf(admin, schema);
  if (change !== null) onChange(change);
  return { admin, path: schema.path, prepared: prepareSchema(schema.files, defaultSchema) };
}

/** The same address as `src/cli/isolated.ts` reads: the definition, and the schema that it refines. */
export async function openDefinition(address: string, config: Config): Promise<AdminDefinition> {
  const { file, schema } = partsOfDefinition(address);
  const own = await importOwnAdmin(file);
  if (schema === null) return own;
  return (await schemaAdmin(schema, own, config)).admin;
}

async function tellOfChanges(
  { path }: NonNullable<Metadata['source']>,
  copy: UserSchema,
  onChange: (sentence: string) => void,
): Promise<void> {
  // Where the project is not beside us, as in a container, the copy is all there is.
  const now = await readSchema(path).catch(() => null);
  if (now && JSON.stringify(now.files) !== JSON.stringify(copy.files)) {
    onChange(
      `The schema has changed since its client was generated: ${commandLine('generate', `--schema ${path}`)}`,
    );
  }
}
