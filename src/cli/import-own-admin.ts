import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type AdminDefinition, isAdminOption } from '../admin-definition.ts';
import { commandLine } from '../command-line.ts';
import { AppError } from '../errors.ts';
import { ourModule } from '../our-files.ts';
import { isRepository } from './project/enter-project.ts';
import { findProject } from './project/find-project.ts';
import { nameOf } from './project/load-failure.ts';
import { loadModule } from './project/load-module.ts';
import { typedPath } from './project/typed-path.ts';

/**
 * The admin of the project that a command is run from, imported only when it is wanted: what it
 * imports may not have been generated yet.
 *
 * @param given file of the admin, as it was typed
 */
export async function importOwnAdmin(given?: string): Promise<AdminDefinition> {
  const file = findAdminFile(given);
  if (file === null) {
    throw new AppError(
      'no-admin',
      500,
      `There is no bulkhead.config.ts in ${process.cwd()}: ${commandLine('init')} writes one; or name another file with --admin PATH, or look at a Prisma schema as it is with --schema PATH.`,
    );
  }
  const definition = pathToFileURL(file).href;
  return { definition, ...adminOf(await loadModule(file), definition) };
}

/** `--admin`, else `bulkhead.config.ts` of the project, else what stands in the repository. */
export function findAdminFile(given: string | undefined): string | null {
  if (given !== undefined) {
    const file = typedPath(given);
    if (existsSync(file)) return file;
    throw new AppError('no-admin', 500, `There is no file ${file}, which --admin names.`);
  }
  const { config } = findProject(process.cwd());
  const ours = ourModule('admin');
  return config ?? (isRepository() ? ours : null);
}

/** What the project says of itself beside a schema; null: nothing. */
export async function importRefinement(given?: string): Promise<AdminDefinition | null> {
  const isThere = given !== undefined || findProject(process.cwd()).config !== null;
  return isThere ? importOwnAdmin(given) : null;
}

/** Whether it says what there are pages for, and does not leave that to a schema. */
export function isWhole({ resources, createClient }: AdminDefinition): boolean {
  return Array.isArray(resources) && createClient !== undefined;
}

/** What a file of an admin exports, if it is one. */
export function adminOf(module: { default?: unknown }, definition: string): AdminDefinition {
  const admin = module.default;
  const isObject = typeof admin === 'object' && admin !== null && !Array.isArray(admin);
  if (isObject && Object.keys(admin).some((option) => isAdminOption(option)))
    return admin as AdminDefinition;
  throw new AppError(
    'no-admin',
    500,
    `${nameOf(fileURLToPath(definition))} exports no admin: end it with "export default defineAdmin({ … })".`,
  );
}
