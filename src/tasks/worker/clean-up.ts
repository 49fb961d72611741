import { query, raw, sql } from '../../db/sql.ts';
import type { TaskContext } from '../context.ts';
import { isAliveSql, isSilentSql } from '../liveness.ts';
import { countPurgeable, type Purged } from './purgeable.ts';
import { recover } from './recovery.ts';
import { purge } from './retention.ts';

/** What is cleaned away, by what it is. */
export interface CleanedUp extends Purged {
  /** Rows of workers that have died, or hang, whose tasks others take over. */
  workers: number;
  /** Places at tasks that such workers, or ones whose row is gone, still had. */
  slots: number;
}

/**
 * Takes from dead workers what they held, and forgets what was kept long enough: what workers do by
 * themselves. Safe anywhere, at any time, and any number at once; what is alive is never touched.
 */
export async function cleanUp(context: TaskContext): Promise<CleanedUp> {
  const stale = await countStale(context);
  await recover(context);
  return { ...stale, ...(await purge(context)) };
}

/** What `cleanUp` would do; nothing is changed. */
export async function countCleanUp(context: TaskContext): Promise<CleanedUp> {
  return { ...(await countStale(context)), ...(await countPurgeable(context)) };
}

async function countStale({ db }: TaskContext): Promise<{ workers: number; slots: number }> {
  const worker = raw(db.t.worker);
  const isThere = raw(`(${isAliveSql} and (${isSilentSql}) is not true)`);
  const { rows } = await query<{ workers: number; slots: number }>(
    db.background,
    sql`select (select count(*)::int from ${worker} worker where not ${isThere}) as workers,
      (select count(*)::int from ${raw(db.t.task_slot)} slot where not exists (
        select from ${worker} worker where worker.id = slot.worker_id and ${isThere})) as slots`,
  );
  return rows[0] as { workers: number; slots: number };
}
