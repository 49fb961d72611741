import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import type { SchemaFiles } from '../../db/schema-engine.ts';
import { AppError } from '../../errors.ts';
import { labelOf } from '../../resources/guesses.ts';
import { typedPath } from '../project/typed-path.ts';
import { schemaError } from './schema-error.ts';

/** A project's schema as it stands on the disk; nothing of it is ever written. */
export interface UserSchema {
  /** The file or folder that was named. */
  readonly path: string;
  /** Names relative to it, with `/` between. */
  readonly files: SchemaFiles;
  /** What the project is called: the name of its folder. */
  readonly name: string;
}

/** Reads a schema from a file, or from every `.prisma` file below a folder. */
export async function readSchema(schemaPath: string): Promise<UserSchema> {
  const path = typedPath(schemaPath);
  try {
    const isFolder = (await stat(path)).isDirectory();
    const paths = isFolder ? await filesBelow(path) : [path];
    if (paths.length === 0) throw schemaError(`The folder ${path} holds no .prisma file.`);
    const files = await Promise.all(
      paths.map(
        async (file) =>
          [
            isFolder ? relative(path, file).replaceAll('\\', '/') : basename(file),
            await readFile(file, 'utf8'),
          ] as const,
      ),
    );
    return { path, files, name: nameOf(isFolder ? path : dirname(path)) };
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw schemaError(`There is no schema at ${path}.`);
    if (code)
      throw schemaError(`The schema at ${path} cannot be read (${(error as Error).message}).`);
    throw error;
  }
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = await Promise.all(
    entries.map(async (entry) => {
      if (entry.name.startsWith('.') || entry.name === 'node_modules') return [];
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      return entry.name.endsWith('.prisma') ? [path] : [];
    }),
  );
  return found.flat().sort();
}

const generic = new Set(
  'prisma schema schemas models db src packages apps app web api backend server database shared common core lib libs postgres postgresql'.split(
    ' ',
  ),
);

// Schemas usually stand in <project>/prisma, or below it, or in a package of a larger project.
function nameOf(folder: string): string {
  const name = basename(folder);
  const parent = dirname(folder);
  if (generic.has(name.toLowerCase()) && basename(parent) !== '') return nameOf(parent);
  return labelOf(name.replaceAll('-', '_')) || 'Admin';
}
