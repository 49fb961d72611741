import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { UtcClient } from '../../db/client.ts';
import { openPool } from '../../db/pool.ts';
import { transaction } from '../../db/transaction.ts';
import { withIds } from '../../log/ids.ts';
import { inlineName } from '../../queue/backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { beginRun } from '../own/begin-run.ts';
import { lapseRuns } from '../own/hard-limit.ts';
import type { OwnRun } from '../own/run-own.ts';
import { takeOwn } from '../own/take-own.ts';
import { watchRuns } from '../own/watch-runs.ts';
import { repeat } from '../repeat.ts';
import { runSlice, type SliceWorker } from '../running/run-slice.ts';
import { isFinished } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import { announce } from './announce.ts';
import { answers, connectionsOf } from './cut-off.ts';
import { startHeartbeat } from './heartbeat.ts';
import { leave } from './recovery.ts';

/** How long a bulk operation rests that met passing trouble. */
const restMs = 250;
/** How often it is said that those which wait for their turn have not been left. */
const keepEveryMs = 5_000;

type ToRun = Pick<TaskRow, 'id' | 'kind'>;

/**
 * Runs tasks that have just been launched to their ends, one after the other, within the call that
 * launched them: this process is a worker of these tasks alone for as long, so that its death is
 * seen. What cannot begin at once, or would have to go on later, has failed when this resolves.
 */
export async function runWithin(
  context: TaskContext,
  connectionString: string,
  tasks: readonly ToRun[],
): Promise<void> {
  if (tasks.length === 0) return;
  const { db } = context;
  const id = randomUUID();
  const session = new UtcClient({
    connectionString,
    application_name: id,
    isOwnSession: true,
    isWorker: true,
  });
  const lost = Promise.withResolvers<void>();
  session.on('error', () => lost.resolve());
  session.on('end', () => lost.resolve());
  const pool = openPool({ connectionString, name: id, max: 4, ownSessions: true, isWorker: true });
  const connections = connectionsOf(session, pool);
  const worker = {
    id,
    pool,
    tokens: new Set<string>(),
    backends: [inlineName],
    unknown: new Set<string>(),
  };
  const left = new Set(tasks.map((task) => task.id));
  const keeping = repeat(
    keepEveryMs,
    () =>
      db.background.query(`update ${db.t.task} set woken_at = now() where id = any($1)`, [
        [...left],
      ]),
    () => undefined,
  );
  const lapsing = repeat(
    context.settings.recoveryIntervalMs,
    () => lapseRuns(context),
    () => undefined,
  );
  let heartbeat: ReturnType<typeof startHeartbeat> | null = null;
  try {
    await session.connect();
    await announce(context, session, { id, queues: [], backends: [] });
    heartbeat = startHeartbeat(context, {
      ...{ id, connectionString },
      onLost() {
        connections.cut();
        lost.resolve();
      },
      isReached: () => answers(session, context.settings.staleAfterMs / 2),
    });
    for (const task of tasks) {
      left.delete(task.id);
      await withIds({ workerId: id }, () =>
        task.kind === 'own'
          ? runOwn(context, worker, task.id, lost.promise)
          : runBulk(context, worker, task.id),
      );
    }
  } catch (error) {
    context.log('error', 'a task could not be run within its call', { error });
    const why = `It could not be run: ${error instanceof Error ? error.message : String(error)}`;
    for (const task of tasks) await endQueued(context, task.id, 'error', why);
  } finally {
    heartbeat?.stop();
    await Promise.all([keeping.stop(), lapsing.stop()]);
    await Promise.allSettled([session.end(), pool.end()]);
    await leave(context, id);
  }
}

async function runOwn(
  context: TaskContext,
  { id: workerId, pool }: SliceWorker,
  taskId: number,
  lost: Promise<void>,
): Promise<void> {
  const taker = { workerId, pool, queues: null, backends: [inlineName], only: taskId };
  let [taken] = await takeOwn(context, taker, 1);
  // A row that somebody looks at for a moment is passed over.
  for (let tries = 1; !taken && tries < maxTries; tries++) {
    await wait(restMs);
    [taken] = await takeOwn(context, taker, 1);
  }
  if (!taken) return endQueued(context, taskId, 'not-later', cannotWait);
  const run: OwnRun = beginRun(context, pool, taken, workerId);
  const watching = watchRuns(context, pool, new Map([[taken.token, run]]));
  void lost.then(() => run.stop('lost'));
  await run.ended;
  watching.stop();
}

async function runBulk(context: TaskContext, worker: SliceWorker, taskId: number): Promise<void> {
  const never = new AbortController().signal;
  for (;;) {
    await runSlice(context, worker, taskId, never);
    const { rows } = await worker.pool.query<Pick<TaskRow, 'state'> & { isBlocked: boolean }>(
      `select state, blocked_by is not null as "isBlocked" from ${context.db.t.task} where id = $1`,
      [taskId],
    );
    const [task] = rows;
    if (!task || isFinished(task.state)) return;
    if (task.isBlocked) return endQueued(context, taskId, 'not-later', cannotWait);
    await wait(restMs);
  }
}

/** What waits for something, or found no session: nobody would begin it. */
async function endQueued(
  context: TaskContext,
  taskId: number,
  reason: string,
  message: string,
): Promise<void> {
  const { t, background } = context.db;
  await transaction(background, async (client) => {
    const { rowCount } = await client.query(
      `select from ${t.task} where id = $1 and state = 'queued' for update`,
      [taskId],
    );
    if (rowCount === 0) return;
    await moveTask(client, t, taskId, 'failed', { reason, message });
    await wakeWaiting(client, context, taskId);
  });
}

const maxTries = 4;
const cannotWait =
  'It would have to wait, for another task or until a limit lets it begin, which what runs within the call that launches it cannot. Nothing was done.';
