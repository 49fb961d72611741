import type { Queryable } from '../db/transaction.ts';
import type { TableNames } from '../db/names.ts';

export interface Claimed {
  number: number;
  keys: readonly string[];
  /** Chunks that were added by cutting this one. */
  added: number;
}

/** A rest of less than this share of the piece is not worth a transaction. */
const leastShare = 0.25;

/**
 * Takes the next chunk that nobody is at. One that is larger than the pace is cut in two: the first piece is taken, the
 * rest is there for whoever comes next, at their own pace, once this transaction commits.
 */
export async function claimChunk(client: Queryable, t: TableNames, taskId: number, most: number): Promise<Claimed | null> {
  const { rows } = await client.query<{ number: number; keys: string[] }>(
    `select number, keys from ${t.chunk} where task_id = $1 and state = 'active'
     order by first_key limit 1 for update skip locked`,
    [taskId],
  );
  const [chunk] = rows;
  if (!chunk) return null;
  if (chunk.keys.length <= most * (1 + leastShare)) return { ...chunk, added: 0 };
  await client.query(
    `with first as (
       update ${t.chunk} set keys = ($3::text[])[1:$4], last_key = ($3::text[])[$4] where task_id = $1 and number = $2
     )
     insert into ${t.chunk} (task_id, number, state, keys, first_key, last_key)
     select $1, $2::int + $4::int, 'active', ($3::text[])[$4 + 1:], ($3::text[])[$4 + 1], ($3::text[])[cardinality($3::text[])]`,
    [taskId, chunk.number, chunk.keys, most],
  );
  return { number: chunk.number, keys: chunk.keys.slice(0, most), added: 1 };
}
