import type { AdminDefinition } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { openDatabase } from '../db/database.ts';
import { directUrl } from './connection.ts';
import { databaseNotes } from './database-notes.ts';
import { migrateAll } from './migrate-all.ts';
import type { OpenedAdmin } from './open-project.ts';
import { sameDatabase } from './same-database.ts';

/**
 * The steps that every command takes before it works with a database: our tables, the queue's, the
 * project's. Returns the admin of what is there.
 */
export async function bringUp(
  opened: Pick<OpenedAdmin, 'admin' | 'bringUp'>,
  config: Config,
  connectionString: string,
): Promise<AdminDefinition> {
  await (await openDatabase({ connectionString })).close();
  const direct = directUrl(config, connectionString);
  if (direct !== connectionString) await sameDatabase(connectionString, direct);
  await migrateAll(direct, config, opened.admin);
  const admin = await opened.bringUp(direct);
  for (const line of await databaseNotes(connectionString, admin)) console.log(line);
  return admin;
}
