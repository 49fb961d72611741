import type { TableNames } from '../../db/names.ts';
import { queryPrepared } from '../../db/prepared.ts';
import type { Queryable } from '../../db/transaction.ts';

export interface Claimed {
  number: number;
  keys: readonly string[];
  /** Chunks that were added by cutting this one. */
  added: number;
}

/** A rest of less than this share of the piece is not worth a transaction. */
const minShare = 0.25;

/**
 * Takes the next chunk that nobody is at. One that is larger than the pace is cut in two: the first
 * piece is taken, the rest is there for whoever comes next, at their own pace, once this
 * transaction commits. The keys that are not taken stay in the database, and those that are come as
 * JSON, which is read many times faster than an array of PostgreSQL's.
 */
export async function claimChunk(
  client: Queryable,
  t: TableNames,
  taskId: number,
  max: number,
): Promise<Claimed | null> {
  const { rows } = await queryPrepared<Claimed>(client, {
    text: `with next as (
       select number, keys from ${t.chunk} where task_id = $1 and state = 'active' order by first_key limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) > $2::int * ${1 + minShare}
     ), first as (
       update ${t.chunk} chunk set keys = cut.keys[1:$2], last_key = cut.keys[$2] from cut where chunk.task_id = $1 and chunk.number = cut.number
     ), rest as (
       insert into ${t.chunk} (task_id, number, state, keys, first_key, last_key)
       select $1, number + $2, 'active', keys[$2 + 1:], keys[$2 + 1], keys[cardinality(keys)] from cut
     )
     select next.number, to_json(coalesce(cut.keys[1:$2], next.keys)) as keys, (cut.number is not null)::int as added
     from next left join cut using (number)`,
    values: [taskId, max],
  });
  return rows[0] ?? null;
}
