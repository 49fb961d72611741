import { isDeepStrictEqual } from 'node:util';
import type { Pool } from 'pg';
import { withOrigin } from '../../audit/origin.ts';
import { blame, isTableChanged, sqlstate, sqlstateOf } from '../../db/sqlstate.ts';
import { transaction } from '../../db/transaction.ts';
import { withIds } from '../../log/ids.ts';
import { readsColumns } from '../../operations/journal/reads-columns.ts';
import { findRewriting } from '../../operations/triggers.ts';
import { queueName } from '../../queue/backend.ts';
import { wakeFor } from '../call-for.ts';
import type { TaskContext } from '../context.ts';
import { findUnknown } from '../known.ts';
import { spanned } from '../spanned.ts';
import { startOver } from '../start-over/start-over.ts';
import { asBulk, type BulkTask, selectTask, type TaskRow } from '../task-row.ts';
import { endLate } from './end-late.ts';
import { failTask, holdLease, type Lease } from './lease.ts';
import { inactive, personNow, resourceOf } from './may-run.ts';
import { afterTrouble, type Past, startPace } from './pace.ts';
import { prepare } from './prepare.ts';
import { readyOperation } from './ready-operation.ts';
import type { ChunkResult, Running } from './run-chunk.ts';
import { runChunks, startLoop } from './run-chunks.ts';
import { releaseSlot, takeSlot } from './slots.ts';
import { isToBeSaid } from './trouble.ts';

export interface SliceWorker {
  readonly id: string;
  /** Connections of this worker's runners, named after it. */
  readonly pool: Pool;
  /**
   * Tokens of the slots this process is at: a slot of ours that is not here was left by a failed
   * release.
   */
  readonly tokens: Set<string>;
  /** Backends whose tasks it runs. */
  readonly backends: readonly string[];
  /** What it has met and does not know, by name. */
  readonly unknown: Set<string>;
  /** A slot is taken. */
  onTaken?(): void;
}

/**
 * Answers one wake-up: works on a task for a slice of time, then hands it on. Returns at once when
 * no slot is free.
 */
export async function runSlice(
  context: TaskContext,
  worker: SliceWorker,
  taskId: number,
  signal: AbortSignal,
): Promise<void> {
  const known = await isKnown(context, worker, taskId);
  if (!known) return;
  const { requestId } = known;
  await withIds({ requestId: requestId ?? undefined, taskId, workerId: worker.id }, () =>
    spanned(context, { kind: 'task', name: known.operation }, () =>
      runKnown(context, worker, taskId, signal),
    ),
  );
}

async function runKnown(
  context: TaskContext,
  worker: SliceWorker,
  taskId: number,
  signal: AbortSignal,
): Promise<void> {
  const lease = await takeSlot(context, worker.pool, taskId, worker.id);
  if (!lease) return;
  worker.tokens.add(lease.token);
  worker.onTaken?.();
  let delayMs = 0;
  try {
    await withOrigin({ kind: 'task', name: String(taskId) }, () =>
      work(context, worker.pool, lease, signal),
    );
  } catch (error) {
    delayMs = await afterError(context, worker.pool, lease, error);
  } finally {
    worker.tokens.delete(lease.token);
    await releaseSlot(context, worker.pool, lease, delayMs);
  }
}

/** How long a task waits for a worker that knows what it is about, before one is called again. */
const unknownDelayMs = 5_000;

/**
 * Does this worker know what the task is about? One of an older or newer version may not, and leaves
 * it to others. What it does know, and starts over, is brought a step further.
 */
