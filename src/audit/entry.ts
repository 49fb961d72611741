import { randomUUID } from 'node:crypto';
import type { AuditKeys } from '../audit-keys.ts';
import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';
import type { AuditAct } from './acts.ts';
import { originNow } from './origin.ts';

/** Characters of a text that comes from outside, such as a browser's name. */
const maxText = 300;

/** What was done, and by whom. From where is known: `withOrigin`. */
export interface AuditEntry {
  readonly act: AuditAct;
  /** Null: nobody is known. */
  readonly by: { readonly id: string; readonly name: string } | null;
  /** Slug of the resource, and key of its record. */
  readonly resource?: string | null;
  readonly record?: string | null;
  readonly taskId?: number | null;
  /** Plain JSON. No values of records, and no secrets: who reads entries may not see those. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Where entries are, and what signs them: the database, or a transaction of the caller's. */
export interface Audited {
  readonly t: TableNames;
  readonly auditKeys: AuditKeys;
}

/** An entry as Bulkhead signs it, before its id, time and task are known. */
export interface SignedEntry {
  readonly act: string;
  readonly principalId: string | null;
  readonly principalName: string | null;
  readonly origin: string;
  readonly originName: string | null;
  readonly agent: string | null;
  readonly resource: string | null;
  readonly record: string | null;
  /** JSON. */
  readonly details: string;
  readonly nonce: string;
}

/** What is signed of it. Nobody who has no secret can write another like it. */
export function signedText(entry: SignedEntry): string {
  const { act, principalId, principalName, origin, originName, agent } = entry;
  const { resource, record, details, nonce } = entry;
  return JSON.stringify([
    'entry',
    nonce,
    act,
    principalId,
    principalName,
    origin,
    originName,
    agent,
    resource,
    record,
    details,
  ]);
}

function cut(text: string | null | undefined): string | null {
  // A lone half of a pair, as a header may have, is nothing that a database takes.
  return text === null || text === undefined
    ? null
    : text.slice(0, maxText).toWellFormed().replaceAll('\0', '');
}

/** An entry as JSON, for a statement that reads it by `entryColumns`. */
export function entryJson({ auditKeys }: Audited, entry: AuditEntry): string {
  const origin = originNow();
  const signed: SignedEntry = {
    act: entry.act,
    principalId: cut(entry.by?.id),
    principalName: cut(entry.by?.name),
    origin: origin.kind,
    originName: cut(origin.name),
    agent: cut(origin.agent),
    resource: entry.resource ?? null,
    record: entry.record ?? null,
    details: JSON.stringify(entry.details ?? {}),
    nonce: randomUUID(),
  };
  const mark = auditKeys.sign(signedText(signed));
  return JSON.stringify({ ...signed, taskId: entry.taskId ?? null, mark });
}

/**
 * SQL: the insert of entries, each JSON as `entryJson` makes it, a column `entry` of `from`. The
 * task is that of the JSON unless another expression says it.
 */
export function insertEntriesSql(t: TableNames, from: string, taskId = 'of."taskId"'): string {
  return `insert into ${t.audit_entry} (act, principal_id, principal_name, origin, origin_name, agent, resource, record, details, nonce, mark, task_id)
     select of.act, of."principalId", of."principalName", of.origin, of."originName", of.agent, of.resource, of.record, of.details::json, of.nonce, of.mark, ${taskId}
     from ${from} cross join json_to_record(entry::json) as of(act text, "principalId" text, "principalName" text, origin text, "originName" text, agent text,
       resource text, record text, details text, nonce uuid, mark text, "taskId" int)`;
}

/** In the transaction of what it says. */
export async function writeEntry(
  client: Queryable,
  audited: Audited,
  entry: AuditEntry,
): Promise<void> {
  await client.query(insertEntriesSql(audited.t, '(select $1::text as entry) given'), [
    entryJson(audited, entry),
  ]);
}
