import type { AuditKeys } from '../audit-keys.ts';
import type { Queryable } from '../db/transaction.ts';
import type { Audited } from './entry.ts';
import { type SignedEntry, signedText } from './entry.ts';

/** An entry as it stands in its table. */
export interface StoredEntry extends SignedEntry {
  readonly id: number;
  /** Microseconds since 1970, as text: no digit is lost. */
  readonly atMicros: string;
  readonly taskId: number | null;
  /** Null: the database itself wrote it. */
  readonly mark: string | null;
}

/** SQL: microseconds since 1970, as text. */
export const microsSql = (time: string) => `(extract(epoch from ${time}) * 1000000)::bigint::text`;

/** What is read of it, from `entry`. */
export const storedColumns = `entry.id::float8 as id, ${microsSql('entry.at')} as "atMicros", entry.act, entry.principal_id as "principalId",
  entry.principal_name as "principalName", entry.origin, entry.origin_name as "originName", entry.agent, entry.resource, entry.record, entry.task_id as "taskId",
  entry.details::text as details, coalesce(entry.nonce::text, '') as nonce, entry.mark`;

/** A place in the chain. */
export interface Seal {
  readonly position: number;
  readonly hash: string;
}

export const chainStart: Seal = { position: 0, hash: '' };

/** What a seal signs: the one before it, when it was made, and all of the entry. */
export function sealedText(
  before: Seal,
  sealedMicros: string,
  key: string,
  entry: StoredEntry,
): string {
  const { id, atMicros, taskId, mark } = entry;
  return JSON.stringify([
    'seal',
    before.position + 1,
    before.hash,
    sealedMicros,
    key,
    id,
    atMicros,
    taskId,
    mark,
    signedText(entry),
  ]);
}

/** Where the chain begins. */
export interface Checkpoint extends Seal {
  /** Entries up to this one may be unsigned: there was no secret before. */
  readonly entryId: number;
}

/** What a checkpoint signs. */
export function checkpointText({ position, hash, entryId }: Checkpoint, atMicros: string): string {
  return JSON.stringify(['checkpoint', position, hash, entryId, atMicros]);
}

/** Keeps a signed checkpoint, where there is a secret to sign it with. */
export async function keepCheckpoint(
  client: Queryable,
  { t, auditKeys }: Audited,
  checkpoint: Checkpoint,
): Promise<void> {
  const micros = await microsNow(client);
  const mark = auditKeys.sign(checkpointText(checkpoint, micros));
  if (mark === null) return;
  const { position, hash, entryId } = checkpoint;
  await client.query(
    `insert into ${t.audit_checkpoint} (position, hash, entry_id, at, mark) values ($1, $2, $3, to_timestamp(0) + $4::bigint * interval '1 microsecond', $5)`,
    [position, hash, entryId, micros, mark],
  );
}

/** Microseconds since 1970 by the database's clock. */
export async function microsNow(client: Queryable): Promise<string> {
  const { rows } = await client.query<{ micros: string }>(
    `select ${microsSql('clock_timestamp()')} as micros`,
  );
  return rows[0]?.micros ?? '';
}

/** The last of the chain; what it begins after, where nothing is kept. */
export async function findHead(client: Queryable, { t }: Pick<Audited, 't'>): Promise<Seal> {
  const { rows } = await client.query<Seal>(
    `(select position::float8 as position, hash from ${t.audit_seal} order by audit_seal.position desc limit 1)
     union all (select position::float8, hash from ${t.audit_checkpoint} order by audit_checkpoint.position desc limit 1)
     order by position desc limit 1`,
  );
  return rows[0] ?? chainStart;
}

/** The last that was kept, whoever made it. */
export async function readCheckpoint(
  client: Queryable,
  { t }: Pick<Audited, 't'>,
): Promise<(Checkpoint & { atMicros: string; mark: string }) | null> {
  const { rows } = await client.query<Checkpoint & { atMicros: string; mark: string }>(
    `select position::float8 as position, hash, entry_id::float8 as "entryId", ${microsSql('at')} as "atMicros", mark
     from ${t.audit_checkpoint} order by audit_checkpoint.position desc limit 1`,
  );
  return rows[0] ?? null;
}

/** A launch by SQL, or by the end of another task, is written by the database, and unsigned. */
function isUnsigned({ act, origin, mark, taskId, principalId }: StoredEntry): boolean {
  return (
    mark === null &&
    act === 'task-launched' &&
    taskId !== null &&
    (origin === 'task' || (origin === 'sql' && principalId === 'system:sql'))
  );
}

export function isWritten(keys: AuditKeys, entry: StoredEntry, unsignedUpTo = 0): boolean {
  if (entry.mark === null) return entry.id <= unsignedUpTo || isUnsigned(entry);
  return keys.isSigned(signedText(entry), entry.mark);
}
