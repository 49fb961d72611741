import type { Pool } from 'pg';
import type { Database } from '../db/database.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import { writeEntry } from './entry.ts';
import { keepCheckpoint, readCheckpoint, type Seal } from './seal.ts';

/** Forgotten in one transaction. */
const maxEntries = 5_000;

/**
 * Forgets entries that have been sealed for so many days, from the first of the chain on, and keeps
 * a signed checkpoint of where the rest begins. Gives how many.
 */
export async function forgetEntries(db: Database, pool: Pool, days: number): Promise<number> {
  for (let total = 0; ; ) {
    const count = await transaction(pool, (client) => forgetNext(client, db, days));
    total += count;
    if (count < maxEntries) return total;
  }
}

async function forgetNext(client: Queryable, db: Database, days: number): Promise<number> {
  const { t } = db;
  const { rows } = await client.query<Seal>(
    `select position::float8 as position, hash from ${t.audit_seal} where sealed_at < now() - make_interval(days => $1)
     and audit_seal.position < (select min(position) + ${maxEntries} from ${t.audit_seal}) order by audit_seal.position desc limit 1`,
    [Math.floor(days)],
  );
  const [last] = rows;
  if (!last) return 0;
  const { entryId = 0 } = (await readCheckpoint(client, db)) ?? {};
  if (!(await keepCheckpoint(client, db, { ...last, entryId }))) return 0;
  await client.query(`select set_config('bulkhead.audit_retention', 'on', true)`);
  await client.query(
    `delete from ${t.audit_entry} where id in (select entry_id from ${t.audit_seal} where position <= $1)`,
    [last.position],
  );
  const { rowCount } = await client.query(`delete from ${t.audit_seal} where position <= $1`, [
    last.position,
  ]);
  const count = rowCount ?? 0;
  await writeEntry(client, db, {
    act: 'entries-forgotten',
    by: { id: 'system:retention', name: 'system: retention' },
    details: { count, upTo: last.position },
  });
  return count;
}
