import { type Config, parseConfig } from './config.ts';

/**
 * The settings of the environment for a database that code names: the way past a pooler that the
 * environment knows is that of its own database.
 */
export function configFor(databaseUrl: string, env = process.env): Config {
  const { DIRECT_DATABASE_URL, ...rest } = env;
  const direct = env.DATABASE_URL === databaseUrl ? { DIRECT_DATABASE_URL } : {};
  return parseConfig({ ...rest, ...direct, DATABASE_URL: databaseUrl });
}
