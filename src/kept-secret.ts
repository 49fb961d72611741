import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from './config.ts';

/** A secret that is made once and kept in a file of this name, so that a restart changes nothing. */
export async function keptSecret(
  { BULKHEAD_FOLDER: folder }: Pick<Config, 'BULKHEAD_FOLDER'>,
  name: string,
): Promise<string> {
  const file = join(folder, name);
  await mkdir(folder, { recursive: true });
  // wx: of two processes that start at once, one writes and both read the same.
  await writeFile(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
  return (await readFile(file, 'utf8')).trim();
}
