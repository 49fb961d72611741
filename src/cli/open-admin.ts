import { join, resolve } from 'node:path';
import type { Config } from '../config.ts';
import { defaultSchemaOf } from '../db/default-schema.ts';
import { AppError } from '../errors.ts';
import { foundAdmin } from './database/open-found.ts';
import { importOwnAdmin } from './import-own-admin.ts';
import { type OpenedAdmin, type OwnProject, openProject, ownAdmin } from './open-project.ts';
import { findProject } from './project/find-project.ts';
import { generateSchema } from './schema/generate-schema.ts';
import { loadAdmin } from './schema/load-admin.ts';
import { prepareSchema } from './schema/prepare-schema.ts';
import { readSchema } from './schema/read-schema.ts';

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
  const project =
    values.schema === undefined
      ? await ownAdmin(await importOwnAdmin(values.admin), defaultSchema)
      : await adminOf(values.schema, config);
  return openProject(project, config, values);
}

/** Is the database all that says what there is? A project's own admin takes the address alone. */
function isFound({ admin, schema, database }: AdminValues): boolean {
  if (database === undefined || admin !== undefined || schema !== undefined) return false;
  return findProject(process.cwd()).config === null;
}

async function adminOf(path: string, config: Config): Promise<OwnProject> {
  const { schema, prepared, generated } = await openSchema(path, config);
  return { admin: await loadAdmin(schema.name, generated), path: schema.path, prepared };
}
