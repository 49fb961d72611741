import type { Queryable } from '../../db/transaction.ts';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import type { TaskContext } from '../context.ts';

/** One that no process has named for so long is in the code no more. */
const parkAfterMinutes = 10;

/**
 * Writes down which schedules there are in the code, and when each has its next time. Those that no
 * process names any more are parked, after a while: processes of an older and a newer code may be at
 * work together. One whose line or zone is another than before begins anew from now, and so does one
 * that was parked.
 */
export async function announceSchedules(
  client: Queryable,
  { db: { t }, schedules }: Pick<TaskContext, 'db' | 'schedules'>,
): Promise<void> {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
  const now = rows[0]?.now as Date;
  const names = [...schedules.keys()];
  await client.query(
    `update ${t.schedule_run} set state = 'missed', settled_at = clock_timestamp() where state = 'due' and by is null
     and schedule in (select name from ${t.schedule} where is_parked and name = any($1))`,
    [names],
  );
  for (const { name, options } of schedules.values()) {
    const { cron, timeZone = 'UTC' } = options;
    await client.query(
      `insert into ${t.schedule} as kept (name, cron, time_zone, next_at) values ($1, $2, $3, $4)
       on conflict (name) do update set cron = excluded.cron, time_zone = excluded.time_zone, is_parked = false, seen_at = clock_timestamp(),
         next_at = case when kept.is_paused then null
           when kept.is_parked or (kept.cron, kept.time_zone) is distinct from (excluded.cron, excluded.time_zone) then excluded.next_at
           else kept.next_at end`,
      [name, cron, timeZone, cronTimes(cron, timeZone).after(now)],
    );
  }
  await client.query(
    `update ${t.schedule} set is_parked = true, next_at = null
     where not is_parked and name <> all($1) and seen_at < clock_timestamp() - make_interval(mins => ${parkAfterMinutes})`,
    [names],
  );
}
