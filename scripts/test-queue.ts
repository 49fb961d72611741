import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Where the queue is, for the processes that take from it. */
export const queueVariable = 'BULKHEAD_TEST_QUEUE';

const list = 'files.json';

/**
 * Files of tests that several processes take, one after the other: a folder, where a file named by
 * its number says that one is taken.
 */
export async function makeQueue(files: readonly string[], around: string): Promise<string> {
  const folder = await mkdtemp(join(around, 'queue-'));
  writeFileSync(join(folder, list), JSON.stringify(files));
  return folder;
}

/** The next one, for whoever asks first; null when all are taken. */
export function takeNext(folder: string): string | null {
  const files = filesOf(folder);
  for (const [index, file] of files.entries()) if (isMade(join(folder, String(index)))) return file;
  return null;
}

/** Those that nobody has taken. */
export async function leftIn(folder: string): Promise<string[]> {
  const taken = new Set(await readdir(folder));
  return filesOf(folder).filter((_, index) => !taken.has(String(index)));
}

function filesOf(folder: string): string[] {
  return JSON.parse(readFileSync(join(folder, list), 'utf8'));
}

function isMade(path: string): boolean {
  try {
    closeSync(openSync(path, 'wx'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
