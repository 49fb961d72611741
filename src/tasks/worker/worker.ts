import { randomInt, randomUUID } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import pg from 'pg';
import { openPool, UtcClient } from '../../db/pool.ts';
import { assertOwnSessions } from '../../db/pooler.ts';
import { type Queue, startQueue } from '../../queue/graphile.ts';
import { placesChannel } from '../../queue/wake.ts';
import { bulkQueue } from '../../queue-names.ts';
import { advisoryClass } from '../advisory-class.ts';
import type { TaskContext } from '../context.ts';
import { startTelling } from '../hooks/tell.ts';
import { noteWorkerEnd } from '../liveness.ts';
import { startPlaces } from '../own/places.ts';
import { repeat } from '../repeat.ts';
import { runSlice } from '../running/run-slice.ts';
import { followSchedules } from '../schedules/follow-schedules.ts';
import { recover } from './recovery.ts';
import { startRetention } from './retention.ts';

export interface Worker {
  /**
   * Resolves after `stop`; rejects never: a worker that loses its session starts anew under a new
   * id.
   */
  stop(): Promise<void>;
}

export interface WorkerOptions {
  /** A session connection of its own, past any transaction-mode proxy. */
  connectionString: string;
  /** Wake-ups worked on at a time. */
  concurrency: number;
  /** Own tasks run at a time. Default: as many as there are cores, at most 8. */
  places?: number | null;
  /** Queues that it listens to; `bulk` is bulk work. Default: all. */
  queues?: readonly string[] | null;
}

/** Runs tasks until stopped. Alive is who holds the session advisory lock of its worker row. */
export async function startWorker(context: TaskContext, options: WorkerOptions): Promise<Worker> {
  await assertOwnSessions(options.connectionString);
  let isStopped = false;
  let current = await startLife(context, options);
  const lives = (async () => {
    for (;;) {
      await current.ended;
      await current.stop();
      if (isStopped) return;
      context.log('warning', 'the worker lost its session and starts anew', {
        workerId: current.id,
      });
      const next = await startAgain();
      if (!next) return;
      current = next;
      // Asked while it began: what was asked of was the one before.
      if (isStopped) current.end();
    }
  })();
  return {
    async stop() {
      isStopped = true;
      current.end();
      await lives;
    },
  };

  async function startAgain(): Promise<Life | null> {
    for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        return await startLife(context, options);
      } catch (error) {
        if (isStopped) return null;
        context.log('error', 'the worker cannot start yet', { error: String(error) });
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}

interface Life {
  readonly id: string;
  /** Settles when the session is lost, the queue died, or `end` was called. */
  readonly ended: Promise<void>;
  end(): void;
  stop(): Promise<void>;
}

async function startLife(context: TaskContext, options: WorkerOptions): Promise<Life> {
  const id = randomUUID();
  const session = new UtcClient({
    connectionString: options.connectionString,
    application_name: id,
    keepAlive: true,
  });
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  session.on('error', end);
  session.on('end', end);
  try {
    await session.connect();
    await announce(context, session, id, options.queues ?? null);
  } catch (error) {
    await session.end().catch(() => undefined);
    throw error;
  }

  const tokens = new Set<string>();
  const placeCount = options.places ?? Math.min(8, availableParallelism());
  // Two runners may be at chunks while a third connection takes or releases slots.
  const pool = openPool({
    connectionString: options.connectionString,
    name: id,
    max: options.concurrency * 2 + 2 + placeCount,
    ownSessions: true,
  });
  const worker = { id, pool, tokens };
  const hearsBulk = !options.queues || options.queues.includes(bulkQueue);
  let queue: Queue | null = null;
  try {
    if (hearsBulk) {
      queue = await startQueue({
        pool,
        queueSchema: context.db.queueSchema,
        concurrency: options.concurrency,
        run: (taskId, signal) => runSlice(context, worker, taskId, signal),
        log: (level, message) => context.log(level === 'info' ? 'debug' : level, message),
      });
      await session.query(`update ${context.db.t.worker} set pool_id = $2 where id = $1`, [
        id,
        queue.poolId,
      ]);
    }
  } catch (error) {
    await Promise.allSettled([session.end(), pool.end()]);
    throw error;
  }
  queue?.ended.then(end, end);
  const places = startPlaces(context, {
    workerId: id,
    pool,
    concurrency: placeCount,
    queues: options.queues ?? null,
    tokens,
  });
  session.on('notification', places.call);
  await session.query(`listen ${pg.escapeIdentifier(placesChannel(context.db.queueSchema))}`);
  const recovery = startRecovery(context, { workerId: id, tokens });
  const retention = startRetention(context);
  const telling = startTelling(context, pool, { id });
  const following = followSchedules(context, pool);

  return {
    id,
    ended,
    end,
    async stop() {
      // First what takes tasks: a worker that has lost its session is taken for dead already.
      await Promise.all([queue?.stop(), places.stop()]);
      await following.stop();
      await telling.stop();
      await recovery.stop();
      await retention.stop();
      try {
        await session.query(`delete from ${context.db.t.worker} where id = $1`, [id]);
        await noteWorkerEnd(session, context.db.t);
      } catch {
        // A session that is lost has nobody to tell; recovery does it.
      }
      await Promise.allSettled([session.end(), pool.end()]);
    },
  };
}

/** Numbers of advisory locks that workers draw from. */
const maxLockId = 2 ** 31 - 1;

/**
 * Makes the worker known by a row, and alive by an advisory lock for as long as its session lasts.
 * The lock's number is drawn: those of another schema of ours in the same database are not to be
 * taken for it.
 */
async function announce(
  context: TaskContext,
  session: pg.Client,
  id: string,
  queues: readonly string[] | null,
): Promise<void> {
  // One transaction: the row must not be seen without its lock, or somebody would take it for dead.
  await session.query('begin');
  for (let isOurs = false; !isOurs; ) {
    const { rows } = await session.query<{ isOurs: boolean; lockId: number }>(
      'select pg_try_advisory_lock($1, $2) as "isOurs", $2::int as "lockId"',
      [advisoryClass.liveness, randomInt(1, maxLockId)],
    );
    isOurs = rows[0]?.isOurs ?? false;
    if (isOurs)
      await session.query(
        `insert into ${context.db.t.worker} (id, host, pid, queues, lock_id) values ($1, $2, $3, $4, $5)`,
        [id, hostname(), process.pid, queues, rows[0]?.lockId],
      );
  }
  await session.query('commit');
}

/**
 * Looks for dead workers again and again. The web process runs it too, so that a lone server
 * notices.
 */
export function startRecovery(
  context: TaskContext,
  self?: { workerId: string; tokens: ReadonlySet<string> },
): { stop(): Promise<void> } {
  return repeat(
    context.settings.recoveryIntervalMs,
    () => recover(context, self),
    (error) => context.log('warning', 'recovery will try again', { error: String(error) }),
  );
}
