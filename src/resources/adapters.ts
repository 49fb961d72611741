import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';
import type { SqlDriverAdapterFactory } from '@prisma/driver-adapter-utils';
import type pg from 'pg';

/** A copy of Prisma's adapter, and the `pg` that it knows. */
interface AdapterCopy {
  /** Of Prisma. */
  readonly version: string;
  over(pool: pg.Pool, schema: string): SqlDriverAdapterFactory;
}

const adapterName = '@prisma/adapter-pg';
const ours = createRequire(import.meta.url).resolve(adapterName);
const own: AdapterCopy = {
  version: versionOf(ours),
  over: (pool, schema) => new PrismaPg(pool, { schema }),
};

/** The copies that a project in one of these folders has, and the one that came with us. */
export function adaptersFrom(folders: readonly string[]): [AdapterCopy, ...AdapterCopy[]] {
  const files = folders.flatMap((folder) => fileFrom(folder) ?? []).filter((file) => file !== ours);
  const [first = own, ...others] = [...new Set(files)].flatMap((file) => copyAt(file) ?? []);
  return first === own ? [own] : [first, ...others, own];
}

/** Folders from which a project's packages are found, by the file of its definition. */
export function packageFolders(definition: string | undefined): string[] {
  const file = definition?.startsWith('file:') ? [dirname(fileURLToPath(definition))] : [];
  return [...file, process.cwd()];
}

function fileFrom(folder: string): string | null {
  try {
    return createRequire(join(folder, 'package.json')).resolve(adapterName);
  } catch {
    return null;
  }
}

function copyAt(file: string): AdapterCopy | null {
  const require = createRequire(file);
  try {
    const other = require(file) as { PrismaPg: typeof PrismaPg };
    const { Pool } = require('pg') as typeof pg;
    return {
      version: versionOf(file),
      over: (pool, schema) => new other.PrismaPg(asPoolOf(Pool, pool), { schema }),
    };
  } catch {
    return null;
  }
}

/**
 * The adapter asks its own `pg` whether it is given a pool, and takes one of another copy for the
 * settings of a connection: it would connect to wherever the environment says.
 */
function asPoolOf(Pool: typeof pg.Pool, pool: pg.Pool): pg.Pool {
  return pool instanceof Pool ? pool : new Proxy(pool, { getPrototypeOf: () => Pool.prototype });
}

function versionOf(file: string): string {
  const found = join(dirname(file), 'package.json');
  if (existsSync(found)) {
    const { name, version } = JSON.parse(readFileSync(found, 'utf8')) as Record<string, string>;
    if (name === adapterName && version) return version;
  }
  const above = dirname(file);
  return above === file ? '' : versionOf(above);
}
