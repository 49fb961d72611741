import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { UtcClient } from '../../db/client.ts';
import { openPool } from '../../db/pool.ts';
import { assertOwnSessions } from '../../db/pooler.ts';
import { transaction } from '../../db/transaction.ts';
import { besideTurns } from '../../db/turns.ts';
import { withIds } from '../../log/ids.ts';
import {
  type Backend,
  inProcessName,
  queueName,
  type StartedBackend,
} from '../../queue/backend.ts';
import { placesChannel } from '../../queue/places.ts';
import { bulkQueue } from '../../queue-names.ts';
import type { TaskContext } from '../context.ts';
import { startTelling } from '../hooks/tell.ts';
import { knowledgeOf } from '../known.ts';
import { noteWorkerEnd } from '../liveness.ts';
import { startPlaces } from '../own/places.ts';
import { type Repeated, repeat } from '../repeat.ts';
import { runSlice } from '../running/run-slice.ts';
import { followSchedules } from '../schedules/follow-schedules.ts';
import { unfinishedSql } from '../states.ts';
import { announce } from './announce.ts';
import { answerProbes, type ProbeAnswers } from './answer-probes.ts';
import { answers, connectionsOf } from './cut-off.ts';
import { startHeartbeat } from './heartbeat.ts';
import { noWish, startHeeding, type Wish } from './heed.ts';
import { defaultPredecessorMs, holdAlone } from './hold-alone.ts';
import { startJudgement } from './judgement.ts';
import { assertPoolSize, defaultPlaces, workerPoolSize } from './pool-size.ts';
import { recover, type Self } from './recovery.ts';
import { startRetention } from './retention.ts';
import { startWear, type WearLimits } from './wear.ts';

export interface Worker {
  /**
   * Resolves after `stop`; rejects never: a worker that loses its session starts anew under a new
   * id.
   */
  stop(): Promise<void>;
  /** Its id at this moment, and whether its session lasts. */
  now(): { readonly id: string; readonly isAlive: boolean };
  /** Resolves when it has stopped since somebody asked it to on a page; otherwise never. */
  readonly stoppedByPage: Promise<void>;
  /** Resolves, with why, when it has stopped since it has done as much as it may; otherwise never. */
  readonly wornOut: Promise<string>;
}

export interface WorkerOptions extends WearLimits {
  /** A session connection of its own, past any transaction-mode proxy. */
  connectionString: string;
  /** Wake-ups worked on at a time. */
  concurrency: number;
  /** Own tasks run at a time. Default: as many as there are cores, at most 8. */
  places?: number | null;
  /** Connections of its pool. Default: as many as these need. */
  poolSize?: number | null;
  /** Queues that it listens to; `bulk` is bulk work. Default: all. */
  queues?: readonly string[] | null;
  /** Backends whose tasks it runs. Default: all but `in-process`. */
  backends?: readonly string[];
  /** How often free places look by themselves, should nobody call. Default: 1,000. */
  lookEveryMs?: number;
  /** Longest that a backend which is for one process waits for the one before. Default: 30,000. */
  predecessorMs?: number;
  /** One that has done as much as it may begins anew under a new id, in this process. */
  isRenewed?: boolean;
}

