import { empty, join, query, raw, type Sql, sql } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';
import type { AuditAct } from './acts.ts';
import type { Audited, SignedEntry } from './entry.ts';

/** An entry for whoever looks after the installation. */
export interface ListedEntry extends Omit<SignedEntry, 'act' | 'details' | 'nonce'> {
  readonly id: number;
  readonly at: Date;
  readonly act: AuditAct;
  readonly taskId: number | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** Its place in the chain; null: it waits for one. */
  readonly seal: number | null;
}

/** What is looked for; what is left out is any. */
export interface EntrySearch {
  readonly act?: AuditAct;
  /** The whole name, in whatever case. */
  readonly person?: string;
  /** Whole. */
  readonly originName?: string;
  readonly resource?: string;
  /** With a resource. */
  readonly record?: string;
  readonly taskId?: number;
  readonly from?: Date;
  readonly until?: Date;
}

/** The latest first, from before an id; one statement. */
export async function listEntries(
  client: Queryable,
  { t }: Pick<Audited, 't'>,
  search: EntrySearch,
  { before, limit }: { before: number | null; limit: number },
): Promise<ListedEntry[]> {
  const { act, person, originName, resource, record, taskId, from, until } = search;
  const conditions: (Sql | undefined | null | false)[] = [
    before !== null && sql`entry.id < ${before}`,
    act && sql`act = ${act}`,
    person !== undefined && sql`lower(principal_name) = lower(${person})`,
    originName !== undefined && sql`origin_name = ${originName}`,
    resource !== undefined && sql`resource = ${resource}`,
    record !== undefined && sql`record = ${record}`,
    taskId !== undefined && sql`task_id = ${taskId}`,
    from && sql`at >= ${from}`,
    until && sql`at < ${until}`,
  ];
  const wanted = conditions.filter((one) => one !== false && one !== null && one !== undefined);
  const where = wanted.length === 0 ? empty : sql`where ${join(wanted, ' and ')}`;
  const { rows } = await query<ListedEntry>(
    client,
    sql`select entry.id::float8 as id, at, act, principal_id as "principalId", principal_name as "principalName", origin, origin_name as "originName",
       agent, resource, record, task_id as "taskId", details, seal.position::float8 as seal
     from ${raw(t.audit_entry)} entry left join ${raw(t.audit_seal)} seal on seal.entry_id = entry.id
     ${where} order by entry.id desc limit ${limit}`,
  );
  return rows;
}
