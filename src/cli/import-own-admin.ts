import { fileURLToPath } from 'node:url';
import type { AdminDefinition } from '../admin-definition.ts';
import { AppError } from '../errors.ts';

/**
 * The admin of `src/admin.ts`, imported only when it is wanted: what it imports may not have been
 * generated yet.
 */
export async function importOwnAdmin(): Promise<AdminDefinition> {
  try {
    const definition = new URL('../admin.ts', import.meta.url).href;
    return { definition, ...adminOf(await import('../admin.ts')) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code, url } = error as { code?: string; url?: string };
    if (code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const what = url?.startsWith('file:') ? fileURLToPath(url) : '';
    if (!/[\\/]generated[\\/]/.test(what)) throw error;
    throw new AppError(
      'not-generated',
      500,
      `src/admin.ts imports ${what}, which is not there yet: npm run bulkhead -- generate --schema PATH makes it.`,
    );
  }
}

/** What a file of an admin exports, if it is one. */
export function adminOf(module: { default?: unknown }): AdminDefinition {
  const { resources, createClient } = (module.default ?? {}) as Partial<AdminDefinition>;
  if (Array.isArray(resources) && typeof createClient === 'function')
    return module.default as AdminDefinition;
  throw new AppError(
    'no-admin',
    500,
    'src/admin.ts exports no admin: end it with "export default defineAdmin({ … })".',
  );
}
