import type { Principal } from '../../auth/principal.ts';
import type { Queryable } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import type { TaskContext } from '../context.ts';

/**
 * Throws AppError 'queue-full' (409, details.max and details.isOwn) where as many tasks that people
 * launched on pages wait as may, theirs or everybody's, but for those of `free`, which are about to be
 * cancelled. No more are counted than that.
 */
export async function assertQueueRoom(
  client: Queryable,
  { db: { t }, settings }: Pick<TaskContext, 'db' | 'settings'>,
  principal: Principal,
  free: readonly number[] = [],
): Promise<void> {
  const { maxQueued, maxQueuedPerUser } = settings;
  const waiting = `select 1 from ${t.task} where is_from_page and state = 'queued' and started_at is null and id <> all($4)`;
  const { rows } = await client.query<{ all: number; own: number }>(
    `select (select count(*)::int from (${waiting} limit $1) one) as all,
       (select count(*)::int from (${waiting} and principal_id = $3 limit $2) one) as own`,
    [maxQueued, maxQueuedPerUser, principal.id, free],
  );
  const { all, own } = rows[0] as { all: number; own: number };
  const isOwn = own >= maxQueuedPerUser;
  if (!isOwn && all < maxQueued) return;
  const max = isOwn ? maxQueuedPerUser : maxQueued;
  const waits = max === 1 ? 'waits for its turn' : 'wait for their turn';
  const whose = isOwn ? 'of your tasks' : max === 1 ? 'task' : 'tasks';
  throw new AppError(
    'queue-full',
    409,
    `${max.toLocaleString('en')} ${whose} ${waits}, as many as may. Nothing was started. Try again when some have begun.`,
    { max, isOwn },
  );
}
