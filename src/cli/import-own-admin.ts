import { existsSync } from 'node:fs';
import { relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { AdminDefinition } from '../admin-definition.ts';
import { commandLine } from '../command-line.ts';
import { AppError } from '../errors.ts';
import { ourModule } from '../our-files.ts';

/** What a project's admin is called, in the folder that its commands are run from. */
const configName = 'bulkhead.config.ts';

/**
 * The admin of the project that a command is run from, imported only when it is wanted: what it
 * imports may not have been generated yet.
 *
 * @param given file of the admin, as it was typed
 */
export async function importOwnAdmin(given?: string): Promise<AdminDefinition> {
  const file = findAdminFile(given);
  const definition = pathToFileURL(file).href;
  try {
    return { definition, ...adminOf(await import(definition), definition) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code, url } = error as { code?: string; url?: string };
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const what = url?.startsWith('file:') ? fileURLToPath(url) : '';
    if (!/[\\/]generated[\\/]/.test(what)) throw error;
    throw new AppError(
      'not-generated',
      500,
      `${nameOf(file)} imports ${what}, which is not there yet: ${commandLine('generate', '--schema PATH')} makes it.`,
    );
  }
}

/** Has the folder that a command is run from an admin of its own? */
export function hasOwnConfig(): boolean {
  return existsSync(resolve(configName));
}

/** `--admin`, else `bulkhead.config.ts` of the folder, else what stands in the repository. */
function findAdminFile(given: string | undefined): string {
  if (given !== undefined) {
    const file = resolve(process.env.INIT_CWD ?? process.cwd(), given);
    if (existsSync(file)) return file;
    throw new AppError('no-admin', 500, `There is no file ${file}, which --admin names.`);
  }
  const found = [resolve(configName), ourModule('admin')].find((file) => existsSync(file));
  if (found) return found;
  throw new AppError(
    'no-admin',
    500,
    `There is no ${configName} in ${process.cwd()}: write one, name another file with --admin PATH, or look at a Prisma schema as it is with --schema PATH.`,
  );
}

function nameOf(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith('..') ? file : near;
}

/** What a file of an admin exports, if it is one. */
export function adminOf(module: { default?: unknown }, definition: string): AdminDefinition {
  const { resources, createClient } = (module.default ?? {}) as Partial<AdminDefinition>;
  if (Array.isArray(resources) && typeof createClient === 'function')
    return module.default as AdminDefinition;
  throw new AppError(
    'no-admin',
    500,
    `${nameOf(fileURLToPath(definition))} exports no admin: end it with "export default defineAdmin({ … })".`,
  );
}
