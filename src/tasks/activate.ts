import type { Queryable } from '../db/transaction.ts';
import type { TableNames } from '../db/names.ts';
import type { Holder } from './holders.ts';
import { unfinishedSql } from './states.ts';

/** First number of every advisory lock of ours; the second is a hash or a worker's number. */
export const advisoryClass = { activation: 0x42_4c_4b_01, liveness: 0x42_4c_4b_02 } as const;

/**
 * Makes a task's draft chunks into locks, or names who is in the way and writes nothing. The one activation function.
 *
 * READ COMMITTED only: the overlap is looked for in a statement of its own after the advisory lock, so that it sees
 * every activation that came before. In one statement, or under REPEATABLE READ, two launches both held a record.
 */
export async function activate(client: Queryable, t: TableNames, task: { id: number; model: string }): Promise<Holder[]> {
  await lockModel(client, t, task.model);
  const holders = await findOverlap(client, t, task);
  if (holders.length > 0) return holders;
  await client.query(`update ${t.chunk} set state = 'active' where task_id = $1 and state = 'draft'`, [task.id]);
  return [];
}

export async function lockModel(client: Queryable, t: TableNames, model: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock($1, hashtext($2))`, [advisoryClass.activation, `${t.chunk} ${model}`]);
}

async function findOverlap(client: Queryable, t: TableNames, task: { id: number; model: string }): Promise<Holder[]> {
  const { rows } = await client.query<Holder>(
    `with mine as materialized (
       select keys, first_key, last_key from ${t.chunk} where task_id = $1 and state = 'draft'
     ), bounds as (
       select min(first_key) as low, max(last_key) as high from mine
     ), held as materialized (
       select chunk.task_id, chunk.keys from ${t.chunk} chunk
       join ${t.task} task on task.id = chunk.task_id, bounds
       where task.model = $2 and task.id <> $1 and task.state in (${unfinishedSql}) and chunk.state = 'active'
         and chunk.first_key <= bounds.high and chunk.last_key >= bounds.low
     ), overlapping as (
       select distinct held_key.task_id from (select task_id, unnest(keys) as key from held) held_key
       join (select unnest(keys) as key from mine) my_key using (key)
     )
     select task.id as "taskId", task.title, task.principal_id as "principalId", task.principal_name as "principalName",
       task.state, task.done, coalesce(task.total, 0) as total
     from ${t.task} task join overlapping on overlapping.task_id = task.id order by task.id`,
    [task.id, task.model],
  );
  return rows;
}
