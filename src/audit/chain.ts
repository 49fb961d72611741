import type { AuditKeys } from '../audit-keys.ts';
import type { Queryable } from '../db/transaction.ts';
import type { Audited } from './entry.ts';
import {
  type Checkpoint,
  chainStart,
  checkpointText,
  isWritten,
  microsSql,
  readCheckpoint,
  type Seal,
  type StoredEntry,
  sealedText,
  storedColumns,
} from './seal.ts';

/** Links looked at in one statement. */
export const pageLength = 5_000;

/** A seal, with what it is of. */
export interface ChainLink {
  position: number;
  hash: string;
  sealedMicros: string;
  key: string;
  entryId: number;
  /** Null: it is not there any more. */
  entry: StoredEntry | null;
}

/** Where the chain begins. */
export interface ChainBegin {
  readonly checkpoint: Checkpoint | null;
  readonly start: Seal;
  /** Entries up to this one may be unsigned: there was no secret before. */
  readonly unsignedUpTo: number;
  /** Null: nothing is wrong with it. */
  readonly problem: string | null;
}

export async function readBegin(client: Queryable, audited: Audited): Promise<ChainBegin> {
  const checkpoint = await readCheckpoint(client, audited);
  const begin = {
    checkpoint,
    start: checkpoint ?? chainStart,
    unsignedUpTo: checkpoint?.entryId ?? 0,
    problem: null,
  };
  if (
    !checkpoint ||
    audited.auditKeys.isSigned(checkpointText(checkpoint, checkpoint.atMicros), checkpoint.mark)
  )
    return begin;
  const problem = `The checkpoint at ${said(checkpoint.position)} was made by somebody else, or with a secret that is not among BULKHEAD_AUDIT_SECRETS: where the chain begins is not known.`;
  return { ...begin, problem };
}

/** What is wrong with the link after another; null: nothing is. */
export function problemOf(
  auditKeys: AuditKeys,
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

/** Those after a place in the chain. */
export async function readLinks(
  client: Queryable,
  { t }: Pick<Audited, 't'>,
  after: number,
): Promise<ChainLink[]> {
  const { rows } = await client.query<
    Omit<ChainLink, 'entry'> & { [Column in keyof StoredEntry]: StoredEntry[Column] | null }
  >(
    `select seal.position::float8 as position, seal.hash, ${microsSql('seal.sealed_at')} as "sealedMicros", seal.key, seal.entry_id::float8 as "entryId", ${storedColumns}
     from ${t.audit_seal} seal left join ${t.audit_entry} entry on entry.id = seal.entry_id
     where seal.position > $1 order by seal.position fetch first ${pageLength} rows with ties`,
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

export function notWritten(entry: StoredEntry): string {
  const why =
    entry.mark === null
      ? 'nobody signed it, so a process without BULKHEAD_AUDIT_SECRETS wrote it, or somebody else'
      : 'its mark is wrong';
  return `${entryText(entry)} was not written by Bulkhead: ${why}.`;
}

export function entryText({ id, act, principalName, atMicros }: StoredEntry): string {
  const at = new Date(Number(atMicros) / 1_000).toISOString();
  return `Entry ${id} (${act}${principalName === null ? '' : ` by ${principalName.replace(/\p{Cc}/gu, ' ')}`}, ${at})`;
}

export const said = (number: number) => number.toLocaleString('en');
