import { queueSchemaOf } from '../build-context.ts';
import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { migrationSql, type RestrictedRole } from '../db/migration-sql.ts';
import { pendingMigrations } from '../db/migrations.ts';
import { openPool } from '../db/pool.ts';
import { AppError } from '../errors.ts';
import { say } from './command.ts';
import { directUrl } from './connection.ts';
import { migrateAll, ours } from './migrate-all.ts';

/**
 * Brings our own tables and the queue's up to date, or says with `--check` what that would be; for
 * a role that may, before a start by one that may not. With `--sql` it prints what somebody else may
 * run for this role, and changes nothing.
 */
export async function migrateOnly(
  { check, sql }: { check?: boolean | undefined; sql?: boolean | undefined },
  config: Config,
): Promise<unknown> {
  const connectionString = directUrl(config);
  const set = { folder: ours, schema: config.BULKHEAD_DATABASE_SCHEMA };
  if (sql) {
    const role = await roleOf(connectionString);
    const text = await migrationSql(set, queueSchemaOf(config), role);
    say(text);
    return { sql: text };
  }
  if (check) {
    const pending = await pendingMigrations(connectionString, set);
    if (pending.length === 0) {
      say('The tables of Bulkhead are up to date.');
      return { pending, applied: [] };
    }
    throw new AppError(
      'pending-migrations',
      500,
      `Not applied yet: ${pending.join(', ')}. ${commandLine('migrate')} applies them.`,
    );
  }
  const applied = await migrateAll(connectionString, config, {});
  say(
    applied.length === 0
      ? 'The tables of Bulkhead were up to date.'
      : `Applied: ${applied.join(', ')}.`,
  );
  return { pending: [], applied };
}

async function roleOf(connectionString: string): Promise<RestrictedRole> {
  const pool = openPool({ connectionString, name: 'bulkhead migrations', max: 1 });
  try {
    const { rows } = await pool.query<RestrictedRole>(
      'select current_user as name, current_database() as database',
    );
    return rows[0] as RestrictedRole;
  } finally {
    await pool.end();
  }
}
