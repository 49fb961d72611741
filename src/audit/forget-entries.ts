import type { Pool } from 'pg';
import type { Database } from '../db/database.ts';
import { takeTurn } from '../db/take-turn.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import { problemOf, readBegin, readLinks } from './chain.ts';
import { writeEntry } from './entry.ts';
import { keepCheckpoint, type Seal } from './seal.ts';

/** Forgotten in one transaction. */
const maxEntries = 5_000;

/**
 * Forgets entries that have been sealed for so many days, from the first of the chain on, and keeps
 * a signed checkpoint of where the rest begins. Gives how many. Throws AppError 'audit-broken' where
 * one of them, or its seal, is not as it was: that is not to go with them.
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
  // One at a time: what another forgets is looked at no more.
  if (!(await takeTurn(client, 'forgetting', t.audit_checkpoint))) return 0;
  if (db.auditKeys.name === null) return forgetUnsealed(client, db, days);
  const { start, unsignedUpTo, problem } = await readBegin(client, db);
  const { rows } = await client.query<Seal>(
    `select position::float8 as position, hash from ${t.audit_seal} where sealed_at < now() - make_interval(days => $1)
     and audit_seal.position > $2 and audit_seal.position <= $2 + ${maxEntries} order by audit_seal.position desc limit 1`,
    [Math.floor(days), start.position],
  );
  const [last] = rows;
  if (!last) return 0;
  const broken = problem ?? (await findBroken(client, db, { start, last, unsignedUpTo }));
  if (broken)
    throw new AppError('audit-broken', 500, `Nothing of the audit is forgotten. ${broken}`);
  await keepCheckpoint(client, db, { ...last, entryId: unsignedUpTo });
  await client.query(`select set_config('bulkhead.audit_retention', 'on', true)`);
  await client.query(
    `delete from ${t.audit_entry} where id in (select entry_id from ${t.audit_seal} where position > $2 and position <= $1)`,
    [last.position, start.position],
  );
  const { rowCount } = await client.query(
    `delete from ${t.audit_seal} where position > $2 and position <= $1`,
    [last.position, start.position],
  );
  // The chain begins at the last one: those before it say nothing more.
  await client.query(`delete from ${t.audit_checkpoint} where position < $1`, [last.position]);
  const count = rowCount ?? 0;
  await writeEntry(client, db, {
    act: 'entries-forgotten',
    by: { id: 'system:retention', name: 'system: retention' },
    details: { count, upTo: last.position },
  });
  return count;
}

/** Where there is no chain, and no secret to begin one with, those that are old enough. */
async function forgetUnsealed(client: Queryable, { t }: Database, days: number): Promise<number> {
  await client.query(`select set_config('bulkhead.audit_retention', 'on', true)`);
  const { rowCount } = await client.query(
    `delete from ${t.audit_entry} where id in (select id from ${t.audit_entry} where at < now() - make_interval(days => $1) order by at limit ${maxEntries})
     and not exists (select from ${t.audit_seal}) and not exists (select from ${t.audit_checkpoint})`,
    [Math.floor(days)],
  );
  return rowCount ?? 0;
}

/** What is wrong with the links up to one of them; null: nothing is. */
async function findBroken(
  client: Queryable,
  db: Database,
  { start, last, unsignedUpTo }: { start: Seal; last: Seal; unsignedUpTo: number },
): Promise<string | null> {
  let before = start;
  for (const link of await readLinks(client, db, start.position)) {
    if (link.position > last.position) return null;
    const problem = problemOf(db.auditKeys, before, link, unsignedUpTo);
    if (problem) return problem;
    before = link;
  }
  return null;
}
