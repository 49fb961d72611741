import { systemPrincipal } from '../auth/system-principal.ts';
import { commandLine } from '../command-line.ts';
import { databaseNow } from '../db/database-now.ts';
import type { TaskContext } from '../tasks/context.ts';
import { aliveWorkersSql, workerForSql } from '../tasks/liveness.ts';
import { readUnderWay } from '../tasks/looking/under-way.ts';
import { queueSql } from '../tasks/paused-queues.ts';
import { unfinishedSql } from '../tasks/states.ts';
import { type Finding, finder, type HealthPart } from './finding.ts';
import { spanInWords } from './span-in-words.ts';

const found = {
  workers: finder('workers'),
  queue: finder('queue'),
  channels: finder('channels'),
};

/** A worker that is started anew is back by then. */
const withoutWorkerMs = 60_000;
/** Bulk work writes several times a second. */
const standsStillMinutes = 10;
/** What was given up longer ago is not news. */
const givenUpHours = 24;

/** How tasks fare; one statement for each kind. */
export const taskParts: readonly HealthPart[] = [
  { name: 'waiting-tasks', check: 'queue', title: 'Tasks that wait', look: by(ofQueues) },
  {
    name: 'standing-tasks',
    check: 'workers',
    title: 'Tasks that stand still',
    look: by(ofTasks),
  },
  { name: 'schedules', check: 'queue', title: 'Schedules', look: by(ofSchedules) },
  { name: 'hooks', check: 'channels', title: 'Hooks of tasks', look: by(ofHooks) },
];

function by(read: (context: TaskContext) => Promise<Finding[]>): HealthPart['look'] {
  return async (context) => ({ findings: await read(context) });
}

/** Tasks that could begin, or go on: nobody is there to do them, or they have waited for long. */
async function ofQueues(context: TaskContext): Promise<Finding[]> {
  const { groups } = await readUnderWay(context, systemPrincipal('alerts'));
  const queues = Map.groupBy(groups, ({ queue }) => queue);
  const standing = await readLeft(context);
  const nowMs = await databaseNow(context.db.background);
  return [...queues].flatMap(([queue, all]) => {
    const left = all.filter(({ isWithoutWorker, waitingSince }) => {
      const waited = waitingSince && nowMs - waitingSince.getTime();
      return isWithoutWorker && waited !== null && waited >= withoutWorkerMs;
    });
    const stands = standing.get(queue) ?? 0;
    if (left.length + stands > 0)
      return [noWorker(queue, sum(left.map(({ waiting }) => waiting)), stands)];
    const unknown = all.filter(({ isUnknown, waitingSince }) => {
      const waited = waitingSince && nowMs - waitingSince.getTime();
      return isUnknown && waited !== null && waited >= withoutWorkerMs;
    });
    if (unknown.length > 0) return [unknownTo(queue, sum(unknown.map(({ waiting }) => waiting)))];
    const long = sum(all.map(({ waitingLong }) => waitingLong));
    return long > 0 ? [waitsLong(queue, long, context.settings.queuedWarnMs)] : [];
  });
}

/** How many of each queue stand where their worker ended, with no other alive that takes them over. */
async function readLeft({ db }: TaskContext): Promise<ReadonlyMap<string, number>> {
  const { rows } = await db.background.query<{ queue: string; count: number }>(
    `select ${queueSql} as queue, count(*)::int as count from ${db.t.task} task
     where state in (${unfinishedSql}) and backend <> 'inline' and ${workerForSql(aliveWorkersSql(db.t))} = 'none' and exists (
       select from ${db.t.task_slot} slot left join ${db.t.worker} worker on worker.id = slot.worker_id
       where slot.task_id = task.id and coalesce(seen_at, taken_at) < clock_timestamp() - make_interval(secs => ${withoutWorkerMs / 1_000})
     ) group by 1`,
  );
  return new Map(rows.map(({ queue, count }) => [queue, count]));
}

