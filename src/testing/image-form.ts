import { escapeIdentifier } from 'pg';
import type { Database } from '../db/database.ts';
import { historyTable } from '../db/migrations.ts';

/** Lets a database be one that code of before was at until now, or one that began with this code. */
export async function keepByColumn({ pages, schema }: Database, isSo: boolean): Promise<void> {
  await pages.query(
    `update ${escapeIdentifier(schema)}.${historyTable} set finished_at = now() - make_interval(days => $1) where migration_name < '2026113017'`,
    [isSo ? 0 : 30],
  );
}
