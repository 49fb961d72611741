import type { Pool } from 'pg';
import type { Database } from '../db/database.ts';
import type { TableNames } from '../db/names.ts';
import { takeTurn } from '../db/take-turn.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import { AppError } from '../errors.ts';
import {
  chainStart,
  findHead,
  isWritten,
  keepCheckpoint,
  microsNow,
  readCheckpoint,
  type Seal,
  type StoredEntry,
  sealedText,
  storedColumns,
} from './seal.ts';

/** Sealed in one transaction. */
const maxEntries = 1_000;
/** How often what committed late, behind others, is looked for, and how far back; at first all. */
const lateEveryMs = 60_000;
const lateHours = 24;
const allHours = 1_000_000;

/** An entry with its place in the chain. */
export interface SealedEntry extends StoredEntry, Seal {
  /** False: nobody who knows a secret wrote it. */
  readonly isWritten: boolean;
}

/**
 * Seals entries that have committed, some at a time: gives those, in the order of the chain. Of
 * several processes one is at it; the others are given none.
 */
export function sealer(db: Database): (pool: Pool) => Promise<SealedEntry[]> {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return async (pool) => {
    const isLate = Date.now() - lookedAt > lateEveryMs;
    if (!isLate && !(await hasFresh(pool, db))) return [];
    const hours = isLate ? (Number.isFinite(lookedAt) ? lateHours : allHours) : null;
    const sealed = await transaction(pool, (client) => sealNext(client, db, hours));
    if (sealed === 'other-secret') {
      // Said once a minute.
      if (!isLate) return [];
      lookedAt = Date.now();
      throw new AppError('other-secret', 500, otherSecret);
    }
    if (sealed && isLate && sealed.length < maxEntries) lookedAt = Date.now();
    return sealed ?? [];
  };
}

async function hasFresh(pool: Pool, { t }: Database): Promise<boolean> {
  const { rows } = await pool.query<{ isThere: boolean }>(
    `select exists (select from ${t.audit_entry} entry where ${isFresh(t)}) as "isThere"`,
  );
  return rows[0]?.isThere ?? false;
}

/** SQL: is `entry` behind none that is sealed? */
function isFresh(t: TableNames): string {
  return `entry.id > coalesce((select max(entry_id) from ${t.audit_seal}), 0)`;
}

const otherSecret =
  'The audit has been sealed with a secret that is not among BULKHEAD_AUDIT_SECRETS: nothing is sealed until it is.';

/** Null: somebody else is at it. */
async function sealNext(
  client: Queryable,
  { t, auditKeys }: Database,
  lateHours: number | null,
): Promise<SealedEntry[] | 'other-secret' | null> {
  if (!(await takeTurn(client, 'sealing', t.audit_seal))) return null;
  // In a statement of its own: what whoever was before us sealed is seen.
  const { rows } = await client.query<StoredEntry>(
    `select ${storedColumns} from ${t.audit_entry} entry
     where ${lateHours === null ? isFresh(t) : `at > now() - make_interval(hours => ${lateHours}) and not exists (select from ${t.audit_seal} where entry_id = entry.id)`}
     order by entry.id limit ${maxEntries}`,
  );
  if (rows.length === 0) return [];
  const micros = await microsNow(client);
  const key = auditKeys.name;
  if (key === null) return [];
  if (!(await knowsLast(client, { t, auditKeys }))) return 'other-secret';
  let before: Seal = await findHead(client, { t });
  if (before === chainStart)
    await keepCheckpoint(
      client,
      { t, auditKeys },
      { ...before, entryId: await lastEntry(client, t) },
    );
  const unsignedUpTo = (await readCheckpoint(client, { t }))?.entryId ?? 0;
  const sealed: SealedEntry[] = [];
  for (const entry of rows) {
    const hash = auditKeys.sign(sealedText(before, micros, key, entry)) ?? '';
    before = { position: before.position + 1, hash };
    sealed.push({ ...entry, ...before, isWritten: isWritten(auditKeys, entry, unsignedUpTo) });
  }
  await client.query(
    `insert into ${t.audit_seal} (position, entry_id, sealed_at, key, hash)
     select position, entry_id, to_timestamp(0) + $3::bigint * interval '1 microsecond', $5, hash from unnest($1::bigint[], $2::bigint[], $4::text[]) as given(position, entry_id, hash)`,
    [
      sealed.map(({ position }) => position),
      sealed.map(({ id }) => id),
      micros,
      sealed.map(({ hash }) => hash),
      key,
    ],
  );
  return sealed;
}

/** What nobody signed, though somebody would have, is from before there was a secret. */
async function lastEntry(client: Queryable, t: TableNames): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `select coalesce(max(id), 0)::float8 as id from ${t.audit_entry} where mark is null and (act <> 'task-launched' or origin not in ('sql', 'task'))`,
  );
  return rows[0]?.id ?? 0;
}

/** Is the chain so far of a secret of ours? */
async function knowsLast(
  client: Queryable,
  { t, auditKeys }: Pick<Database, 't' | 'auditKeys'>,
): Promise<boolean> {
  const { rows } = await client.query<{ key: string }>(
    `select key from ${t.audit_seal} order by position desc limit 1`,
  );
  return rows[0] === undefined || auditKeys.knows(rows[0].key);
}
