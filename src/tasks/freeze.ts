import type { Pool } from 'pg';
import type { TableNames } from '../db/names.ts';
import { transaction } from '../db/transaction.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keyOf, sortKeys } from '../metadata/keys.ts';
import type { Client, Where } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { KeySource } from './key-source.ts';
import { holdLease, type Lease } from './lease.ts';

/** Keys of the first `limit` records: enough to know whether a launch is small. */
export async function readKeys(client: Client, model: ModelMeta, where: Where, limit: number): Promise<string[]> {
  const records = await delegateOf(client, model).findMany({
    where,
    select: Object.fromEntries(model.idFields.map((name) => [name, true])),
    orderBy: model.idFields.map((name) => ({ [name]: 'asc' })),
    take: limit,
  });
  return sortKeys(records.map((record) => keyOf(model, record)));
}

export interface Frozen {
  total: number;
  chunkCount: number;
}

/**
 * Writes the keys of a source as draft chunks, which hold nothing: within the database, so that neither time nor memory
 * of this process grow with their number. Starts anew when an earlier attempt died. Null: the lease was lost. Whoever takes
 * it over waits for the end of this, or its chunks would meet these.
 */
export async function freeze(pool: Pool, t: TableNames, source: KeySource, chunkSize: number, lease: Lease): Promise<Frozen | null> {
  // The source's own values come first: its text is taken as it is.
  const first = source.values.length + 1;
  const [taskId, size] = [`$${first}::int`, `$${first + 1}::int`];
  return transaction(pool, async (client) => {
    if (!(await holdLease(client, t, lease))) return null;
    await client.query(`delete from ${t.chunk} where task_id = $1 and state = 'draft'`, [lease.taskId]);
    const { rows } = await client.query<Frozen>(
      `with numbered as (
         select key, (row_number() over (order by ${source.order}) - 1)::int as n from (${source.sql}) source
       ), inserted as (
         insert into ${t.chunk} (task_id, number, state, keys, first_key, last_key)
         select ${taskId}, n / ${size} * ${size}, 'draft', array_agg(key order by n), min(key), max(key) from numbered group by n / ${size}
         returning cardinality(keys) as size
       )
       select coalesce(sum(size), 0)::int as total, count(*)::int as "chunkCount" from inserted`,
      [...source.values, lease.taskId, chunkSize],
    );
    return rows[0] as Frozen;
  });
}
