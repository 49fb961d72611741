import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { openPool, UtcClient } from '../../db/pool.ts';
import { transaction } from '../../db/transaction.ts';
import { inlineName } from '../../queue/backend.ts';
import type { TaskContext } from '../context.ts';
import { moveTask } from '../move-task.ts';
import { beginRun } from '../own/begin-run.ts';
import type { OwnRun } from '../own/run-own.ts';
import { takeOwn } from '../own/take-own.ts';
import { watchRuns } from '../own/watch-runs.ts';
import { runSlice, type SliceWorker } from '../running/run-slice.ts';
import { isFinished } from '../states.ts';
import type { TaskRow } from '../task-row.ts';
import { wakeWaiting } from '../wake-waiting.ts';
import { announce } from './announce.ts';

/** How long a bulk operation rests that met passing trouble. */
const restMs = 250;

/**
 * Runs a task that has just been launched to its end, within the call that launched it: this process
 * is a worker of this one task for as long, so that its death is seen. What cannot begin at once, or
 * would have to go on later, has failed when this resolves.
 */
export async function runWithin(
  context: TaskContext,
  connectionString: string,
  { id: taskId, kind }: Pick<TaskRow, 'id' | 'kind'>,
): Promise<void> {
  const id = randomUUID();
  const session = new UtcClient({ connectionString, application_name: id, keepAlive: true });
  const lost = Promise.withResolvers<void>();
  session.on('error', () => lost.resolve());
  session.on('end', () => lost.resolve());
  const pool = openPool({ connectionString, name: id, max: 4, ownSessions: true });
  try {
    await session.connect();
    await announce(context, session, { id, queues: [], backends: [] });
    const worker = { id, pool, tokens: new Set<string>() };
    await (kind === 'own'
      ? runOwn(context, worker, taskId, lost.promise)
      : runBulk(context, worker, taskId));
  } finally {
    await session
      .query(`delete from ${context.db.t.worker} where id = $1`, [id])
      .catch(() => undefined);
    await Promise.allSettled([session.end(), pool.end()]);
  }
}

async function runOwn(
  context: TaskContext,
  { id: workerId, pool }: SliceWorker,
  taskId: number,
  lost: Promise<void>,
): Promise<void> {
  const taker = { workerId, pool, queues: null, backends: [inlineName], only: taskId };
  const [taken] = await takeOwn(context, taker, 1);
  if (!taken) return endWaiting(context, taskId);
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
    if (task.isBlocked) return endWaiting(context, taskId);
    await wait(restMs);
  }
}

/** What waits for something: nobody would begin it when that has come. */
async function endWaiting(context: TaskContext, taskId: number): Promise<void> {
  const { t, background } = context.db;
  await transaction(background, async (client) => {
    const { rowCount } = await client.query(
      `select from ${t.task} where id = $1 and state = 'queued' for update`,
      [taskId],
    );
    if (rowCount === 0) return;
    await moveTask(client, t, taskId, 'failed', { reason: 'not-later', message: cannotWait });
    await wakeWaiting(client, context, taskId);
  });
}

const cannotWait =
  'It would have to wait for another task, which what runs within the call that launches it cannot. Nothing was done.';