/** Runs tasks until stopped. Alive is who holds the session advisory lock of its worker row. */
export async function startWorker(context: TaskContext, options: WorkerOptions): Promise<Worker> {
  assertPoolSize(options);
  await assertOwnSessions(options.connectionString);
  let isStopped = false;
  const byPage = Promise.withResolvers<void>();
  const worn = Promise.withResolvers<string>();
  let current = await startLife(context, options);
  const lives = (async () => {
    for (;;) {
      await current.ended;
      await current.stop();
      if (isStopped) return;
      const { wish } = current;
      if (wish.asked === 'stop') return byPage.resolve();
      const { id: workerId, wornWhy: why } = current;
      if (why !== null && !options.isRenewed) return worn.resolve(why);
      if (why === null)
        context.log('warning', 'the worker lost its session and starts anew', { workerId });
      else context.log('info', 'the worker starts anew', { workerId, why });
      const next = await startAgain(wish);
      if (!next) return;
      current = next;
      // Asked while it began: what was asked of was the one before.
      if (isStopped) current.end();
    }
  })();
  return {
    now: () => ({ id: current.id, isAlive: current.isAlive }),
    stoppedByPage: byPage.promise,
    wornOut: worn.promise,
    async stop() {
      isStopped = true;
      current.end();
      await lives;
    },
  };

  async function startAgain(wish: Wish): Promise<Life | null> {
    for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        return await startLife(context, options, wish);
      } catch (error) {
        if (isStopped) return null;
        context.log('error', 'the worker cannot start yet', { error });
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}

interface Life {
  readonly id: string;
  /** Until its session is lost, or it is asked to end. */
  readonly isAlive: boolean;
  /** Settles when the session is lost, the queue died, or `end` was called. */
  readonly ended: Promise<void>;
  end(): void;
  /** What somebody asks of it: of the next life too. */
  readonly wish: Wish;
  /** Why it is to end, having done as much as it may; null: it is not for that. */
  readonly wornWhy: string | null;
  stop(): Promise<void>;
}

function startLife(
  context: TaskContext,
  options: WorkerOptions,
  before: Wish = noWish,
): Promise<Life> {
  const id = randomUUID();
  // A worker may begin within a request, and is not about that.
  return withIds({ requestId: undefined, workerId: id }, () =>
    startNamed(id, context, options, before),
  );
}

async function startNamed(
  id: string,
  context: TaskContext,
  options: WorkerOptions,
  before: Wish,
): Promise<Life> {
  const run = hostedOf(context, options);
  const names = run.map(({ name }) => name);
  const placeCount = options.places ?? defaultPlaces();
  const hearsBulk = !options.queues || options.queues.includes(bulkQueue);
  // A worker that does no bulk work has nothing to be called for by the queue: its places are.
  const hosted = run.filter(({ name }) => hearsBulk || name !== queueName);
  const session = new UtcClient({
    connectionString: options.connectionString,
    application_name: id,
    isOwnSession: true,
    isWorker: true,
  });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  let isAlive = true;
  void ended.then(() => {
    isAlive = false;
  });
  session.on('error', end);
  session.on('end', end);
  try {
    await session.connect();
    await holdAlone(context, session, hosted, options.predecessorMs ?? defaultPredecessorMs);
    await announce(context, session, {
      ...{ id, queues: options.queues ?? null, backends: names },
      ...{ concurrency: options.concurrency, places: placeCount, wish: before },
      knows: knowledgeOf(context),
    });
  } catch (error) {
    await session.end().catch(() => undefined);
    throw error;
  }

  let wornWhy: string | null = null;
  const wear = startWear(options, wearOut);
  const tokens = new Set<string>();
  const pool = openPool({
    connectionString: options.connectionString,
    name: id,
    max: workerPoolSize(options, hosted.length),
    ownSessions: true,
    isWorker: true,
  });
  const unwatchPool = context.meters.watchPool('worker', pool);
  const connections = connectionsOf(session, pool);
  const unknown = new Set<string>();
  const worker = { id, pool, tokens, backends: names, unknown, onTaken: wear.count };
  const places = startPlaces(context, {
    workerId: id,
    pool,
    concurrency: placeCount,
    queues: options.queues ?? null,
    backends: names,
    tokens,
    onTaken: wear.count,
    lookEveryMs: options.lookEveryMs ?? 1_000,
    isResting: before.asked === 'quiet',
  });
  const started: StartedBackend[] = [];
  let takeProbe: ProbeAnswers['take'] = async () => false;
  const heeding = startHeeding(context, id, before, {
    quiet: putDown,
    // Where it cannot, it starts anew.
    resume: () =>
      takeUp().catch((error) => {
        end();
        throw error;
      }),
    stop: end,
  });
  try {
    const answers = await answerProbes(context, session, worker);
    takeProbe = answers.take;
    session.on('notification', ({ payload }) => {
      answers.hear(payload);
      places.call();
      if (payload === id) heeding.look();
    });
    await session.query(`listen ${pg.escapeIdentifier(placesChannel(context.db.queueSchema))}`);
    if (before.asked !== 'quiet') await takeUp();
  } catch (error) {
    wear.stop();
    await heeding.stop();
    await Promise.allSettled([...started, places].map((one) => one.stop()));
    await Promise.allSettled([session.end(), pool.end()]);
    unwatchPool();
    throw error;
  }
  const heartbeat = startHeartbeat(context, {
    ...{ id, connectionString: options.connectionString },
    onLost: () => {
      connections.cut();
      end();
    },
    isReached: () => answers(session, context.settings.staleAfterMs / 2),
    onDeath: () => recovery.call(),
  });
  const recovery = startRecovery(context, {
    ...{ workerId: id, tokens, backends: names },
    hear: heeding.hear,
  });
  const retention = startRetention(context);
  const telling = startTelling(context, pool, { id });
  const following = context.settings.background ? followSchedules(context, pool) : null;

  return {
    id,
    ended,
    end,
    get isAlive() {
      return isAlive;
    },
    get wish() {
      return heeding.wish;
    },
    get wornWhy() {
      return wornWhy;
    },
    async stop() {
      wear.stop();
      await heeding.stop();
      // First what takes tasks: a worker that has lost its session is taken for dead already.
      await Promise.all([...started, places].map((one) => one.stop()));
      await following?.stop();
      await telling.stop();
      await recovery.stop();
      await retention.stop();
      heartbeat.stop();
      try {
        await session.query(`delete from ${context.db.t.worker} where id = $1`, [id]);
        await noteWorkerEnd(session, context.db.t);
      } catch {
        // A session that is lost has nobody to tell; recovery does it.
      }
      await Promise.allSettled([session.end(), pool.end()]);
      unwatchPool();
    },
  };

  /** Takes nothing more, and ends when what it has begun has ended or is handed on. */
  function wearOut(why: string): void {
    wornWhy = why;
    context.log('info', 'the worker takes nothing more', { workerId: id, why });
    const quietSql = `update ${context.db.t.worker} set quiet_at = coalesce(quiet_at, clock_timestamp()) where id = $1`;
    Promise.all([putDown(), context.db.background.query(quietSql, [id])])
      .then(() => places.idle())
      .then(end, end);
  }

  async function takeUp(): Promise<void> {
    if (wornWhy !== null) return;
    for (const backend of hosted) {
      const one = await backend.start({
        pool,
        concurrency: options.concurrency,
        unknown,
        async run(taskId, signal) {
          if (await takeProbe(taskId)) return;
          places.call();
          if (hearsBulk) await runSlice(context, worker, taskId, signal);
        },
        log: context.log,
      });
      started.push(one);
      // One that is put down ends for that.
      const died = () => started.includes(one) && end();
      one.ended.then(died, died);
      if ('poolId' in one)
        await session.query(`update ${context.db.t.worker} set pool_id = $2 where id = $1`, [
          id,
          one.poolId,
        ]);
      else await callLeft(context, backend);
    }
    // What was called for before anybody listened.
    places.goOn();
  }

  /** Slices hand on what they are at after their chunk; own tasks go on. */
  async function putDown(): Promise<void> {
    await Promise.all([places.rest(), ...started.splice(0).map((one) => one.stop())]);
  }
}

/** Those whose tasks it runs. */
function hostedOf({ backends }: TaskContext, { backends: names }: WorkerOptions): Backend[] {
  return [...backends.called.values()].filter(({ name }) =>
    names ? names.includes(name) : name !== inProcessName,
  );
}

/** What was called for while nobody heard it. */
async function callLeft({ db: { t, background } }: TaskContext, backend: Backend): Promise<void> {
  const { rows } = await background.query<{ id: number }>(
    `select id from ${t.task} task where backend = $1 and kind = 'bulk' and state in (${unfinishedSql}) and state <> 'paused'
       and not exists (select 1 from ${t.task_slot} where task_id = task.id) order by id`,
    [backend.name],
  );
  if (rows.length > 0)
    await transaction(background, (client) =>
      backend.call(client, { kind: 'bulk', taskIds: rows.map(({ id }) => id), delayMs: 0 }),
    );
}

/**
 * Looks for dead workers again and again. The web process runs it too, so that a lone server
 * notices.
 */
export function startRecovery(context: TaskContext, self?: Self): Repeated {
  const judgement = startJudgement(context.settings);
  const recovery = repeat(
    context.settings.recoveryIntervalMs,
    // Those who wait in a line may wait for what it frees.
    () => besideTurns(context.db.pages, () => recover(context, self, judgement)),
    (error) => {
      judgement.distrust();
      context.log('warning', 'recovery will try again', { where: 'recovery', error });
    },
  );
  return {
    ...recovery,
    async stop() {
      await recovery.stop();
      judgement.stop();
    },
  };
}
