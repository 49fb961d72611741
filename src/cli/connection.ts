import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';

/** The halves for production run on a database that somebody keeps. */
export function requireDatabaseUrl(config: Config): string {
  if (config.DATABASE_URL) return config.DATABASE_URL;
  throw new AppError(
    'no-database',
    500,
    `Set DATABASE_URL: without it only "${commandLine('start')}" brings a database of its own.`,
  );
}

/** Where workers, migrations and commands go: past a pooler, where there is one. */
export function directUrl(config: Config, otherwise: string = requireDatabaseUrl(config)): string {
  return config.DIRECT_DATABASE_URL ?? otherwise;
}
