import { escapeLiteral, type Pool } from 'pg';
import type { Database } from '../db/database.ts';
import {
  type Checkpoint,
  chainStart,
  checkpointText,
  isWritten,
  readCheckpoint,
  type Seal,
  type StoredEntry,
  sealedText,
  storedColumns,
} from './seal.ts';

/** Links looked at in one statement. */
const pageLength = 5_000;

/** What has been looked through, and what is wrong with it. */
export interface Verified {
  /** Entries that are sealed as they should be, up to the first that is not. */
  readonly sound: number;
  /** Entries that wait for their seal. */
  readonly unsealed: number;
  /** Launches that the database itself wrote, which nobody signs. */
  readonly unsigned: number;
  /** The last of the chain. */
  readonly head: Seal;
  /** Up to which entries have been forgotten, as they may be. */
  readonly checkpoint: Checkpoint | null;
  /** The first that is wrong, in a sentence; null: nothing is. */
  readonly problem: string | null;
}

interface ChainLink {
  position: number;
  hash: string;
  sealedMicros: string;
  key: string;
  entryId: number;
  /** Null: it is not there any more. */
  entry: StoredEntry | null;
}

/**
 * Looks through the whole chain. `head`, a hash that was noted before, must be in it: cut off, or
 * set back to what it was, the rest may be sound by itself.
 */
export async function verifyAudit(db: Database, head: string | null = null): Promise<Verified> {
  const { pages: pool } = db;
  const checkpoint = await readCheckpoint(pool, db);
  const start: Seal = checkpoint ?? chainStart;
  const unsignedUpTo = checkpoint?.entryId ?? 0;
  let before = start;
  let sound = 0;
  let isHeadSeen = head === null || head === start.hash;
  const unsigned = await countUnsigned(pool, db);
  const end = async (problem: string | null): Promise<Verified> => ({
    sound,
    unsealed: await countUnsealed(pool, db),
    unsigned,
    head: before,
    checkpoint,
    problem,
  });
  if (db.auditKeys.name === null)
    return end('There is no secret to verify with: set BULKHEAD_AUDIT_SECRETS.');
  if (
    checkpoint &&
    !db.auditKeys.isSigned(checkpointText(checkpoint, checkpoint.atMicros), checkpoint.mark)
  )
    return end(
      `The checkpoint at ${said(checkpoint.position)} was made by somebody else, or with a secret that is not among BULKHEAD_AUDIT_SECRETS: where the chain begins is not known.`,
    );
  const odd = await findOddLaunch(pool, db);
  if (odd) return end(`${entryText(odd)} tells of task ${odd.taskId}, which was not launched so.`);
  const twice = await findTwice(pool, db);
  if (twice) return end(`${entryText(twice)} was copied from another: both have the same nonce.`);
  for (;;) {
    const links = await readLinks(pool, db, before.position);
    for (const link of links) {
      const problem = problemOf(db, before, link, unsignedUpTo);
      if (problem) return end(problem);
      before = { position: link.position, hash: link.hash };
      isHeadSeen ||= head === link.hash;
      sound += 1;
    }
    if (links.length < pageLength) break;
  }
  const forged = await findForged(pool, db, unsignedUpTo);
  if (forged) return end(notWritten(forged));
  if (!isHeadSeen)
    return end(
      `The head ${head} is not in the chain, which ends at seal ${said(before.position)}: what came last was cut off, or an earlier state of the tables was restored.`,
    );
  return end(null);
}

function problemOf(
  { auditKeys }: Database,
  before: Seal,
  link: ChainLink,
  unsignedUpTo: number,
): string | null {
  const wanted = before.position + 1;
  if (link.position !== wanted)
    return `Seal ${said(wanted)} is gone: after ${said(before.position)} comes ${said(link.position)}.`;
  const { entry } = link;
  if (!entry) return `Entry ${link.entryId}, which seal ${said(link.position)} is of, was deleted.`;
  if (!auditKeys.knows(link.key))
    return `Seal ${said(link.position)} was made with a secret that is not among BULKHEAD_AUDIT_SECRETS.`;
  if (!auditKeys.isSigned(sealedText(before, link.sealedMicros, link.key, entry), link.hash))
    return `${entryText(entry)} is not as it was when seal ${said(link.position)} was made: the entry, or its seal, was changed.`;
  return isWritten(auditKeys, entry, unsignedUpTo) ? null : notWritten(entry);
}

