import type { TableNames } from '../db/names.ts';
import type { Queryable } from '../db/transaction.ts';

/**
 * A task and those whose part it is, the nearest first. What they hold is in the way of none of
 * them; what a sibling holds is.
 */
export async function familyOf(
  client: Queryable,
  t: TableNames,
  { id, parentId }: { id: number; parentId: number | null },
): Promise<number[]> {
  if (parentId === null) return [id];
  const { rows } = await client.query<{ id: number }>(
    `with recursive family as (
       select id, parent_id, 1 as distance from ${t.task} where id = $1
       union all
       select task.id, task.parent_id, distance + 1 from family join ${t.task} task on task.id = family.parent_id
     )
     select id from family order by distance`,
    [parentId],
  );
  return [id, ...rows.map((row) => row.id)];
}
