import type { Database } from '../../db/database.ts';
import type { TableNames } from '../../db/names.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Alteration } from '../../operations/contract.ts';

/** Writes down what triggers altered in a chunk; returns of how many records. */
export async function keepAlterations(
  client: Queryable,
  t: TableNames,
  taskId: number,
  chunk: number,
  alterations: readonly Alteration[],
): Promise<number> {
  if (alterations.length === 0) return 0;
  await client.query(
    `insert into ${t.task_alteration} (task_id, chunk, model, field, is_beside, keys)
     select $1, $2, alteration ->> 'model', alteration ->> 'field', (alteration ->> 'isBeside')::boolean,
       array(select jsonb_array_elements_text(alteration -> 'keys'))
     from jsonb_array_elements($3::jsonb) alteration`,
    [taskId, chunk, JSON.stringify(alterations)],
  );
  return new Set(
    alterations.flatMap(({ model, keys }) => keys.map((key) => JSON.stringify([model, key]))),
  ).size;
}

export interface AlterationGroup extends Alteration {
  count: number;
  /** The first of them. */
  keys: readonly string[];
}

/** By model and field, those with the most records first; of each the first 50 keys. */
export async function listAlterations(
  db: Database,
  taskId: number,
  limit = 100,
): Promise<AlterationGroup[]> {
  const { rows } = await db.pages.query<AlterationGroup>(
    `select model, field, is_beside as "isBeside", count(*)::int as count, (array_agg(key order by key))[1:50] as keys
     from ${db.t.task_alteration} alteration cross join unnest(alteration.keys) as key
     where task_id = $1 group by model, field, is_beside order by is_beside, count(*) desc, model, field limit $2`,
    [taskId, limit],
  );
  return rows;
}
