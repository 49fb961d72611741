import { raw, type Sql, shared, sql } from '../../db/sql.ts';
import type { KeySet } from '../../metadata/key-sql.ts';
import type { ApplyTarget } from '../contract.ts';
import type { JournalKind } from '../journal-kind.ts';
import type { CascadedModel } from './recreate-sql.ts';

/** What one task did to records, in one way: which kind of change, of which fields. */
export interface Shape {
  kind: JournalKind;
  fields: readonly string[];
}

export interface Undoing {
  taskId: number;
  /** It changed records one by one, some of them more than once: all that it did to one is one change. */
  isOfRun?: boolean;
  /** Columns that can be inserted into, quoted: not the generated ones. */
  columns: readonly string[];
  /** The cascade of deleted records, which comes back with them. */
  along?: readonly CascadedModel[];
}

/**
 * Condition: a row of `change` may have images of the keys that are to be taken back. Entries of one
 * chunk may overlap, chunks do not: none of these keys begins before the chunk of the first key.
 */
export function entriesOfKeys(
  { resource: { model }, t }: Pick<ApplyTarget, 'resource' | 't'>,
  { taskId }: Undoing,
  { kind, fields }: Shape,
  keys: KeySet,
): Sql {
  const task = shared(sql`${taskId}::int`);
  return sql`change.task_id = ${task} and change.model = ${model.name} and change.kind = ${kind} and change.fields = ${[...fields]}::text[]
        and change.first_key >= coalesce((select max(first_key) from ${raw(t.chunk)} where task_id = ${task} and first_key <= ${keys.first}), '')
        and change.first_key <= ${keys.last}`;
}
