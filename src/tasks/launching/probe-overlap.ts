import { whereKeys } from '../../metadata/keys.ts';
import type { Where } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { TaskContext } from '../context.ts';
import { type Holder, holderColumns } from '../looking/holders.ts';
import { readKeys } from '../running/freeze.ts';
import { unfinishedSql } from '../states.ts';

/**
 * Held records looked at per unfinished task: enough to refuse the usual overlap at the click,
 * bounded whatever is held.
 */
const probeSize = 500;
const probeTasks = 5;

/**
 * Looks whether a predicate plainly overlaps what unfinished tasks hold, so that the click itself
 * can be refused; what tasks of `free` hold is not in its way. A probe: what it misses, activation
 * finds before the first write.
 */
export async function probeOverlap(
  { db, registry }: TaskContext,
  resource: Resource,
  where: Where,
  free: readonly number[] = [],
): Promise<Holder[]> {
  if (resource.locksOffReason !== null) return [];
  const { rows } = await db.pages.query<Holder & { keys: string[] }>(
    `select ${holderColumns}, held.keys
     from (select * from ${db.t.task} where model = $1 and state in (${unfinishedSql}) and locks_off_reason is null and id <> all($2) order by id desc limit ${probeTasks}) task
     cross join lateral (
       select array_agg(key) as keys from (
         select unnest(chunk.keys) as key from ${db.t.chunk} chunk
         where chunk.task_id = task.id and chunk.state = 'active' order by chunk.first_key desc limit ${probeSize}
       ) key
     ) held where held.keys is not null`,
    [resource.model.name, free],
  );
  const overlapping: Holder[] = [];
  for (const { keys, ...holder } of rows) {
    const [record] = await readKeys(
      registry,
      resource.model,
      { AND: [where, whereKeys(resource.model, keys)] },
      1,
    );
    if (record !== undefined) overlapping.push(holder);
  }
  return overlapping;
}
