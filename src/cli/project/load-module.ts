import { existsSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createJiti, type Jiti } from 'jiti';
import { isPackage, ourFile, ourModule } from '../../our-files.ts';
import { foldersAbove } from './find-project.ts';
import { loadFailure } from './load-failure.ts';
import { strictImports } from './named-imports.ts';

let loading: Promise<Jiti> | null = null;

/**
 * Imports a file of a project, with whatever TypeScript it is written in and imports: enums, files
 * without their endings, `paths` of its tsconfig. A file of this repository is Node's own business.
 */
export async function loadModule(file: string): Promise<{ default?: unknown }> {
  if (!isPackage && !relative(ourFile(), file).startsWith('..'))
    return import(pathToFileURL(file).href);
  try {
    loading ??= makeLoader(file);
    return await (await loading).import(file);
  } catch (error) {
    throw loadFailure(error, file);
  }
}

async function makeLoader(file: string): Promise<Jiti> {
  const plain = createJiti(file, { fsCache: false });
  return createJiti(file, {
    interopDefault: false,
    tsconfigPaths: true,
    fsCache: cacheOf(file),
    // However the project finds us: of classes, and of what a module keeps, there is to be one.
    virtualModules: { bulkhead: await import(pathToFileURL(ourModule('index')).href) },
    transform: (options) => ({
      code: strictImports(plain.transform(options), options.source),
    }),
  });
}

/** In the packages of the project, as other tools have theirs. */
function cacheOf(file: string): string | false {
  const packages = foldersAbove(dirname(file))
    .map((folder) => join(folder, 'node_modules'))
    .find((folder) => existsSync(folder));
  return packages !== undefined && join(packages, '.cache/bulkhead');
}
