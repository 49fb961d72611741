import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { AdminDefinition } from '../admin-definition.ts';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { readAddress } from '../database-address.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import type { Metadata } from '../metadata/contract.ts';
import { withoutModels } from '../metadata/without-models.ts';
import { placeAdmin } from '../place-admin.ts';
import { tellOfFound } from './database/open-found.ts';
import { isRepository } from './project/enter-project.ts';
import { findSchema } from './project/find-schema.ts';
import { bringUpSchema } from './schema/bring-up-schema.ts';
import { type PreparedSchema, prepareSchema } from './schema/prepare-schema.ts';
import { readSchema, type UserSchema } from './schema/read-schema.ts';
import { changeOf } from './schema/schema-changes.ts';

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

export interface OwnProject {
  admin: AdminDefinition;
  /** The project's schema, where there is one that says what the tables are. */
  path: string | null;
  prepared: PreparedSchema | null;
}

/** The admin that code of the project's gives, as `openAdmin` opens that of a file. */
export async function openGiven(
  admin: AdminDefinition,
  config: Config,
  say: (text: string) => void,
): Promise<OpenedAdmin> {
  return openProject(await ownProject(admin, config, say), config, {}, say);
}

/** What a project's admin is, and how its tables come to be what it says. */
export function openProject(
  { admin, path, prepared }: OwnProject,
  config: Config,
  values: { 'ignore-differences'?: boolean | undefined },
  say: (text: string) => void = console.log,
): OpenedAdmin {
  const defaultSchema = defaultSchemaOf(config.DATABASE_URL);
  const placed = placeAdmin(admin, defaultSchema);
  const metadata = placed.resources[0]?.metadata;
  if (path === null || prepared === null || !metadata)
    return { admin: placed, database: 'bulkhead', bringUp: async () => placed };
  return {
    admin: placed,
    database: `schema_${createHash('sha256').update(path).digest('hex').slice(0, 16)}`,
    async bringUp(connectionString) {
      say(databaseInWords(connectionString, config, prepared.addressVariable));
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
        say,
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

/** Which database it is and who said so; a project may be used to naming another variable. */
export function databaseInWords(
  connectionString: string,
  config: Pick<Config, 'DATABASE_URL' | 'DIRECT_DATABASE_URL'>,
  addressVariable: string | null,
): string {
  const { hosts, user, database } = readAddress(connectionString);
  const name = database || user;
  const host = hosts.map((one) => one.name).join(', ');
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

/**
 * What `bulkhead generate` made for an admin says where its schema is; else it is where Prisma finds
 * it.
 */
export async function ownProject(
  admin: AdminDefinition,
  config: Config,
  onChange: (sentence: string) => void,
): Promise<OwnProject> {
  const defaultSchema = defaultSchemaOf(config.DATABASE_URL);
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
