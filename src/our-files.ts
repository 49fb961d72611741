import { extname, join } from 'node:path';

// In the repository this folder is `src`, in the package `lib`: all else lies about it as it did.
const root = join(import.meta.dirname, '..');
const extension = extname(import.meta.filename);

/** Whether this is what `npm run build` makes, installed in a project. */
export const isPackage = extension === '.js';

/** A file or folder that comes with us: views, what browsers load, our migrations. */
export function ourFile(...parts: readonly string[]): string {
  return join(root, ...parts);
}

/** The file of a module of ours, by its path without an ending: `cli/isolated`. */
export function ourModule(name: string): string {
  return join(import.meta.dirname, `${name}${extension}`);
}
