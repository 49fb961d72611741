import { commandLine } from '../command-line.ts';
import type { TaskContext } from '../tasks/context.ts';
import { isAliveSql } from '../tasks/liveness.ts';
import { type Finding, finder, type HealthPart } from './finding.ts';
import { sendProbe } from './send-probe.ts';
import { spanInWords } from './span-in-words.ts';

const found = finder('workers');

/** A worker that is started anew is back by then. */
const withoutWorkerSeconds = 60;

export const workerParts: readonly HealthPart[] = [
  { name: 'workers', check: 'workers', title: 'Workers', look: lookAtWorkers },
  {
    ...{ name: 'any-worker', check: 'workers', title: 'Is there a worker', look: lookForAny },
    isAskedFor: true,
  },
  { name: 'locks', check: 'workers', title: 'Locks and places', look: lookAtLocks },
  {
    ...{ name: 'probe', check: 'queue', title: 'A probe through the queue', look: lookByProbe },
    isAskedFor: true,
  },
];

async function lookAtWorkers({ db, settings }: TaskContext) {
  const { t } = db;
  const { rows } = await db.background.query<{
    id: string;
    name: string;
    isAlive: boolean;
    silentMs: number | null;
    standsMs: number | null;
  }>(
    `select id, host || ', process ' || pid as name, ${isAliveSql} as "isAlive",
       case when heartbeat_at + make_interval(secs => stale_after_ms / 1000.0) < clock_timestamp() then extract(epoch from clock_timestamp() - heartbeat_at)::float8 * 1000 end as "silentMs",
       case when loop_at + make_interval(secs => greatest(busy_after_ms, stale_after_ms) / 1000.0) < clock_timestamp() then extract(epoch from clock_timestamp() - loop_at)::float8 * 1000 end as "standsMs"
     from ${t.worker} worker where backends <> '{}' order by host, pid limit 100`,
  );
  const alive = rows.filter(({ isAlive }) => isAlive);
  const { rows: ends } = await db.background.query<{ isOver: boolean }>(
    `select at < clock_timestamp() - make_interval(secs => $1) as "isOver" from ${t.worker_end}`,
    [withoutWorkerSeconds],
  );
  const isLeft = settings.background && alive.length === 0 && ends.some(({ isOver }) => isOver);
  return {
    findings: [
      ...(isLeft ? [noWorkers()] : []),
      ...alive.flatMap(({ id, name, silentMs, standsMs }) => {
        const ms = silentMs ?? standsMs;
        if (ms === null) return [];
        const what =
          silentMs === null ? 'has computed without a pause' : 'has given no sign of life';
        return found(
          `worker-hangs:${id}`,
          `The worker at ${name}, is connected, and ${what} for ${spanInWords(ms)}.`,
          'Look what that process is at, and end it: others take over what it held.',
        );
      }),
    ],
    note: `${alive.length} alive`,
  };
}

const noWorkers = () =>
  found(
    'no-workers',
    'No worker is alive: nothing runs in the background.',
    `Start one: ${commandLine('work')}.`,
  );

/** Before there has ever been one, nobody is told: it may be about to come. */
async function lookForAny({ db, settings }: TaskContext) {
  const { rows } = await db.background.query<{ isAlive: boolean }>(
    `select exists (select from ${db.t.worker} worker where backends <> '{}' and ${isAliveSql}) as "isAlive"`,
  );
  return { findings: settings.background && !rows[0]?.isAlive ? [noWorkers()] : [] };
}

async function lookAtLocks({ db }: TaskContext) {
  const { t } = db;
  const { rows } = await db.background.query<{ locks: number; slots: number; workers: number }>(
    `select (select count(distinct task_id)::int from ${t.lock_set} held join ${t.task} task on task.id = held.task_id where finished_at < clock_timestamp() - interval '1 minute') as locks,
       (select count(*)::int from ${t.task_slot} slot where taken_at < clock_timestamp() - interval '1 minute' and not exists (select from ${t.worker} worker where worker.id = slot.worker_id)) as slots,
       (select count(*)::int from ${t.worker} worker where not ${isAliveSql} and started_at < clock_timestamp() - interval '1 minute' and seen_at < clock_timestamp() - interval '1 minute') as workers`,
  );
  const { locks = 0, slots = 0, workers = 0 } = rows[0] ?? {};
  const findings = [
    locks > 0 &&
      found(
        'stale-locks',
        `${locks === 1 ? 'A task that has' : `${locks} tasks that have`} ended still ${locks === 1 ? 'holds' : 'hold'} records.`,
        'That is a bug of Bulkhead’s: report it. Delete what they hold from the table lock_set.',
      ),
    slots > 0 &&
      found(
        'stale-slots',
        `${slots === 1 ? 'A place is' : `${slots} places are`} taken by a worker that is gone.`,
        `Start a process, of pages or a worker: each frees them. ${commandLine('work')}`,
      ),
    workers > 0 &&
      found(
        'dead-workers',
        `${workers === 1 ? 'A worker is' : `${workers} workers are`} gone, and nobody has taken over what ${workers === 1 ? 'it was' : 'they were'} at.`,
        `Start a process, of pages or a worker: each takes over. ${commandLine('work')}`,
      ),
  ];
  return { findings: findings.filter((one) => one !== false) };
}

async function lookByProbe(context: TaskContext) {
  if (!context.settings.background) return { findings: [], note: 'nothing runs in the background' };
  const { takenMs, finishedMs, isUnknown, workers } = await sendProbe(context);
  const deaf = workers.filter(
    ({ answersProbes, hasHeard, moves }) => answersProbes && !hasHeard && !moves,
  );
  const queued: Finding[] =
    takenMs === null && !isUnknown && workers.some(({ isFree, hasHeard }) => isFree && hasHeard)
      ? [
          {
            ...found(
              'probe-not-taken',
              'What is sent through the queue is not taken, though a worker is alive and has nothing to do.',
              'Start that worker anew; its log says what its queue met.',
            ),
            check: 'queue',
          },
        ]
      : [];
  const said = isUnknown
    ? 'taken by a worker of a version that does not know probes'
    : takenMs === null
      ? workers.length === 0
        ? 'nobody is there to take it'
        : 'it waits behind other work'
      : `taken after ${Math.round(takenMs)} ms${finishedMs === null ? ', not done' : `, done after ${Math.round(finishedMs)} ms`}`;
  return {
    findings: [
      ...queued,
      ...deaf.map(({ id, host, pid }) =>
        found(
          `worker-deaf:${id}`,
          `The worker at ${host}, process ${pid}, is connected and does not answer.`,
          'Look what that process is at, and end it: others take over what it held.',
        ),
      ),
    ],
    note: said,
  };
}
