import type { Pool } from 'pg';
import { withOrigin } from '../../audit/origin.ts';
import type { Principal } from '../../auth/principal.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import type { TableNames } from '../../db/names.ts';
import { takeTurn } from '../../db/take-turn.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { countExactly } from '../../selection/count.ts';
import type { Schedule, ScheduledBulk } from '../../task-definitions/define-schedule.ts';
import { abilitiesOf, backendOfScheduled } from '../choose-backend.ts';
import { chosenByCode } from '../chosen-by-code.ts';
import type { TaskContext } from '../context.ts';
import { findTaskByOperation } from '../insert-task.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';
import { launchOwn } from '../own/launch-own.ts';
import { personNow } from '../running/may-run.ts';
import { unfinishedSql } from '../states.ts';

/** What has become of a time. */
type Settled =
  | { state: 'launched'; taskId: number; count?: number | undefined }
  | { state: 'skipped' | 'stopped' | 'refused'; message: string; count?: number | undefined };

interface DueRun {
  dueAt: Date;
  operationId: string;
  isByHand: boolean;
  /** The task of an earlier time that is still under way. */
  underWay: number | null;
  /** Records that matched at the last time that was launched. */
  lastCount: number | null;
}

/** Of a schedule whose launch failed: not before then. */
const restMs = { first: 1_000, max: 300_000 };
const resting = new WeakMap<Schedule, { until: number; ms: number }>();

/**
 * Launches what has come to its time, the earliest of each schedule first, one of a schedule at a
 * time in all processes together. What was launched for a time is found again by its id, so that a
 * process that dies in between launches nothing twice. A schedule whose launch fails is tried again
 * later and keeps no other waiting.
 */
export async function beginRuns(context: TaskContext, pool: Pool): Promise<void> {
  const { db, schedules } = context;
  if (schedules.size === 0) return;
  const { rows } = await pool.query<{ name: string }>(
    `select distinct schedule as name from ${db.t.schedule_run} where state = 'due' and schedule = any($1) order by 1`,
    [[...schedules.keys()]],
  );
  for (const { name } of rows) {
    const schedule = schedules.get(name);
    if (!schedule || (resting.get(schedule)?.until ?? 0) > Date.now()) continue;
    try {
      while (await transaction(pool, (client) => beginNext(client, context, schedule)));
      resting.delete(schedule);
    } catch (error) {
      await putOff(context, pool, schedule, error);
    }
  }
}

/** The time stays, with a sentence on it. */
async function putOff(
  { db, log }: TaskContext,
  pool: Pool,
  schedule: Schedule,
  error: unknown,
): Promise<void> {
  const before = resting.get(schedule)?.ms ?? 0;
  const ms = Math.min(restMs.max, Math.max(restMs.first, before * 2));
  resting.set(schedule, { until: Date.now() + ms, ms });
  log('error', 'a time of a schedule could not be launched, and is tried again', {
    schedule: schedule.name,
    error,
  });
  await pool.query(
    `update ${db.t.schedule_run} set message = $2 where schedule = $1 and state = 'due' and message is null`,
    [schedule.name, 'It could not be launched, and is tried again. The log has the details.'],
  );
}

/**
 * SQL: rows `run` of `schedule_run` that may begin, but for the one before: due, not paused unless
 * somebody had it run by hand, and still in the code.
 */
function mayBegin(t: TableNames): string {
  return `run.state = 'due' and exists (select from ${t.schedule} schedule
    where schedule.name = run.schedule and not is_parked and (run.by is not null or not is_paused))`;
}

/** SQL: the task of another time of the same schedule that is still under way. */
function underWaySql(t: TableNames): string {
  return `(select max(task.id) from ${t.schedule_run} before join ${t.task} task on task.id = before.task_id
    where before.schedule = run.schedule and before.operation_id <> run.operation_id and task.state in (${unfinishedSql}))`;
}

/** Names of schedules of which a time would begin now. */
export async function listBeginnable({
  db,
  schedules,
}: Pick<TaskContext, 'db' | 'schedules'>): Promise<string[]> {
  const waiting = [...schedules.values()].filter((one) => overlapOf(one) === 'after');
  const { rows } = await db.background.query<{ name: string }>(
    `select distinct schedule as name from ${db.t.schedule_run} run
     where schedule = any($1) and ${mayBegin(db.t)} and not (schedule = any($2) and ${underWaySql(db.t)} is not null)
     union select name from ${db.t.schedule} where name = any($1) and not is_paused and not is_parked and next_at <= clock_timestamp()`,
    [[...schedules.keys()], waiting.map(({ name }) => name)],
  );
  return rows.map(({ name }) => name);
}

