import type { Pool } from 'pg';
import { transaction } from '../../db/transaction.ts';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import type { TaskContext } from '../context.ts';
import { dueTimes } from './due-times.ts';

/**
 * Writes a row for each time that has come, and the next time of its schedule, in one transaction:
 * whatever dies, a time has one row. What somebody else is at is passed over. Gives how many
 * schedules had a time.
 */
export async function noteDue(context: TaskContext, pool: Pool): Promise<number> {
  const { db, schedules } = context;
  const { t } = db;
  if (schedules.size === 0) return 0;
  return transaction(pool, async (client) => {
    const { rows } = await client.query<{ name: string; nextAt: Date; now: Date }>(
      `select name, next_at as "nextAt", clock_timestamp() as now from ${t.schedule}
       where name = any($1) and next_at <= clock_timestamp() and not is_paused and not is_parked order by name for update skip locked`,
      [[...schedules.keys()]],
    );
    for (const { name, nextAt, now } of rows) {
      const { cron, timeZone = 'UTC', catchUp = 'once' } = schedules.get(name)?.options ?? never();
      const { run, missed, next } = dueTimes(cronTimes(cron, timeZone), nextAt, now, catchUp);
      await client.query(
        `insert into ${t.schedule_run} (schedule, due_at, state) select $1, due_at, 'due' from unnest($2::timestamptz[]) due_at on conflict do nothing`,
        [name, run],
      );
      if (missed)
        await client.query(
          `insert into ${t.schedule_run} (schedule, due_at, state, count, settled_at) values ($1, $2, 'missed', $3, clock_timestamp()) on conflict do nothing`,
          [name, missed.last, missed.count],
        );
      await client.query(`update ${t.schedule} set next_at = $2 where name = $1`, [name, next]);
    }
    return rows.length;
  });
}

function never(): never {
  throw new Error('a schedule was asked for that is not known here');
}
