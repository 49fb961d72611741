import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { query, raw, type Sql, sql } from '../../db/sql.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { activate } from './activate.ts';
import { holdLease } from './lease.ts';
import {
  activationWaitMs,
  asBusy,
  type Locking,
  outwaitWriters,
  rangeSize,
} from './lock-records.ts';
import { overlapMessage } from './prepare.ts';

/** Records of a model, as SQL that gives rows of `key`. */
export interface Matching {
  model: ModelMeta;
  keys: Sql;
}

/**
 * Makes a task hold what matches, of any models: all of it or none. As `lockRecords`, and written by
 * the database, so that neither time nor memory of this process grow with the number of records.
 *
 * Throws AppError 'locked' (423, details.holder), 'busy' (503). Then it holds none of them.
 */
export async function lockMatching(
  { pool, t, task, lease }: Locking,
  matching: readonly Matching[],
): Promise<void> {
  const sets = await transaction(
    pool,
    async (client) => {
      if (lease && !(await holdLease(client, t, lease)))
        throw new Error(`This run has lost task ${task.id}: it locks nothing more.`);
      const drafts: { model: ModelMeta; id: number }[] = [];
      for (const one of matching) drafts.push(...(await draft(client, t, task.id, one)));
      const holders = await activate(client, t, { ...task, model: null, overlap: 'refuse' });
      const [holder] = holders;
      if (holder) throw new AppError('locked', 423, overlapMessage(holders), { holder });
      return drafts;
    },
    { first: [`set local lock_timeout = ${activationWaitMs}`] },
  ).catch(asBusy);
  try {
    for (const { model, id } of sets) await outwaitSet(pool, t, model, id);
  } catch (error) {
    await pool.query(`delete from ${t.lock_set} where id = any($1)`, [sets.map(({ id }) => id)]);
    asBusy(error);
  }
}

/** Writes them as a set that holds nothing yet; none where nothing matches. */
async function draft(
  client: Queryable,
  t: TableNames,
  taskId: number,
  { model, keys }: Matching,
): Promise<{ model: ModelMeta; id: number }[]> {
  const { rows } = await query<{ id: number }>(
    client,
    sql`with numbered as materialized (
       select key, (row_number() over (order by key) - 1) / ${rangeSize}::int as n from (${keys}) matching
     ), new_set as (
       insert into ${raw(t.lock_set)} (task_id, model) select ${taskId}, ${model.name} where exists (select from numbered) returning id
     ), ranges as (
       insert into ${raw(t.lock_range)} (set_id, keys, first_key, last_key)
       select new_set.id, array_agg(key order by key), min(key), max(key) from new_set, numbered group by new_set.id, n
     )
     select id from new_set`,
  );
  return rows.map(({ id }) => ({ model, id }));
}

async function outwaitSet(pool: Pool, t: TableNames, model: ModelMeta, id: number): Promise<void> {
  for (let last = ''; ; ) {
    const { rows } = await pool.query<{ keys: string[] }>(
      `select keys from ${t.lock_range} where set_id = $1 and first_key > $2 order by first_key limit 1`,
      [id, last],
    );
    const [range] = rows;
    if (!range) return;
    await outwaitWriters(pool, model, range.keys);
    last = range.keys.at(-1) as string;
  }
}