async function beginNext(
  client: Queryable,
  context: TaskContext,
  schedule: Schedule,
): Promise<boolean> {
  const { t } = context.db;
  const { name } = schedule;
  // Not the schedule's row: a launch may be long, and whoever pauses it is not to wait.
  if (!(await takeTurn(client, 'schedules', `${t.schedule} ${name}`))) return false;
  // In a statement of its own: what the one before us launched is seen.
  const { rows } = await client.query<DueRun>(
    `select due_at as "dueAt", operation_id as "operationId", by is not null as "isByHand", ${underWaySql(t)} as "underWay",
       (select count from ${t.schedule_run} before where before.schedule = run.schedule and before.state = 'launched' and count is not null order by due_at desc limit 1) as "lastCount"
     from ${t.schedule_run} run where schedule = $1 and ${mayBegin(t)} order by due_at limit 1`,
    [name],
  );
  const [run] = rows;
  if (!run || (run.underWay !== null && overlapOf(schedule) === 'after')) return false;
  const settled = await withOrigin({ kind: 'schedule', name }, () =>
    begin(client, context, schedule, run).catch(refusalOf),
  );
  if (settled.state !== 'launched')
    context.log('warning', 'a time of a schedule has no run', {
      schedule: name,
      dueAt: run.dueAt,
      state: settled.state,
      message: settled.message,
    });
  await client.query(
    `update ${t.schedule_run} set state = $3, task_id = $4, count = $5, message = $6, settled_at = clock_timestamp() where schedule = $1 and operation_id = $2`,
    [
      name,
      run.operationId,
      settled.state,
      settled.state === 'launched' ? settled.taskId : null,
      settled.count ?? null,
      settled.state === 'launched' ? null : settled.message,
    ],
  );
  return true;
}

/** A refusal is kept in its words; anything else is tried again later. */
function refusalOf(error: unknown): Settled {
  if (!(error instanceof AppError) || error.status >= 500) throw error;
  return { state: 'refused', message: error.message };
}

export function overlapOf({ options }: Schedule) {
  return options.overlap ?? (options.catchUp === 'each' ? 'after' : 'skip');
}

async function begin(
  client: Queryable,
  context: TaskContext,
  schedule: Schedule,
  run: DueRun,
): Promise<Settled> {
  const { name, options } = schedule;
  const { operationId } = run;
  if (run.underWay !== null && overlapOf(schedule) === 'skip')
    return { state: 'skipped', message: `Task ${run.underWay} was still under way.` };
  const asked = options.principal ?? systemPrincipal(name);
  const principal = await personNow(context, asked);
  if (!principal) return { state: 'refused', message: `${asked.name} may not sign in any more.` };
  const backend = backendOfScheduled(context, schedule, principal);
  if (!abilitiesOf(context, { backend }).later)
    return {
      state: 'refused',
      message: 'What chooses its backend gives one that begins nothing by itself.',
    };
  if (options.bulk) return launchBulk(context, options.bulk, { principal, operationId }, run);
  const { task, params } = options as Extract<Schedule['options'], { task: object }>;
  const launched = await launchOwn(context, task, params, { principal, operationId }, client);
  if (launched.operationId !== operationId)
    return { state: 'skipped', message: `The same was under way as task ${launched.id}.` };
  return { state: 'launched', taskId: launched.id };
}

async function launchBulk(
  context: TaskContext,
  bulk: ScheduledBulk,
  launch: { principal: Principal; operationId: string },
  { lastCount, isByHand }: DueRun,
): Promise<Settled> {
  const { maxRecords: _, maxMove: __, confirmedCount: ___, changeReason = null, ...asked } = bulk;
  const { db, registry } = context;
  const earlier = await findTaskByOperation(db, launch.principal, launch.operationId);
  if (earlier) return { state: 'launched', taskId: earlier.id, count: earlier.total ?? undefined };
  const resource = registry.for(launch.principal, bulk.resource);
  const chosen = await chosenByCode(context, resource, launch.principal, asked);
  const { value: count } = await countExactly(
    registry.client,
    resource,
    await registry.whereSql(resource.model, chosen.where),
  );
  if (count === 0) return { state: 'skipped', count, message: 'No record matched.' };
  const why = isByHand ? null : whyTooOdd(bulk, count, lastCount);
  if (why) return { state: 'stopped', count, message: why };
  const { task, outcome } = await launchFromCode(context, {
    ...asked,
    ...launch,
    options: { changeReason },
  });
  if (outcome === 'same')
    return { state: 'skipped', count, message: `The same was under way as task ${task.id}.` };
  return { state: 'launched', taskId: task.id, count };
}

/** Null: it is what is to be expected. */
export function whyTooOdd(
  { maxRecords, maxMove, confirmedCount }: ScheduledBulk,
  count: number,
  lastCount: number | null,
): string | null {
  const said = (number: number) => number.toLocaleString('en');
  if (maxRecords !== undefined && count > maxRecords)
    return `${said(count)} records matched, more than the ${said(maxRecords)} that it may have. Nothing was changed.`;
  const before = lastCount ?? confirmedCount;
  if (maxMove === undefined || before === undefined) return null;
  if (Math.abs(count - before) <= before * maxMove) return null;
  const whose = lastCount === null ? 'somebody confirmed' : 'the last run had';
  return `${said(count)} records matched where ${whose} ${said(before)}: that moved by more than ${said(maxMove * 100)} %. Nothing was changed.`;
}
