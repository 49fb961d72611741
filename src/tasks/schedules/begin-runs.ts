import type { Pool } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { type Queryable, transaction } from '../../db/transaction.ts';
import { AppError } from '../../errors.ts';
import { countExactly } from '../../selection/count.ts';
import type { Schedule, ScheduledBulk } from '../../task-definitions/define-schedule.ts';
import { chosenByCode } from '../chosen-by-code.ts';
import type { TaskContext } from '../context.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';
import { launchOwn } from '../own/launch-own.ts';
import { personNow } from '../running/may-run.ts';
import { unfinishedSql } from '../states.ts';

/** What has become of a time. */
type Settled =
  | { state: 'launched'; taskId: number; count?: number | undefined }
  | { state: 'skipped' | 'stopped' | 'refused'; message: string; count?: number | undefined };

interface DueRun {
  schedule: string;
  dueAt: Date;
  operationId: string;
  isByHand: boolean;
  /** The task of an earlier time that is still under way. */
  underWay: number | null;
  /** Records that matched at the last time that was launched. */
  lastCount: number | null;
}

/**
 * Launches what has come to its time, the earliest first, one of a schedule at a time in all
 * processes together. What was launched for a time is found again by its id, so that a process that
 * dies in between launches nothing twice. Gives how many times were settled.
 */
export async function beginRuns(context: TaskContext, pool: Pool): Promise<number> {
  if (context.schedules.size === 0) return 0;
  for (let count = 0; ; count++)
    if (!(await transaction(pool, (client) => beginNext(client, context)))) return count;
}

async function beginNext(client: Queryable, context: TaskContext): Promise<boolean> {
  const { db, schedules } = context;
  const { t } = db;
  const waiting = [...schedules.values()].filter((one) => overlapOf(one) === 'after');
  const underWay = `(select max(task.id) from ${t.schedule_run} before join ${t.task} task on task.id = before.task_id
    where before.schedule = run.schedule and before.due_at <> run.due_at and task.state in (${unfinishedSql}))`;
  const { rows } = await client.query<DueRun>(
    `select run.schedule, run.due_at as "dueAt", run.operation_id as "operationId", run.by is not null as "isByHand", ${underWay} as "underWay",
       (select count from ${t.schedule_run} before where before.schedule = run.schedule and before.state = 'launched' and count is not null order by due_at desc limit 1) as "lastCount"
     from ${t.schedule_run} run join ${t.schedule} schedule on schedule.name = run.schedule
     where run.state = 'due' and run.schedule = any($1) and not (run.schedule = any($2) and ${underWay} is not null)
     order by run.due_at limit 1 for update of run, schedule skip locked`,
    [[...schedules.keys()], waiting.map(({ name }) => name)],
  );
  const [run] = rows;
  const schedule = run && schedules.get(run.schedule);
  if (!schedule) return false;
  const settled = await begin(client, context, schedule, run).catch(refusalOf);
  if (settled.state !== 'launched')
    context.log('warning', 'a time of a schedule has no run', {
      schedule: run.schedule,
      dueAt: run.dueAt,
      state: settled.state,
      message: settled.message,
    });
  await client.query(
    `update ${t.schedule_run} set state = $3, task_id = $4, count = $5, message = $6, settled_at = clock_timestamp() where schedule = $1 and operation_id = $2`,
    [
      run.schedule,
      run.operationId,
      settled.state,
      settled.state === 'launched' ? settled.taskId : null,
      settled.count ?? null,
      settled.state === 'launched' ? null : settled.message,
    ],
  );
  return true;
}

/** A refusal is kept in its words; anything else is tried again with the next look. */
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
  const found = await db.pages.query<{ id: number; count: number | null }>(
    `select id, expected as count from ${db.t.task} where operation_id = $1`,
    [launch.operationId],
  );
  const [earlier] = found.rows;
  if (earlier) return { state: 'launched', taskId: earlier.id };
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
