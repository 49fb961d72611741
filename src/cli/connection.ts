import type { Config } from '../config.ts';
import { AppError } from '../errors.ts';

/** The halves for production run on a database that somebody keeps. */
export function requireDatabaseUrl(config: Config): string {
  if (config.DATABASE_URL) return config.DATABASE_URL;
  throw new AppError('no-database', 500, 'Set DATABASE_URL: without it only "npm start" brings a database of its own.');
}
