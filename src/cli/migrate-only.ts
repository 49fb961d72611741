import { commandLine } from '../command-line.ts';
import type { Config } from '../config.ts';
import { pendingMigrations } from '../db/migrations.ts';
import { AppError } from '../errors.ts';
import { directUrl } from './connection.ts';
import { migrateAll, ours } from './migrate-all.ts';

/**
 * Brings our own tables and the queue's up to date, or says with `--check` what that would be; for
 * a role that may, before a start by one that may not.
 */
export async function migrateOnly(
  { check }: { check?: boolean | undefined },
  config: Config,
): Promise<void> {
  const connectionString = directUrl(config);
  const set = { folder: ours, schema: config.BULKHEAD_DATABASE_SCHEMA };
  const pending = await pendingMigrations(connectionString, set);
  if (check) {
    if (pending.length === 0) return console.log('The tables of Bulkhead are up to date.');
    throw new AppError(
      'pending-migrations',
      500,
      `Not applied yet: ${pending.join(', ')}. ${commandLine('migrate')} applies them.`,
    );
  }
  await migrateAll(connectionString, config, {});
  console.log(
    pending.length === 0
      ? 'The tables of Bulkhead were up to date.'
      : `Applied: ${pending.join(', ')}.`,
  );
}
