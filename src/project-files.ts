import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The path of a file or folder that a definition names: an address as it is, a path from the
 * folder that the definition stands in; null: where that is cannot be said.
 *
 * @param definition address of the definition's file
 */
export function projectFile(given: string | URL, definition: string | undefined): string | null {
  if (given instanceof URL) return given.protocol === 'file:' ? fileURLToPath(given) : null;
  if (given.startsWith('file:')) return fileURLToPath(given);
  if (isAbsolute(given)) return given;
  return definition?.startsWith('file:')
    ? resolve(fileURLToPath(new URL('.', definition)), given)
    : null;
}