async function isKnown(
  context: TaskContext,
  { pool, backends, unknown }: SliceWorker,
  taskId: number,
): Promise<Pick<TaskRow, 'requestId' | 'operation'> | null> {
  const { db } = context;
  const { rows } = await pool.query<
    Pick<TaskRow, 'kind' | 'resource' | 'operation' | 'parameters' | 'backend' | 'requestId'> & {
      parametersVersion: number;
      isStartingOver: boolean;
    }
  >(
    `select kind, resource, operation, parameters, parameters_version as "parametersVersion", backend, request_id as "requestId", start_over is not null as "isStartingOver"
     from ${db.t.task} where id = $1 and finished_at is null`,
    [taskId],
  );
  const task = rows[0];
  // One that is called for too early is not there yet; an own one is taken by places.
  if (!task || task.kind === 'own' || !backends.includes(task.backend)) return null;
  const what = findUnknown(context, task);
  if (!what) {
    if (task.isStartingOver) await startOver(context, pool, taskId);
    return task;
  }
  unknown.add(what.name);
  const { resource, operation } = task;
  context.log('warning', 'a task is left to a worker that knows it', {
    ...{ taskId, resource, operation },
    unknown: what.name,
  });
  await transaction(pool, async (client) => {
    await client.query(
      `update ${db.t.task} set reason = 'unknown', message = $2, woken_at = now() where id = $1 and finished_at is null`,
      [
        taskId,
        `A worker that looked at it does not know ${what.words}. It waits for one that does.`,
      ],
    );
    // The queue keeps the call for whoever knows it; of others nobody knows who hears them.
    if (task.backend === queueName)
      return context.backends.queue.callKnowing(client, taskId, what.name);
    const call = { kind: 'bulk', taskIds: [taskId], delayMs: unknownDelayMs } as const;
    return wakeFor(client, context, task.backend, call);
  });
  return null;
}

const stays = 'What was done before stays.';

async function work(
  context: TaskContext,
  pool: Pool,
  lease: Lease,
  signal: AbortSignal,
): Promise<void> {
  const { db, settings } = context;
  const deadline = performance.now() + settings.sliceMs;
  let task = await load();
  const principal = await personNow(context, task.principal);
  if (!principal) {
    const { code, message } = inactive(task);
    return refuse(code, message, task.state === 'preparing' ? 'Nothing was changed.' : stays);
  }
  task = { ...task, principal };
  const resource = resourceOf(context, task);
  if (!resource)
    return refuse('forbidden', `${task.principalName} may not do this any more.`, stays);
  if (task.state === 'preparing') {
    await prepare(context, pool, task, resource, lease);
    task = { ...(await load()), principal };
  }
  const operation = await readyOperation(context, { ...task, client: pool, resource });
  const rewriting = await findRewriting(pool, resource.model);
  const past = await pastOf(context, pool, task);
  const max =
    past.chunks.length === 0
      ? Math.min(resource.chunkSize, operation.firstRows ?? resource.chunkSize)
      : resource.chunkSize;
  const running: Running = {
    task,
    resource,
    operation,
    rewriting,
    lease,
    pace: startPace(max, past),
    loop: await startLoop(pool, { task, resource, operation }),
    keepsByColumn: await readsColumns(pool, db.schema),
  };
  const mayGoOn = await timeLimit();
  let result: ChunkResult = task.state === 'running' ? 'done' : 'stopped';
  let askedAt = performance.now();
  while (
    result === 'done' &&
    !signal.aborted &&
    performance.now() < deadline &&
    (await mayGoOn()) &&
    (await isSamePerson())
  ) {
    result = await withRetries(context, signal, running, () =>
      spanned(context, { kind: 'chunk', name: running.task.operation }, () =>
        runChunks(context, pool, running),
      ),
    );
  }

  /** Asks whether somebody has been at it for no longer than may be; one that has fails. */
  async function timeLimit(): Promise<() => boolean | Promise<boolean>> {
    const limitMs = resource?.taskLimitMs ?? settings.taskLimitMs;
    if (limitMs === null || task.state !== 'running') return () => true;
    const { rows } = await pool.query<{ ms: number }>(
      `select (extract(epoch from clock_timestamp() - started_at) * 1000 - idle_ms)::float8 as ms from ${db.t.task} where id = $1`,
      [lease.taskId],
    );
    const endsAt = performance.now() + limitMs - (rows[0]?.ms ?? 0);
    return async () => {
      if (performance.now() < endsAt) return true;
      await transaction(pool, (client) => endLate(client, db.t, lease, limitMs));
      return false;
    };
  }

  /** Whoever has changed meanwhile is looked at by the next slice. */
  async function isSamePerson(): Promise<boolean> {
    if (performance.now() - askedAt < settings.personAgainMs) return true;
    askedAt = performance.now();
    return isDeepStrictEqual(await personNow(context, task.principal), principal);
  }

  async function load(): Promise<BulkTask> {
    const { rows } = await pool.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [lease.taskId]);
    if (!rows[0]) throw new Error(`task ${lease.taskId} is gone`);
    return asBulk(rows[0]);
  }

  async function refuse(reason: string, why: string, so: string): Promise<void> {
    const message = `${why} ${so}`;
    await transaction(pool, (client) => failTask(client, db.t, lease, { reason, message }));
  }
}

