import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { advisoryClass } from '../advisory-class.ts';
import { type Holder, holderColumns } from '../looking/holders.ts';
import type { Overlap } from '../run-options.ts';
import { unfinishedSql } from '../states.ts';

export interface Activating {
  id: number;
  model: string;
  overlap: Overlap;
  /** Where it holds nothing, nobody is in its way. */
  locksOffReason: string | null;
}

/**
 * Makes a task's draft chunks into locks, or names who is in the way and writes nothing; under
 * 'skip' what is in the way is left out, counted as conflicted and named. The one activation
 * function.
 *
 * READ COMMITTED only: the overlap is looked for in a statement of its own after the advisory lock,
 * so that it sees every activation that came before. In one statement, or under REPEATABLE READ,
 * two launches both held a record.
 */
export async function activate(
  client: Queryable,
  t: TableNames,
  task: Activating,
): Promise<Holder[]> {
  await lockModel(client, t, task.model);
  const holders = task.locksOffReason === null ? await findOverlap(client, t, task) : [];
  if (holders.length > 0) {
    if (task.overlap !== 'skip') return holders;
    await leaveOut(client, t, task);
  }
  await client.query(
    `update ${t.chunk} set state = 'active' where task_id = $1 and state = 'draft'`,
    [task.id],
  );
  return [];
}

// As text, since Prisma's client cannot read a void.
export async function lockModel(client: Queryable, t: TableNames, model: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock($1, hashtext($2))::text`, [
    advisoryClass.activation,
    `${t.chunk} ${model}`,
  ]);
}

/**
 * Rows of `task_id` and `number` (of the draft chunk) and `key` for every record that another task
 * holds.
 */
function overlapSql(t: TableNames): string {
  return `with mine as materialized (
      select number, keys, first_key, last_key from ${t.chunk} where task_id = $1 and state = 'draft'
    ), bounds as (
      select min(first_key) as low, max(last_key) as high from mine
    ), held as materialized (
      select chunk.task_id, chunk.keys from ${t.chunk} chunk
      join ${t.task} task on task.id = chunk.task_id, bounds
      where task.model = $2 and task.id <> $1 and task.state in (${unfinishedSql}) and task.locks_off_reason is null and chunk.state = 'active'
        and chunk.first_key <= bounds.high and chunk.last_key >= bounds.low
    ), overlap as (
      select held_key.task_id, my_key.number, key from (select task_id, unnest(keys) as key from held) held_key
      join (select number, unnest(keys) as key from mine) my_key using (key)
    )`;
}

async function findOverlap(
  client: Queryable,
  t: TableNames,
  { id, model }: Activating,
): Promise<Holder[]> {
  const { rows } = await client.query<Holder>(
    `${overlapSql(t)}
     select ${holderColumns}
     from ${t.task} task join (select distinct task_id from overlap) holder on holder.task_id = task.id order by task.id`,
    [id, model],
  );
  return rows;
}

/** Takes the held records out of the draft chunks and writes down who held them. */
async function leaveOut(
  client: Queryable,
  t: TableNames,
  { id, model }: Activating,
): Promise<void> {
  await client.query(
    `${overlapSql(t)}
     insert into ${t.task_failure} (task_id, chunk, code, message, is_conflict, keys)
     select $1, overlap.number, 'locked', format('Held by task %s: %s, %s.', holder.id, holder.title, holder.principal_name), true,
       array_agg(key order by key)
     from overlap join ${t.task} holder on holder.id = overlap.task_id group by overlap.number, holder.id`,
    [id, model],
  );
  await client.query(
    `with held as materialized (
       select chunk as number, array_agg(key) as keys from ${t.task_failure} cross join unnest(keys) key
       where task_id = $1 and code = 'locked' group by chunk
     ), rest as (
       select chunk.number, array(select key from unnest(chunk.keys) key where key <> all(held.keys) order by key) as keys
       from ${t.chunk} chunk join held using (number) where chunk.task_id = $1
     ), emptied as (
       delete from ${t.chunk} chunk using rest where chunk.task_id = $1 and chunk.number = rest.number and cardinality(rest.keys) = 0
     ), remainder as (
       update ${t.chunk} chunk set keys = rest.keys, first_key = rest.keys[1], last_key = rest.keys[cardinality(rest.keys)]
       from rest where chunk.task_id = $1 and chunk.number = rest.number and cardinality(rest.keys) > 0
     )
     update ${t.task} set conflicted = held.count, done = held.count
     from (select coalesce(sum(cardinality(keys)), 0)::int as count from held) held where id = $1`,
    [id],
  );
}
