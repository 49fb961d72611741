import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AdminDefinition, defineAdmin } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import { AppError } from '../errors.ts';
import { foundAdmin } from './database/open-found.ts';
import { importOwnAdmin, importRefinement, isWhole } from './import-own-admin.ts';
import { type OpenedAdmin, type OwnProject, openProject, ownProject } from './open-project.ts';
import { definitionOf, partsOfDefinition } from './project/definition-address.ts';
import { findProject } from './project/find-project.ts';
import { findSchema } from './project/find-schema.ts';
import { nameOf } from './project/load-failure.ts';
import { generateSchema } from './schema/generate-schema.ts';
import { loadAdmin } from './schema/load-admin.ts';
import { prepareSchema } from './schema/prepare-schema.ts';
import { readSchema } from './schema/read-schema.ts';
import { assertModels } from './schema/schema-changes.ts';

export interface AdminValues {
  admin?: string | undefined;
  schema?: string | undefined;
  /** Address of a database that needs no schema; it is DATABASE_URL in the settings. */
  database?: string | undefined;
  'ignore-differences'?: boolean | undefined;
}

type Say = (sentence: string) => void;

const print: Say = (sentence) => console.log(sentence);

/** Reads a schema, and has its client and metadata made where they are not yet. */
export async function openSchema(path: string, config: Config, say = print) {
  const schema = await readSchema(path);
  const prepared = prepareSchema(schema.files, defaultSchemaOf(config.DATABASE_URL));
  const generated = await generateSchema(
    prepared,
    join(resolve(config.BULKHEAD_FOLDER), 'schemas'),
    () => say(`Generating pages for ${schema.path} …`),
  );
  return { schema, prepared, generated };
}

/**
 * The project's admin: the one that it wrote, with `--schema` one made of a Prisma schema, and what
 * the project says of itself beside.
 *
 * @param onChange told in a sentence that a schema has changed since metadata was generated from it
 * @param say given what it does meanwhile
 */
export async function openAdmin(
  values: AdminValues,
  config: Config,
  onChange = print,
  say = print,
): Promise<OpenedAdmin> {
  if (isFound(values)) {
    const found = await foundAdmin(config, say);
    return { admin: found, database: 'bulkhead', bringUp: async () => found };
  }
  const project =
    values.schema === undefined
      ? await ownAdmin(values, config, onChange, say)
      : await adminOf(values.schema, values.admin, config, say);
  return openProject(project, config, values);
}

/** Is the database all that says what there is? A project's own admin takes the address alone. */
function isFound({ admin, schema, database }: AdminValues): boolean {
  if (database === undefined || admin !== undefined || schema !== undefined) return false;
  return findProject(process.cwd()).config === null;
}

/** Of a schema; a definition that the project has beside it is not left for that. */
async function adminOf(
  path: string,
  file: string | undefined,
  config: Config,
  say: Say,
): Promise<OwnProject> {
  const own = await importRefinement(file);
  if (own === null || !isWhole(own)) return schemaAdmin(path, own, config, say);
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
  say = print,
): Promise<OwnProject> {
  const { schema, prepared, generated } = await openSchema(path, config, say);
  const made = await loadAdmin(schema.name, generated);
  const definition = own?.definition && definitionOf(own.definition, schema.path);
  const admin = defineAdmin({ ...made, ...own, ...(definition ? { definition } : {}) });
  return { admin, path: schema.path, prepared };
}

/** The one that the project wrote; what it leaves out, a schema makes, or the database. */
async function ownAdmin(
  { admin: file, database }: AdminValues,
  config: Config,
  onChange: Say,
  say: Say,
): Promise<OwnProject> {
  const admin = await importOwnAdmin(file);
  if (!isWhole(admin)) {
    const found = await findSchema(process.cwd());
    if (found !== null) return schemaAdmin(found.path, admin, config, say);
    if (database !== undefined) {
      const made = await foundAdmin(config, say);
      return { admin: defineAdmin({ ...made, ...admin }), path: null, prepared: null };
    }
    throw new AppError(
      'no-admin',
      500,
      `${nameOf(fileURLToPath(admin.definition as string))} says neither resources nor createClient, and no Prisma schema is found that would make them: name it with --schema PATH, or add both.`,
    );
  }
  return ownProject(admin, config, onChange);
}

/** The same address as `src/cli/isolated.ts` reads: the definition, and the schema that it refines. */
export async function openDefinition(address: string, config: Config): Promise<AdminDefinition> {
  const { file, schema } = partsOfDefinition(address);
  const own = await importOwnAdmin(file);
  if (schema === null) return own;
  return (await schemaAdmin(schema, own, config)).admin;
}
