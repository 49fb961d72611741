import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { JournalKind } from '../journal-kind.ts';

/** What somebody did to one record by a form. */
export interface MyChange {
  readonly id: string;
  readonly kind: JournalKind;
  readonly at: Date;
  readonly model: string;
  /** Slug of the resource by which it was done. */
  readonly resource: string;
  readonly key: string;
  /** Names of the model's fields that were written. */
  readonly fields: readonly string[];
  readonly reason: string | null;
}

/** Newest first, one page of them; `olderThan` is the last, where there are more. One statement. */
export async function listMyChanges(
  { pages, t }: Database,
  principal: Principal,
  { before, size }: { before: string | null; size: number },
): Promise<{ changes: MyChange[]; olderThan: string | null }> {
  const { rows } = await query<MyChange>(
    pages,
    sql`select c.id::text as id, kind, at, model, resource, keys[1] as key, fields, change_reason as reason from ${raw(t.change)} c
     where principal_id = ${principal.id} and task_id is null and along_with is null and (${before}::bigint is null or c.id < ${before}::bigint)
     order by c.id desc limit ${size + 1}`,
  );
  const changes = rows.slice(0, size);
  return { changes, olderThan: rows.length > size ? (changes.at(-1)?.id ?? null) : null };
}
