import { resolve } from 'node:path';
import { isPackage } from '../../our-files.ts';

// npm runs the repository's scripts in its folder; a path is meant from where the command was typed.
const typedIn = isPackage ? process.cwd() : (process.env.INIT_CWD ?? process.cwd());

/** A path as it was typed, whichever folder the command has gone to since. */
export function typedPath(path = ''): string {
  return resolve(typedIn, path);
}
