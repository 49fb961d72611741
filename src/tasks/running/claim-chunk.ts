import type { TableNames } from '../../db/names.ts';
import { queryPrepared } from '../../db/prepared.ts';
import { raw, type Sql, shared, sql, statementOf } from '../../db/sql.ts';
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
 * Takes the next chunk that nobody is at. The keys that are not taken stay in the database, and
 * those that are come as JSON, which is read many times faster than an array of PostgreSQL's.
 */
export async function claimChunk(
  client: Queryable,
  t: TableNames,
  taskId: number,
  max: number,
): Promise<Claimed | null> {
  const claimed = claimSql(t, sql`${taskId}::int`, sql`${max}::int`);
  const { rows } = await queryPrepared<Claimed>(
    client,
    statementOf(sql`${claimed} select number, to_json(keys) as keys, added from claimed`),
  );
  return rows[0] ?? null;
}

/**
 * The next chunk that nobody is at, as `claimed`. One that is larger than the pace is cut in two: the
 * first piece is taken, the rest is there for whoever comes next, at their own pace, once this
 * transaction commits.
 */
export function claimSql(
  t: TableNames,
  taskId: Sql,
  max: Sql,
  { isFromEnd = false }: { isFromEnd?: boolean } = {},
): Sql {
  const order = isFromEnd ? 'desc' : 'asc';
  const chunk = raw(t.chunk);
  const [task, size] = [shared(taskId), shared(max)];
  return sql`with next as (
       select number, keys from ${chunk} where task_id = ${task} and state = 'active' order by first_key ${raw(order)} limit 1 for update skip locked
     ), cut as (
       select number, keys from next where cardinality(keys) > ${size} * ${raw(String(1 + minShare))}
     ), first as (
       update ${chunk} chunk set keys = cut.keys[1:${size}], last_key = cut.keys[${size}] from cut where chunk.task_id = ${task} and chunk.number = cut.number
     ), rest as (
       insert into ${chunk} (task_id, number, state, keys, first_key, last_key)
       select ${task}, number + ${size}, 'active', keys[${size} + 1:], keys[${size} + 1], keys[cardinality(keys)] from cut
     ), claimed as (
       select next.number, coalesce(cut.keys[1:${size}], next.keys) as keys, (cut.number is not null)::int as added
       from next left join cut using (number)
     )`;
}
