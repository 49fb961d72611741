import { escapeLiteral } from 'pg';
import type { Database } from '../db/database.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import {
  entryText,
  notWritten,
  pageLength,
  problemOf,
  readBegin,
  readLinks,
  said,
} from './chain.ts';
import { type Checkpoint, isWritten, type Seal, type StoredEntry, storedColumns } from './seal.ts';

/** What has been looked through, and what is wrong with it. */
export interface Verified {
  /** Entries that are sealed as they should be, up to the first that is not. */
  readonly sound: number;
  /** Entries that wait for their seal. */
  readonly unsealed: number;
  /** Launches that the database itself wrote, which nobody signs. */
  readonly unsigned: number;
  /** Entries from before there was a secret. */
  readonly early: number;
  /** The last of the chain. */
  readonly head: Seal;
  /** Up to which entries have been forgotten, as they may be. */
  readonly checkpoint: Checkpoint | null;
  /** The first that is wrong, in a sentence; null: nothing is. */
  readonly problem: string | null;
}

/**
 * Looks through the whole chain, as it is at one moment. `head`, a hash that was noted before, must
 * be in it: cut off, or set back to what it was, the rest may be sound by itself.
 */
export function verifyAudit(db: Database, head: string | null = null): Promise<Verified> {
  return transaction(db.pages, (client) => verifyWithin(client, db, head), {
    first: ['set transaction isolation level repeatable read read only'],
    waitsForNobody: true,
  });
}

async function verifyWithin(
  client: Queryable,
  db: Database,
  head: string | null,
): Promise<Verified> {
  const { checkpoint, start, unsignedUpTo, problem: wrongBegin } = await readBegin(client, db);
  let before = start;
  let sound = 0;
  let isHeadSeen = head === null || head === start.hash;
  const counts = await countOthers(client, db, unsignedUpTo);
  const end = (problem: string | null): Verified => ({
    sound,
    ...counts,
    head: before,
    checkpoint,
    problem,
  });
  if (db.auditKeys.name === null)
    return end('There is no secret to verify with: set BULKHEAD_AUDIT_SECRETS.');
  if (wrongBegin) return end(wrongBegin);
  const odd = await findOddLaunch(client, db, unsignedUpTo);
  if (odd) return end(`${entryText(odd)} tells of task ${odd.taskId}, which was not launched so.`);
  const twice = await findTwice(client, db);
  if (twice) return end(`${entryText(twice)} was copied from another: both have the same nonce.`);
  const outside = await findOutside(client, db, start);
  if (outside !== null)
    return end(
      `Seal ${said(outside)} was not made by Bulkhead: the chain begins after ${said(start.position)}.`,
    );
  for (;;) {
    const links = await readLinks(client, db, before.position);
    for (const link of links) {
      const problem = problemOf(db.auditKeys, before, link, unsignedUpTo);
      if (problem) return end(problem);
      before = { position: link.position, hash: link.hash };
      isHeadSeen ||= head === link.hash;
      sound += 1;
    }
    if (links.length < pageLength) break;
  }
  const forged = await findForged(client, db, unsignedUpTo);
  if (forged) return end(notWritten(forged));
  if (!isHeadSeen) return end(noHead(head, before, start));
  const unkept = await findUnkept(client, db);
  return end(
    unkept && `Nothing refuses changes of ${unkept}: a trigger of it is not there, or off.`,
  );
}

function noHead(head: string | null, last: Seal, start: Seal): string {
  const forgotten =
    start.position > 0
      ? `, unless it is of an entry that has been forgotten, up to seal ${said(start.position)}`
      : '';
  return `The head ${head} is not in the chain, which ends at seal ${said(last.position)}: what came last was cut off, or an earlier state of the tables was restored${forgotten}.`;
}

/** A seal from before the chain begins: what it is of would wait for none, and be in no link. */
async function findOutside(
  client: Queryable,
  { t }: Database,
  { position }: Seal,
): Promise<number | null> {
  const { rows } = await client.query<{ position: number }>(
    `select position::float8 as position from ${t.audit_seal} where audit_seal.position <= $1 order by audit_seal.position limit 1`,
    [position],
  );
  return rows[0]?.position ?? null;
}

/** A table whose rows somebody could change as any other's. */
async function findUnkept(client: Queryable, { t }: Database): Promise<string | null> {
  const { rows } = await client.query<{ name: string }>(
    `select given.name from unnest($1::text[]) with ordinality given(name, nth)
     where (select count(*) from pg_trigger where tgrelid = given.name::regclass and tgname ~ '_kept(_whole)?$' and tgenabled in ('O', 'A')) < 2 order by nth limit 1`,
    [[t.audit_entry, t.audit_seal, t.audit_checkpoint]],
  );
  return rows[0]?.name ?? null;
}

/** An entry that waits for its seal and that nobody could have written who has no secret. */
async function findForged(
  client: Queryable,
  db: Database,
  unsignedUpTo: number,
): Promise<StoredEntry | null> {
  for (let after = 0; ; ) {
    const { rows } = await client.query<StoredEntry>(
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

async function findTwice(client: Queryable, { t }: Database): Promise<StoredEntry | null> {
  const { rows } = await client.query<StoredEntry>(
    `select ${storedColumns} from ${t.audit_entry} entry
     where entry.id in (select max(id) from ${t.audit_entry} group by nonce having count(*) > 1 and nonce is not null) order by entry.id limit 1`,
  );
  return rows[0] ?? null;
}

/** An unsigned launch of a task that another launched, that there never was, or that has an entry. */
async function findOddLaunch(
  client: Queryable,
  { t }: Database,
  unsignedUpTo: number,
): Promise<StoredEntry | null> {
  const { rows } = await client.query<StoredEntry>(
    `select ${storedColumns} from ${t.audit_entry} entry left join ${t.task} task on task.id = entry.task_id
     where entry.mark is null and entry.act = 'task-launched' and entry.id > $1 and entry.task_id is not null and (task.principal_id <> entry.principal_id
       or entry.task_id > coalesce(pg_sequence_last_value(pg_get_serial_sequence(${escapeLiteral(t.task)}, 'id')), 0)
       or exists (select from ${t.audit_entry} other where other.task_id = entry.task_id and other.act = entry.act and other.id <> entry.id)) order by entry.id limit 1`,
    [unsignedUpTo],
  );
  return rows[0] ?? null;
}

async function countOthers(
  client: Queryable,
  { t }: Database,
  unsignedUpTo: number,
): Promise<Pick<Verified, 'unsealed' | 'unsigned' | 'early'>> {
  const { rows } = await client.query<Pick<Verified, 'unsealed' | 'unsigned' | 'early'>>(
    `select (count(*) filter (where not exists (select from ${t.audit_seal} where entry_id = entry.id)))::int as unsealed,
       (count(*) filter (where mark is null and entry.id > $1))::int as unsigned, (count(*) filter (where mark is null and entry.id <= $1))::int as early
     from ${t.audit_entry} entry`,
    [unsignedUpTo],
  );
  return rows[0] ?? { unsealed: 0, unsigned: 0, early: 0 };
}
