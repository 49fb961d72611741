import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.ts';

/** The setting, or a secret that is made once and kept, so that a restart signs nobody out. */
export async function sessionSecret(config: Pick<Config, 'BULKHEAD_SESSION_SECRET' | 'BULKHEAD_FOLDER'>): Promise<string> {
  if (config.BULKHEAD_SESSION_SECRET) return config.BULKHEAD_SESSION_SECRET;
  const file = join(config.BULKHEAD_FOLDER, 'session-secret');
  await mkdir(config.BULKHEAD_FOLDER, { recursive: true });
  // wx: of two processes that start at once, one writes and both read the same.
  await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}
