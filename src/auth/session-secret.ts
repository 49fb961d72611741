import { join } from 'node:path';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';
import { keptSecret } from '../kept-secret.ts';

/** Addresses of this machine alone. */
const loopback = ['127.0.0.1', 'localhost', '::1'];

/** The setting, or a secret that is made once and kept, so that a restart signs nobody out. */
export async function sessionSecret(
  config: Pick<Config, 'BULKHEAD_SESSION_SECRET' | 'BULKHEAD_FOLDER'>,
): Promise<string> {
  if (config.BULKHEAD_SESSION_SECRET) return config.BULKHEAD_SESSION_SECRET;
  return keptSecret(config, 'session-secret');
}

/**
 * Warning about a generated secret when the pages are served to other machines: everybody there
 * could read it, or it could be lost. Null: nothing to warn of.
 */
export function secretNote(
  config: Pick<Config, 'BULKHEAD_SESSION_SECRET' | 'BULKHEAD_FOLDER' | 'HOST'>,
): string | null {
  if (config.BULKHEAD_SESSION_SECRET || loopback.includes(config.HOST)) return null;
  return `The secret of sessions is kept in ${join(config.BULKHEAD_FOLDER, 'session-secret')}: where several web processes answer, or the folder does not last as in a container, set BULKHEAD_SESSION_SECRET to the same for all, or people are signed out.`;
}

/**
 * Throws AppError 'no-secret' where pages are served to other machines in production and the secret
 * of their sessions is none that all their processes have.
 */
export function assertSecretSet(
  config: Pick<Config, 'BULKHEAD_SESSION_SECRET' | 'HOST'>,
  { NODE_ENV }: { NODE_ENV?: string | undefined },
): void {
  if (NODE_ENV !== 'production' || config.BULKHEAD_SESSION_SECRET) return;
  if (loopback.includes(config.HOST)) return;
  throw new AppError(
    'no-secret',
    500,
    'Set BULKHEAD_SESSION_SECRET to at least 32 characters that nobody can guess, the same for every web process: in production a secret that each made for itself would sign people out.',
  );
}
