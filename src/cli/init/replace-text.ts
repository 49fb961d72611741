import { randomBytes } from 'node:crypto';
import { access, constants, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';

/**
 * Gives a file of the project's another text, whole or not at all, whoever ends the process
 * meanwhile. It stays where a link leads, and as readable as it was; one that may not be written is
 * left alone.
 */
export async function replaceText(path: string, text: string): Promise<void> {
  const file = await realpath(path);
  await access(file, constants.W_OK);
  const { mode } = await stat(file);
  const making = `${file}.${randomBytes(4).toString('hex')}`;
  try {
    await writeFile(making, text, { mode, flag: 'wx' });
    await rename(making, file);
  } catch (error) {
    await rm(making, { force: true });
    throw error;
  }
}