function noWorker(queue: string, waiting: number, standing: number): Finding {
  const parts = [
    ...(waiting > 0 ? [tasks(waiting, 'waits', 'wait')] : []),
    ...(standing > 0
      ? [`${tasks(standing, 'stands where its', 'stand where their')} worker ended`]
      : []),
  ];
  return found.workers(
    `no-worker:${queue}`,
    `No worker is alive that takes the queue “${queue}”: ${parts.join(', ')}.`,
    `Start a worker that takes it: ${commandLine('work')}.`,
    `/tasks?queue=${encodeURIComponent(queue)}&state=${waiting > 0 ? 'queued' : 'running'}`,
  );
}

function unknownTo(queue: string, count: number): Finding {
  const what = count === 1 ? 'it is' : 'they are';
  return found.workers(
    `unknown:${queue}`,
    `In the queue “${queue}” ${tasks(count, 'waits', 'wait')} for a version of the code that knows what ${what} about: no running worker does.`,
    'Start a worker of the version that launched them, or cancel what no version will know any more.',
    `/tasks?queue=${encodeURIComponent(queue)}&state=queued&_sort=oldest`,
  );
}

function waitsLong(queue: string, count: number, warnMs: number): Finding {
  return found.queue(
    `waits-long:${queue}`,
    `In the queue “${queue}” ${count === 1 ? 'a task has' : `${count} tasks have`} waited for more than ${spanInWords(warnMs)}.`,
    'Start another worker, or give those that there are more places: BULKHEAD_PLACES, BULKHEAD_WORKER_CONCURRENCY.',
    `/tasks?queue=${encodeURIComponent(queue)}&state=queued&_sort=oldest`,
  );
}

/** Bulk work that somebody is at, and that writes nothing. */
async function ofTasks({ db }: TaskContext): Promise<Finding[]> {
  const { rows } = await db.background.query<{ id: number }>(
    `select id from ${db.t.task} task where kind = 'bulk' and state in ('preparing', 'running', 'pausing', 'cancelling')
       and updated_at < clock_timestamp() - make_interval(mins => ${standsStillMinutes}) and exists (select from ${db.t.task_slot} where task_id = task.id)
     order by id limit 20`,
  );
  return rows.map(({ id }) =>
    found.workers(
      `stands-still:${id}`,
      `Task #${id} runs, and has written nothing for more than ten minutes.`,
      'See on its page what holds it up; cancelled, it lets go of its records, and can be tried again.',
      `/tasks/${id}`,
    ),
  );
}

/** Whose last time was not launched, or that nobody was there for. */
async function ofSchedules({ db }: TaskContext): Promise<Finding[]> {
  const { rows } = await db.background.query<{ name: string; message: string | null }>(
    `select schedule.name, run.message from ${db.t.schedule} schedule
     cross join lateral (select state, message from ${db.t.schedule_run} where schedule = schedule.name and state <> 'due' order by due_at desc limit 1) run
     where not is_paused and not is_parked and run.state in ('missed', 'stopped', 'refused') order by 1`,
  );
  return rows.map(({ name, message }) =>
    found.queue(
      `schedule:${name}`,
      `The last time of the schedule ${name} was not launched.${message ? ` ${message}` : ''}`,
      'Mend what it says, and have the schedule run from its page.',
      '/tasks/schedules',
    ),
  );
}

async function ofHooks({ db }: TaskContext): Promise<Finding[]> {
  const { rows } = await db.background.query<{ hook: string; count: number }>(
    `select hook, count(*)::int as count from ${db.t.task_delivery}
     where parked_at > clock_timestamp() - make_interval(hours => ${givenUpHours}) group by 1 order by 1`,
  );
  return rows.map(({ hook, count }) =>
    found.channels(
      `hook:${hook}`,
      `The hook ${hook} has failed for good ${count === 1 ? 'once' : `${count} times`} within a day.`,
      'See on the page of the task what it threw, mend the hook, and have the delivery made again there.',
      '/tasks/overview',
    ),
  );
}

function tasks(count: number, one: string, more: string): string {
  return count === 1 ? `one task ${one}` : `${count.toLocaleString('en')} tasks ${more}`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
