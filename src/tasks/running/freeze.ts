import type { Pool } from 'pg';
import type { TableNames } from '../../db/names.ts';
import { query, raw, shared, sql, statementOf } from '../../db/sql.ts';
import { transaction } from '../../db/transaction.ts';
import type { ModelMeta } from '../../metadata/contract.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { sortKeys } from '../../metadata/keys.ts';
import type { Where } from '../../resources/client.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { reselect } from '../../selection/matching-sql.ts';
import type { KeySource } from './key-source.ts';
import { holdLease, type Lease } from './lease.ts';

/** Keys of the first `limit` records: enough to know whether a launch is small. */
export async function readKeys(
  registry: ResourceRegistry,
  model: ModelMeta,
  where: Where,
  limit: number,
): Promise<string[]> {
  const rows = reselect(model, await registry.whereSql(model, where), '*');
  const ids = model.idFields.map((name) => `t.${model.fields[name]?.column}`).join(', ');
  const { text, values } = statementOf(
    sql`select ${raw(keySql(model, 't'))} as key from (${rows}) t order by ${raw(`${ids} limit ${limit}`)}`,
  );
  const records = await registry.client.$queryRawUnsafe<{ key: string }[]>(text, ...values);
  return sortKeys(records.map(({ key }) => key));
}

export interface Frozen {
  total: number;
  chunkCount: number;
}

/**
 * Writes the keys of a source as draft chunks, which hold nothing: within the database, so that
 * neither time nor memory of this process grow with their number. Starts anew when an earlier
 * attempt died. Null: the lease was lost. Whoever takes it over waits for the end of this, or its
 * chunks would meet these.
 */
export async function freeze(
  pool: Pool,
  t: TableNames,
  source: KeySource,
  chunkSize: number,
  lease: Lease,
): Promise<Frozen | null> {
  const size = shared(sql`${chunkSize}::int`);
  return transaction(pool, async (client) => {
    if (!(await holdLease(client, t, lease))) return null;
    await client.query(`delete from ${t.chunk} where task_id = $1 and state = 'draft'`, [
      lease.taskId,
    ]);
    const { rows } = await query<Frozen>(
      client,
      sql`with numbered as (
         select key, (row_number() over (order by ${raw(source.order)}) - 1)::int as n from (${source.keys}) source
       ), inserted as (
         insert into ${raw(t.chunk)} (task_id, number, state, keys, first_key, last_key)
         select ${lease.taskId}::int, n / ${size} * ${size}, 'draft', array_agg(key order by n), min(key), max(key) from numbered group by n / ${size}
         returning cardinality(keys) as size
       )
       select coalesce(sum(size), 0)::int as total, count(*)::int as "chunkCount" from inserted`,
    );
    return rows[0] as Frozen;
  });
}
