import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readPackage } from './find-project.ts';
import { loadModule } from './load-module.ts';

export interface FoundSchema {
  /** A file or a folder. */
  readonly path: string;
  /** What names it, or the place where Prisma looks by itself. */
  readonly by: string;
}

const endings = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs'];
const configNames = [
  ...endings.map((ending) => `prisma.config.${ending}`),
  ...endings.map((ending) => `.config/prisma.${ending}`),
];

/**
 * Where a project's Prisma schema is, as Prisma itself would find it: `prisma.config.ts`,
 * `prisma.schema` of package.json, `prisma/schema.prisma`; null: nowhere.
 */
export async function findSchema(folder: string): Promise<FoundSchema | null> {
  const name = configNames.find((one) => existsSync(join(folder, one)));
  const configured = name && (await schemaOfConfig(join(folder, name)));
  if (configured) return { path: resolve(folder, configured), by: name };
  const packaged = readPackage(folder)?.prisma?.schema;
  if (packaged) return { path: resolve(folder, packaged), by: 'package.json' };
  const usual = ['prisma/schema.prisma', 'schema.prisma', 'prisma/schema', 'prisma'].find((path) =>
    isSchema(join(folder, path)),
  );
  return usual ? { path: join(folder, usual), by: usual } : null;
}

/** It asks for variables that may not be set here: then its text has to do. */
async function schemaOfConfig(file: string): Promise<string | null> {
  try {
    const { default: config } = await loadModule(file);
    const { schema } = (config ?? {}) as { schema?: unknown };
    if (typeof schema === 'string') return schema;
    if (config !== undefined) return null;
  } catch {
    // Below.
  }
  return (
    /\bschema\s*:\s*(?:path\.join\()?\s*(["'`])(.+?)\1/.exec(readFileSync(file, 'utf8'))?.[2] ??
    null
  );
}

function isSchema(path: string): boolean {
  if (path.endsWith('.prisma')) return existsSync(path);
  try {
    return readdirSync(path).some((name) => name.endsWith('.prisma'));
  } catch {
    return false;
  }
}
