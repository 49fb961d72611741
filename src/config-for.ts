import { type Config, parseConfig } from './config.ts';

/**
 * The settings of the environment for a database that code names: the way past a pooler and the
 * standbys that the environment knows are those of its own database.
 */
export function configFor(databaseUrl: string, env = process.env): Config {
  const { DIRECT_DATABASE_URL, READ_DATABASE_URL, ...rest } = env;
  const own = env.DATABASE_URL === databaseUrl ? { DIRECT_DATABASE_URL, READ_DATABASE_URL } : {};
  return parseConfig({ ...rest, ...own, DATABASE_URL: databaseUrl });
}
