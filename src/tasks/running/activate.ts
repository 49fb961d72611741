import { advisoryClass } from '../../db/advisory-class.ts';
import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import { familyOf } from '../family.ts';
import { type Holder, holderColumns } from '../looking/holders.ts';
import type { Overlap } from '../run-options.ts';
import { unfinishedSql } from '../states.ts';
import {
  descendantHolders,
  descendantModels,
  holdDescendants,
  nameHeldParents,
} from './descendants.ts';

export interface Activating {
  id: number;
  /** Of its chunks; null: it has none. */
  model: string | null;
  overlap: Overlap;
  /** Where it holds nothing, nobody is in its way. */
  locksOffReason: string | null;
  /** Further records, written down as drafts, are held with those of its chunks. */
  hasDescendants?: boolean;
  /** The task that launched it as a part of itself. */
  parentId?: number | null;
}

/**
 * Makes a task's draft chunks and draft lock sets into locks, or names who is in the way and writes
 * nothing; under 'skip' what is in the way of its chunks is left out, counted as conflicted and
 * named. The one activation function.
 *
 * READ COMMITTED only: the overlap is looked for in a statement of its own after the advisory
 * locks, so that it sees every activation that came before. In one statement, or under REPEATABLE
 * READ, two launches both held a record.
 */
export async function activate(
  client: Queryable,
  t: TableNames,
  task: Activating,
): Promise<Holder[]> {
  const models = await draftModels(client, t, task);
  const withThem = task.hasDescendants ? await descendantModels(client, t, task.id) : [];
  await lockModels(client, t, [...new Set([...models, ...withThem])]);
  if (task.locksOffReason === null) {
    const { parentId = null } = task;
    const free = await familyOf(client, t, { id: task.id, parentId });
    const { holders, isOfChunks } = await findOverlaps(client, t, task.id, models, free);
    const further = withThem.length > 0 ? await descendantHolders(client, t, task.id, free) : [];
    if (holders.length + further.length > 0) {
      if (task.overlap !== 'skip' || !isOfChunks) return inOrder([...holders, ...further]);
      await nameHeld(client, t, task, free);
      if (further.length > 0) await nameHeldParents(client, t, task.id, free);
      await leaveOut(client, t, task);
    }
    if (withThem.length > 0) await holdDescendants(client, t, task.id);
  }
  await client.query(
    `with sets as (
       update ${t.lock_set} set is_held = true where task_id = $1 and not is_held
     )
     update ${t.chunk} set state = 'active' where task_id = $1 and state = 'draft'`,
    [task.id],
  );
  return [];
}

/** Models whose records a task is about to hold. */
async function draftModels(
  client: Queryable,
  t: TableNames,
  { id, model }: Activating,
): Promise<string[]> {
  const { rows } = await client.query<{ model: string }>(
    `select distinct model from ${t.lock_set} where task_id = $1 and not is_held`,
    [id],
  );
  const held = rows.map((row) => row.model);
  return [...new Set(model === null ? held : [model, ...held])];
}

/**
 * Waits for every other activation of these models. Several are always asked for in one order, so
 * that no two wait for each other.
 */
export async function lockModels(
  client: Queryable,
  t: TableNames,
  models: readonly string[],
): Promise<void> {
  for (const model of [...models].sort()) await lockModel(client, t, model);
}

// As text, since Prisma's client cannot read a void.
export async function lockModel(client: Queryable, t: TableNames, model: string): Promise<void> {
  await client.query(`select pg_advisory_xact_lock($1, hashtext($2))::text`, [
    advisoryClass.activation,
    `${t.chunk} ${model}`,
  ]);
}

/**
 * Rows of `task_id`, `number` (of the draft chunk; null: of a lock set) and `key` for every record
 * of a model that another task holds. What its ancestors hold is not in its way.
 */
function overlapSql(t: TableNames): string {
  const isHeld = `task.id <> all($3::int[]) and task.state in (${unfinishedSql}) and task.locks_off_reason is null`;
  return `with mine as materialized (
      select number, keys, first_key, last_key from ${t.chunk} chunk
      where task_id = $1 and state = 'draft' and exists (select from ${t.task} where id = $1 and model = $2)
      union all
      select null, keys, first_key, last_key from ${t.lock_range} lock_range
      join ${t.lock_set} lock_set on lock_set.id = lock_range.set_id
      where lock_set.task_id = $1 and lock_set.model = $2 and not lock_set.is_held
    ), bounds as (
      select min(first_key) as low, max(last_key) as high from mine
    ), held as materialized (
      select chunk.task_id, chunk.keys from ${t.chunk} chunk
      join ${t.task} task on task.id = chunk.task_id, bounds
      where task.model = $2 and ${isHeld} and chunk.state = 'active' and chunk.first_key <= bounds.high and chunk.last_key >= bounds.low
      union all
      select lock_set.task_id, lock_range.keys from ${t.lock_set} lock_set join ${t.task} task on task.id = lock_set.task_id
      join ${t.lock_range} lock_range on lock_range.set_id = lock_set.id, bounds
      where lock_set.model = $2 and lock_set.is_held and ${isHeld} and lock_range.first_key <= bounds.high and lock_range.last_key >= bounds.low
    ), overlap as (
      select held_key.task_id, my_key.number, key from (select task_id, unnest(keys) as key from held) held_key
      join (select number, unnest(keys) as key from mine) my_key using (key)
    )`;
}

/** `isOfChunks`: what is in the way is in the way of the task's chunks alone. */
async function findOverlaps(
  client: Queryable,
  t: TableNames,
  id: number,
  models: readonly string[],
  free: readonly number[],
): Promise<{ holders: Holder[]; isOfChunks: boolean }> {
  const found = new Map<number, Holder>();
  let isOfChunks = true;
  for (const model of models) {
    const { rows } = await client.query<Holder & { isOfSet: boolean }>(
      `${overlapSql(t)}
       select ${holderColumns}, holder.is_of_set as "isOfSet"
       from ${t.task} task join (select task_id, bool_or(number is null) as is_of_set from overlap group by task_id) holder
         on holder.task_id = task.id order by task.id`,
      [id, model, free],
    );
    for (const { isOfSet, ...holder } of rows) {
      found.set(holder.taskId, holder);
      isOfChunks &&= !isOfSet;
    }
  }
  return { holders: inOrder([...found.values()]), isOfChunks };
}

/** Each once. */
function inOrder(holders: readonly Holder[]): Holder[] {
  const found = new Map(holders.map((holder) => [holder.taskId, holder]));
  return [...found.values()].sort((one, other) => one.taskId - other.taskId);
}

/** Writes down which records of the draft chunks are held, and by whom. */
async function nameHeld(
  client: Queryable,
  t: TableNames,
  { id, model }: Activating,
  free: readonly number[],
): Promise<void> {
  await client.query(
    `${overlapSql(t)}
     insert into ${t.task_failure} (task_id, chunk, code, message, is_conflict, keys)
     select $1, overlap.number, 'locked', format('Held by task %s: %s, %s.', holder.id, holder.title, holder.principal_name), true,
       array_agg(key order by key)
     from overlap join ${t.task} holder on holder.id = overlap.task_id group by overlap.number, holder.id`,
    [id, model, free],
  );
}

/** Takes the records that were written down as held out of the draft chunks. */
async function leaveOut(client: Queryable, t: TableNames, { id }: Activating): Promise<void> {
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
