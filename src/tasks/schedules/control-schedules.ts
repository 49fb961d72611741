import { entryJson, insertEntriesSql } from '../../audit/entry.ts';
import type { Principal } from '../../auth/principal.ts';
import { isSystem } from '../../auth/system-principal.ts';
import { AppError, notFound } from '../../errors.ts';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import type { Schedule } from '../../task-definitions/define-schedule.ts';
import type { TaskContext } from '../context.ts';
import { tasksSeen } from '../who-sees.ts';
import { announceSchedules } from './announce-schedules.ts';

/** Schedules are for those who see every task, and for the system. */
export function seesSchedules(
  { registry }: Pick<TaskContext, 'registry'>,
  principal: Principal,
): boolean {
  return isSystem(principal) || tasksSeen(registry, principal) === null;
}

/** Throws AppError 'not-found' (404) where there is none of the name, or they are not theirs to see. */
function getSchedule(context: TaskContext, principal: Principal, name: string): Schedule {
  const schedule = context.schedules.get(name);
  if (!schedule || !seesSchedules(context, principal)) throw notFound();
  return schedule;
}

const withoutBackground =
  'Nothing runs in the background here, as the setting BULKHEAD_BACKGROUND says, so nothing would begin it. Nothing was added.';

/**
 * Adds a time by hand: now. It is begun as any other. Throws AppError 'already-due' (409), and
 * 'no-background' (422) where schedules are not followed.
 */
export async function runSchedule(
  context: TaskContext,
  principal: Principal,
  name: string,
): Promise<Date> {
  getSchedule(context, principal, name);
  if (!context.settings.background) throw new AppError('no-background', 422, withoutBackground);
  const { db } = context;
  await announceSchedules(db.pages, context);
  const { rows } = await db.pages.query<{ dueAt: Date }>(
    `with added as (
       insert into ${db.t.schedule_run} (schedule, due_at, state, by) select name, date_trunc('milliseconds', clock_timestamp()), 'due', $2 from ${db.t.schedule}
       where name = $1 and not exists (select from ${db.t.schedule_run} where schedule = $1 and state = 'due' and by is not null) returning due_at as "dueAt", $3::text as entry
     ), entry as (${insertEntriesSql(db.t, 'added')})
     select "dueAt" from added`,
    [
      name,
      JSON.stringify(byOf(principal)),
      entryJson(db, { act: 'schedule-run', by: principal, details: { schedule: name } }),
    ],
  );
  const [run] = rows;
  if (!run)
    throw new AppError('already-due', 409, `${name} is about to run: nothing was added to it.`);
  return run.dueAt;
}

/** Its times are left out until it is resumed. What runs goes on. */
export async function pauseSchedule(
  context: TaskContext,
  principal: Principal,
  name: string,
): Promise<void> {
  getSchedule(context, principal, name);
  const { db } = context;
  await announceSchedules(db.pages, context);
  await db.pages.query(
    `with paused as (
       update ${db.t.schedule} set is_paused = true, next_at = null, paused_by = $2 where name = $1 and not is_paused returning $3::text as entry
     ) ${insertEntriesSql(db.t, 'paused')}`,
    [
      name,
      JSON.stringify(byOf(principal)),
      entryJson(db, { act: 'schedule-paused', by: principal, details: { schedule: name } }),
    ],
  );
}

/** It goes on with the first time after now. */
export async function resumeSchedule(
  context: TaskContext,
  principal: Principal,
  name: string,
): Promise<void> {
  const { cron, timeZone = 'UTC' } = getSchedule(context, principal, name).options;
  const { db } = context;
  await announceSchedules(db.pages, context);
  const { rows } = await db.pages.query<{ now: Date }>('select clock_timestamp() as now');
  await db.pages.query(
    `with resumed as (
       update ${db.t.schedule} set is_paused = false, paused_by = null, next_at = $2 where name = $1 and is_paused returning $3::text as entry
     ) ${insertEntriesSql(db.t, 'resumed')}`,
    [
      name,
      cronTimes(cron, timeZone).after(rows[0]?.now as Date),
      entryJson(db, { act: 'schedule-resumed', by: principal, details: { schedule: name } }),
    ],
  );
}

function byOf({ id, name }: Principal): Pick<Principal, 'id' | 'name'> {
  return { id, name };
}
