import type { Queryable } from '../db/transaction.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { Rewriting } from './contract.ts';
import { type JournalKind, journal } from './journal-kind.ts';

/**
 * Triggers of the table that run for every record; what a delete does to other tables is
 * `consequences`.
 */
export async function listTriggers(
  client: Queryable,
  model: ModelMeta,
  writes: JournalKind,
): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select distinct tgname as name from pg_trigger
     where tgrelid in (${tableAndParts}) and not tgisinternal and tgenabled in ('O', 'A') and (tgtype & $2::int) <> 0 order by 1`,
    [[model.table], writes === journal.deleted ? 8 : 16],
  );
  return rows.map(({ name }) => name);
}

// Rows of a partition, and of a table that inherits, meet triggers of its own.
const tableAndParts = `with recursive part (id) as (
    select unnest($1::text[])::regclass::oid union select inhrelid from part join pg_inherits on inhparent = id
  ) select id from part`;

/** Any trigger of these tables, of whichever kind. */
export async function hasTriggers(client: Queryable, tables: readonly string[]): Promise<boolean> {
  const { rows } = await client.query(
    `select 1 from pg_trigger where tgrelid in (${tableAndParts}) and not tgisinternal and tgenabled in ('O', 'A') limit 1`,
    [tables],
  );
  return rows.length > 0;
}

/** By its BEFORE triggers, which may alter any column of a row. */
export async function findRewriting(client: Queryable, model: ModelMeta): Promise<Rewriting> {
  const { rows } = await client.query<Rewriting>(
    `select coalesce(bool_or((tgtype & 16) <> 0), false) as update, coalesce(bool_or((tgtype & 4) <> 0), false) as insert
     from pg_trigger where tgrelid in (${tableAndParts}) and not tgisinternal and tgenabled in ('O', 'A') and (tgtype & 3) = 3`,
    [[model.table]],
  );
  return rows[0] as Rewriting;
}
