import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AdminDefinition } from '../admin-definition.ts';
import { AppError } from '../errors.ts';
import { ourFile, ourModule } from '../our-files.ts';
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
      `There is no bulkhead.config.ts in ${process.cwd()}: write one, name another file with --admin PATH, or look at a Prisma schema as it is with --schema PATH.`,
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
  return config ?? (existsSync(ours) && process.cwd() === ourFile() ? ours : null);
}

/** What a file of an admin exports, if it is one. */
export function adminOf(module: { default?: unknown }, definition: string): AdminDefinition {
  const { resources, createClient } = (module.default ?? {}) as Partial<AdminDefinition>;
  if (Array.isArray(resources) && createClient !== undefined)
    return module.default as AdminDefinition;
  throw new AppError(
    'no-admin',
    500,
    `${nameOf(fileURLToPath(definition))} exports no admin: end it with "export default defineAdmin({ … })".`,
  );
}