/** The latest chunks, of whichever runner, for the pace to go on from. */
async function pastOf(
  { db: { t } }: TaskContext,
  pool: Pool,
  { id, chunksDone, deaths }: TaskRow,
): Promise<Past> {
  if (chunksDone === 0) return { chunks: [], deaths };
  const { rows } = await pool.query<Past['chunks'][number]>(
    `select changed + unchanged + failed + gone + conflicted + kept_back as rows, duration_ms as "tookMs" from ${t.chunk}
     where task_id = $1 and state = 'done' order by finished_at desc limit 5`,
    [id],
  );
  return { chunks: rows.reverse(), deaths };
}

const maxTries = 5;

/**
 * What passes (a deadlock, a lock that somebody holds) is tried again a few times, with fewer
 * records, before the slot is handed on.
 */
async function withRetries(
  context: TaskContext,
  signal: AbortSignal,
  running: Running,
  run: () => Promise<ChunkResult>,
): Promise<ChunkResult> {
  for (let tries = 1; ; tries++) {
    try {
      return await run();
    } catch (error) {
      if (blame(error) !== 'passing' || tries === maxTries || signal.aborted) throw error;
      context.log('info', 'a chunk is tried again', { chunk: running.chunk, error, tries });
      const { pace, rows = pace.rows } = running;
      const tried = { ...pace, rows: Math.min(pace.rows, rows) };
      running.pace = afterTrouble(tried, { isTooSlow: sqlstateOf(error) === timedOut });
      await new Promise((resolve) =>
        setTimeout(resolve, 20 * 2 ** tries * (0.75 + Math.random() / 2)),
      );
      // A try may take as long as a statement may: whoever cancelled or paused meanwhile does not
      // wait for another.
      if (!(await isStillRunning(context, running))) return 'stopped';
    }
  }
}

async function isStillRunning({ db }: TaskContext, { lease }: Running): Promise<boolean> {
  const { rowCount } = await db.background.query(
    `select 1 from ${db.t.task} where id = $1 and state = 'running'`,
    [lease.taskId],
  );
  return rowCount === 1;
}

const timedOut = sqlstate.queryCanceled;

/**
 * Counted with lost workers: where no chunk was committed between, trying for ever would hold its
 * records for ever.
 */
async function isTooSlow(
  { db: { t }, settings }: TaskContext,
  pool: Pool,
  lease: Lease,
): Promise<boolean> {
  return transaction(pool, async (client) => {
    if (!(await holdLease(client, t, lease))) return false;
    const { rows } = await client.query<{ deaths: number }>(
      `update ${t.task} set deaths = deaths + 1 where id = $1 and finished_at is null returning deaths`,
      [lease.taskId],
    );
    if ((rows[0]?.deaths ?? 0) < settings.maxDeaths) return false;
    const message =
      'Even a few records took longer than one statement may. What was done before stays.';
    return failTask(client, t, lease, { reason: 'too-slow', message });
  });
}

/**
 * Passing trouble waits a little; anything else is a bug, or a table that was changed, and ends the
 * task, the whole of it in the log.
 */
async function afterError(
  context: TaskContext,
  pool: Pool,
  lease: Lease,
  error: unknown,
): Promise<number> {
  const { taskId } = lease;
  if (blame(error) === 'passing') {
    if (sqlstateOf(error) === timedOut && (await isTooSlow(context, pool, lease))) return 0;
    if (isToBeSaid(context.db, taskId, sqlstateOf(error) ?? String(error)))
      context.log('warning', 'a task goes on later', { taskId, error });
    return 1_000;
  }
  context.log('error', 'a task failed', {
    taskId,
    error,
  });
  const [reason, what] = isTableChanged(error)
    ? [
        'table-changed',
        'The table is no longer what the schema of this app says, which ended this task.',
      ]
    : ['error', 'An unexpected error ended this task.'];
  const message = `${what} What was done before it stays; the log has the details.`;
  await transaction(pool, (client) => failTask(client, context.db.t, lease, { reason, message }));
  return 0;
}
