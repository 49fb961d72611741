import type { Queryable } from '../../db/transaction.ts';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import type { TaskContext } from '../context.ts';

/**
 * Writes down which schedules there are in the code, and when each has its next time; those that are
 * there no more are parked. One whose line or zone is another than before begins anew from now.
 */
export async function announceSchedules(
  client: Queryable,
  { db: { t }, schedules }: Pick<TaskContext, 'db' | 'schedules'>,
): Promise<void> {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
  const now = rows[0]?.now as Date;
  for (const { name, options } of schedules.values()) {
    const { cron, timeZone = 'UTC' } = options;
    await client.query(
      `insert into ${t.schedule} as kept (name, cron, time_zone, next_at) values ($1, $2, $3, $4)
       on conflict (name) do update set cron = excluded.cron, time_zone = excluded.time_zone, is_parked = false,
         next_at = case when kept.is_paused then null
           when kept.is_parked or (kept.cron, kept.time_zone) is distinct from (excluded.cron, excluded.time_zone) then excluded.next_at
           else kept.next_at end`,
      [name, cron, timeZone, cronTimes(cron, timeZone).after(now)],
    );
  }
  await client.query(
    `update ${t.schedule} set is_parked = true, next_at = null where not is_parked and name <> all($1)`,
    [[...schedules.keys()]],
  );
}
