import { escapeIdentifier } from 'pg';
import { historyTable } from '../../db/migrations.ts';
import type { Queryable } from '../../db/transaction.ts';

/** Came with code that reads images by column; that of before does not know of it. */
const migration = '20261130173000_request_id';
/** Code of before may run beside for as long after the migration. */
const besideFor = '1 day';
/** What is new is migrated at once. */
const atOnce = '10 minutes';

/**
 * May images be kept by column: does nobody run any more who cannot read them? So it is in a database
 * that began with code that can, and a day after one of before was migrated.
 */
export async function readsColumns(client: Queryable, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ isSo: boolean }>(
    `select coalesce(bool_or(finished_at < now() - interval '${besideFor}' or finished_at - first < interval '${atOnce}'), false) as "isSo"
     from (select migration_name, finished_at, min(finished_at) over () as first from ${escapeIdentifier(schema)}.${historyTable} where rolled_back_at is null) history
     where migration_name = $1`,
    [migration],
  );
  return rows[0]?.isSo === true;
}
