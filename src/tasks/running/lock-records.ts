import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { query, raw, type Sql, sql } from '../../db/sql.ts';
import { sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keyCondition } from '../../metadata/key-sql.ts';
import { sortKeys } from '../../metadata/keys.ts';
import { heldMessage } from '../looking/assert-free.ts';
import { isOwnSql } from '../looking/holders.ts';
import { activate, lockModel } from './activate.ts';
import { holdLease, type Lease } from './lease.ts';

/** What a task has locked beside its chunks, until it lets go of it or ends. */
export interface Locked {
  readonly model: string;
  /** Those that it did not hold before. */
  readonly keys: readonly string[];
}

export interface Locking {
  pool: Pool;
  t: TableNames;
  /** A run that has lost its slot locks nothing more. */
  lease: Lease | null;
  task: { id: number; parentId: number | null; locksOffReason: string | null };
}

/** Keys of one range; so many or fewer locked together are ranges of their own. */
export const rangeSize = 1_000;
const fewKeys = 100;

export const activationWaitMs = 1_000;
const writerWaitMs = 2_000;

/**
 * Makes a task hold records of any model, whatever it is about. When it returns, nobody else who
 * asks whether they are free is told so, and whoever had asked before has written or given up.
 * Asked again for what it holds it does nothing.
 *
 * `rows` is where it waits for such writers: the transaction that the caller writes in, if any,
 * since it may have written to the records itself.
 *
 * Throws AppError 'locked' (423, with the holder) where another task holds one of them, and 'busy'
 * (503) where another activation, or a writer, was not done in time. Then it holds none of them.
 */
export async function lockRecords(
  locking: Locking,
  model: ModelMeta,
  given: readonly string[],
  rows: Queryable | null = null,
): Promise<Locked> {
  const { pool, t, task, lease } = locking;
  const locked = await transaction(
    pool,
    async (client) => {
      await lockModel(client, t, model.name);
      if (lease && !(await holdLease(client, t, lease)))
        throw new Error(`This run has lost task ${task.id}: it locks nothing more.`);
      const keys = await notYetHeld(client, t, task.id, model.name, sortKeys(given));
      const setId = await draft(client, t, task.id, model.name, keys);
      if (setId === null) return { model: model.name, keys };
      const [holder] = await activate(client, t, { ...task, model: null, overlap: 'refuse' });
      if (holder) throw new AppError('locked', 423, heldMessage(holder), { holder });
      if (keys.length <= fewKeys) await gather(client, t, task.id, model.name, setId);
      return { model: model.name, keys };
    },
    { first: [`set local lock_timeout = ${activationWaitMs}`] },
  ).catch(asBusy);
  try {
    await outwaitWriters(rows ?? pool, model, locked.keys);
  } catch (error) {
    await releaseRecords(locking, locked);
    return asBusy(error);
  }
  return locked;
}

/** Lets go of what was locked. Others may have it at once. */
export async function releaseRecords({ pool, t, task }: Locking, locked: Locked): Promise<void> {
  if (locked.keys.length === 0) return;
  await pool.query(
    `with sets as (
       select id from ${t.lock_set} where task_id = $1 and model = $2
     ), rest as (
       update ${t.lock_range} lock_range set keys = array(select key from unnest(keys) key where key <> all($3) order by key)
       from sets where set_id = sets.id and first_key <= $4 and last_key >= $5 and keys && $3::text[] and not keys <@ $3::text[]
     )
     delete from ${t.lock_range} lock_range using sets where set_id = sets.id and first_key <= $4 and last_key >= $5 and keys <@ $3::text[]`,
    [task.id, locked.model, locked.keys, locked.keys.at(-1), locked.keys[0]],
  );
}

async function notYetHeld(
  client: Queryable,
  t: TableNames,
  taskId: number,
  model: string,
  keys: readonly string[],
): Promise<string[]> {
  const found = await query<{ key: string }>(
    client,
    sql`select key from unnest(${keys}::text[]) key where not ${isOwnSql(t, taskId, model, raw('key'))} order by key collate "C"`,
  );
  return found.rows.map(({ key }) => key);
}

/** Writes keys as a set that holds nothing yet; null where there are none. */
async function draft(
  client: Queryable,
  t: TableNames,
  taskId: number,
  model: string,
  keys: readonly string[],
): Promise<number | null> {
  if (keys.length === 0) return null;
  const isFew = keys.length <= fewKeys;
  const { rows } = await client.query<{ id: number }>(
    `with new_set as (
       insert into ${t.lock_set} (task_id, model, is_single) values ($1, $2, $4) returning id
     ), ranges as (
       insert into ${t.lock_range} (set_id, keys, first_key, last_key)
       select new_set.id, array_agg(key order by n), min(key), max(key)
       from new_set, unnest($3::text[] collate "C") with ordinality given(key, n) group by new_set.id, (n - 1) / $5
     )
     select id from new_set`,
    [taskId, model, keys, isFew, isFew ? 1 : rangeSize],
  );
  return rows[0]?.id ?? null;
}

/** Puts what was locked by a few into the one set of such, so that there are few sets to look in. */
async function gather(
  client: Queryable,
  t: TableNames,
  taskId: number,
  model: string,
  setId: number,
): Promise<void> {
  const { rows } = await client.query<{ id: number }>(
    `select id from ${t.lock_set} where task_id = $1 and model = $2 and is_single and id <> $3 limit 1`,
    [taskId, model, setId],
  );
  const [before] = rows;
  if (!before) return;
  await client.query(`update ${t.lock_range} set set_id = $1 where set_id = $2`, [
    before.id,
    setId,
  ]);
  await client.query(`delete from ${t.lock_set} where id = $1`, [setId]);
}

/**
 * A save that had asked whether the record is free, and has not committed yet, holds its row: this
 * returns when it is done.
 */
export async function outwaitWriters(
  rows: Queryable | Pool,
  model: ModelMeta,
  keys: readonly string[],
): Promise<void> {
  for (let start = 0; start < keys.length; start += rangeSize) {
    const some = keys.slice(start, start + rangeSize);
    await within(
      rows,
      sql`select 1 from ${raw(model.table)} t where ${keyCondition(model, 't', some)} for share`,
    );
  }
}

/** The caller's transaction keeps its own patience. */
function within(rows: Queryable | Pool, statement: Sql): Promise<void> {
  const set = "select set_config('lock_timeout', $1, true)";
  const wait = async (client: Queryable) => {
    const {
      rows: [before],
    } = await client.query<{ ms: string }>("select current_setting('lock_timeout') as ms");
    await client.query(set, [String(writerWaitMs)]);
    await query(client, statement);
    await client.query(set, [before?.ms]);
  };
  return isPool(rows) ? transaction(rows, wait) : wait(rows);
}

function isPool(rows: Queryable | Pool): rows is Pool {
  return 'totalCount' in rows;
}

export function asBusy(error: unknown): never {
  if (sqlstateOf(error) !== sqlstate.lockNotAvailable) throw error;
  throw new AppError(
    'busy',
    503,
    'These records are being written to, or other tasks are about to hold theirs. Nothing was locked.',
  );
}