async function readLinks(
  pool: Pool,
  { t }: Pick<Database, 't'>,
  after: number,
): Promise<ChainLink[]> {
  const { rows } = await pool.query<
    Omit<ChainLink, 'entry'> & { [Column in keyof StoredEntry]: StoredEntry[Column] | null }
  >(
    `select seal.position::float8 as position, seal.hash, (extract(epoch from seal.sealed_at) * 1000000)::bigint::text as "sealedMicros", seal.key, seal.entry_id::float8 as "entryId", ${storedColumns}
     from ${t.audit_seal} seal left join ${t.audit_entry} entry on entry.id = seal.entry_id
     where seal.position > $1 order by seal.position limit ${pageLength}`,
    [after],
  );
  return rows.map(({ position, hash, sealedMicros, key, entryId, ...entry }) => ({
    position,
    hash,
    sealedMicros,
    key,
    entryId,
    entry: entry.id === null ? null : (entry as StoredEntry),
  }));
}

/** An entry that waits for its seal and that nobody could have written who has no secret. */
async function findForged(
  pool: Pool,
  db: Database,
  unsignedUpTo: number,
): Promise<StoredEntry | null> {
  for (let after = 0; ; ) {
    const { rows } = await pool.query<StoredEntry>(
      `select ${storedColumns} from ${db.t.audit_entry} entry
       where entry.id > $1 and not exists (select from ${db.t.audit_seal} where entry_id = entry.id) order by entry.id limit ${pageLength}`,
      [after],
    );
    const found = rows.find((entry) => !isWritten(db.auditKeys, entry, unsignedUpTo));
    if (found) return found;
    if (rows.length < pageLength) return null;
    after = rows.at(-1)?.id ?? 0;
  }
}

async function findTwice(pool: Pool, { t }: Database): Promise<StoredEntry | null> {
  const { rows } = await pool.query<StoredEntry>(
    `select ${storedColumns} from ${t.audit_entry} entry
     where entry.id in (select max(id) from ${t.audit_entry} group by nonce having count(*) > 1 and nonce is not null) order by entry.id limit 1`,
  );
  return rows[0] ?? null;
}

/** An unsigned launch of a task that another launched, or that there never was. */
async function findOddLaunch(pool: Pool, { t }: Database): Promise<StoredEntry | null> {
  const { rows } = await pool.query<StoredEntry>(
    `select ${storedColumns} from ${t.audit_entry} entry left join ${t.task} task on task.id = entry.task_id
     where entry.mark is null and entry.task_id is not null and (task.principal_id <> entry.principal_id
       or entry.task_id > coalesce(pg_sequence_last_value(pg_get_serial_sequence(${escapeLiteral(t.task)}, 'id')), 0)) order by entry.id limit 1`,
  );
  return rows[0] ?? null;
}

async function countUnsealed(pool: Pool, { t }: Database): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from ${t.audit_entry} entry where not exists (select from ${t.audit_seal} where entry_id = entry.id)`,
  );
  return rows[0]?.count ?? 0;
}

async function countUnsigned(pool: Pool, { t }: Database): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from ${t.audit_entry} where mark is null`,
  );
  return rows[0]?.count ?? 0;
}

function notWritten(entry: StoredEntry): string {
  const why =
    entry.mark === null
      ? 'nobody signed it, so a process without BULKHEAD_AUDIT_SECRETS wrote it, or somebody else'
      : 'its mark is wrong';
  return `${entryText(entry)} was not written by Bulkhead: ${why}.`;
}

function entryText({ id, act, principalName, atMicros }: StoredEntry): string {
  const at = new Date(Number(atMicros) / 1_000).toISOString();
  return `Entry ${id} (${act}${principalName === null ? '' : ` by ${principalName}`}, ${at})`;
}

const said = (number: number) => number.toLocaleString('en');
