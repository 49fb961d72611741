import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { commandLine, installCommand } from '../../command-line.ts';
import { AppError } from '../../errors.ts';
import { foldersAbove } from '../project/find-project.ts';
import type { ClientGenerator } from './generators.ts';

export interface InstalledPrisma {
  /** Of the client; null: not installed. */
  readonly version: string | null;
  /** What a person types to have what is missing: packages that the admin's client needs. */
  readonly missing: readonly string[];
}

/** What of Prisma a project finds from its own folder, wherever its packages are kept. */
export function installedPrisma(folder: string): InstalledPrisma {
  const version = versionOf(folder, '@prisma/client');
  const wanted = version === null ? '' : `@${version}`;
  const missing = ['@prisma/client', '@prisma/adapter-pg'].filter(
    (name) => versionOf(folder, name) === null,
  );
  return {
    version,
    missing:
      missing.length === 0
        ? []
        : [installCommand(folder, ...missing.map((name) => `${name}${wanted}`))],
  };
}

/** Not every package lets its package.json be resolved; where it would be found it stands. */
function versionOf(folder: string, name: string): string | null {
  for (const above of foldersAbove(folder)) {
    const file = join(above, 'node_modules', name, 'package.json');
    if (existsSync(file)) return (JSON.parse(readFileSync(file, 'utf8')) as Installed).version;
  }
  return null;
}

interface Installed {
  readonly version: string;
}

/** Refuses a client that cannot run over connections of ours, with the way that works. */
export function assertAdapters(
  { version }: InstalledPrisma,
  { block, isEngineless }: ClientGenerator,
): void {
  const [major = 7, minor = 0] = (version ?? '7.0').split('.').map(Number);
  if (major >= 7 || (major === 6 && minor >= 16 && isEngineless)) return;
  const look = `look at the schema with a client of Bulkhead's, by ${commandLine('start', '--schema PATH')}`;
  const how =
    major === 6 && minor >= 16
      ? `write engineType = "client" into generator ${block.name}, generate, and type this again, or ${look}`
      : `go to Prisma 6.16 or newer and write engineType = "client" into generator ${block.name}, or ${look}`;
  throw new AppError(
    'wrong-client',
    500,
    `A client of Prisma ${version} with an engine of its own cannot run over Bulkhead's connections, and nothing was written: ${how}.`,
  );
}
