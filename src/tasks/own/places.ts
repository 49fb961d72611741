import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import { millisecondsUntilDue, queueScheduled } from './due.ts';
import { startIsolatedRun } from './isolated.ts';
import { type OwnRun, startRun } from './run-own.ts';
import { takeOwn } from './take-own.ts';

export interface TaskPlaces {
  /** Looks at once for tasks to take. */
  call(): void;
  /** Asks every run to stop and waits until each has. */
  stop(): Promise<void>;
}

export interface PlacesOptions {
  workerId: string;
  /** Connections named after the worker. */
  pool: Pool;
  /** Own tasks run at a time. */
  concurrency: number;
  /** Queues that it listens to; null: all. */
  queues: readonly string[] | null;
  /** Tokens of the slots that this process is at. */
  tokens: Set<string>;
  /** How often a free place looks by itself, should nobody call. Default: a second. */
  lookEveryMs?: number;
}

/** How often at most it is asked when the next task has its time. */
const askDueEveryMs = 50;
/** How often it is looked whether runs were cancelled, or have lost their slot. */
const watchEveryMs = 200;

/** Places in which own tasks run, apart from slices of bulk work. */
export function startPlaces(
  context: TaskContext,
  { workerId, pool, concurrency, queues, tokens, lookEveryMs = 1_000 }: PlacesOptions,
): TaskPlaces {
  const taker = { workerId, pool, queues };
  const runs = new Map<string, OwnRun>();
  let isStopped = context.definitions.size === 0;
  let isLooking = false;
  let isCalled = false;
  let askedDueAt = 0;
  let isWatching = false;
  let due: NodeJS.Timeout | undefined;

  const looking = setInterval(call, lookEveryMs);
  const watching = setInterval(() => void watch(), watchEveryMs);
  call();
  return {
    call,
    async stop() {
      isStopped = true;
      clearInterval(looking);
      clearTimeout(due);
      for (const run of runs.values()) run.stop('shutdown');
      while (runs.size > 0) await Promise.all([...runs.values()].map(({ ended }) => ended));
      clearInterval(watching);
    },
  };

  function call(): void {
    isCalled = true;
    if (!isLooking && !isStopped) void look();
  }

  async function look(): Promise<void> {
    isLooking = true;
    try {
      while (isCalled && !isStopped && runs.size < concurrency) {
        isCalled = false;
        const taken = await takeOwn(context, taker, concurrency - runs.size);
        for (const one of taken) begin(one);
        if (!isStopped && runs.size < concurrency) await lookWhenDue();
      }
    } catch (error) {
      context.log('warning', 'own tasks are looked for again', { error: String(error) });
    } finally {
      isLooking = false;
    }
  }

  /** A task whose time comes before the next look is not kept waiting for that. */
  async function lookWhenDue(): Promise<void> {
    clearTimeout(due);
    const restMs = askedDueAt + askDueEveryMs - Date.now();
    if (restMs > 0) return callIn(restMs);
    askedDueAt = Date.now();
    const dueMs = await millisecondsUntilDue(context, pool);
    if (dueMs !== null && dueMs <= 0) await queueScheduled(context, pool);
    if (dueMs !== null && dueMs < lookEveryMs) callIn(Math.max(0, dueMs) + 1);
  }

  function callIn(ms: number): void {
    if (!isStopped) due = setTimeout(call, ms);
  }

  function begin(taken: Parameters<typeof startRun>[2]): void {
    const isIsolated = context.definitions.get(taken.task.operation)?.options.isolate;
    const run = isIsolated
      ? startIsolatedRun(context, pool, taken, workerId)
      : startRun(context, pool, taken);
    tokens.add(taken.token);
    runs.set(taken.token, run);
    if (isStopped) run.stop('shutdown');
    void run.ended.then(() => {
      runs.delete(taken.token);
      tokens.delete(taken.token);
      call();
    });
  }

  async function watch(): Promise<void> {
    if (runs.size === 0 || isWatching) return;
    isWatching = true;
    // One that is taken while the question is on its way is not in its answer.
    const asked = [...runs];
    try {
      const { t } = context.db;
      const { rows } = await pool.query<{ token: string; state: string }>(
        `select coalesce(lapsed_token, token) as token, case when lapsed_token is null then task.state else 'lapsed' end as state
         from ${t.task_slot} slot join ${t.task} task on task.id = slot.task_id where coalesce(lapsed_token, token) = any($1::uuid[])`,
        [asked.map(([token]) => token)],
      );
      const states = new Map(rows.map(({ token, state }) => [token, state]));
      for (const [token, run] of asked) {
        const state = states.get(token);
        if (state === 'lapsed') run.stop('hard-limit');
        else if (state === 'cancelling') run.stop('cancelled');
        else if (state === 'pausing') run.stop('paused');
        else if (state !== 'running') run.stop('lost');
      }
    } catch (error) {
      context.log('warning', 'runs are looked after again', { error: String(error) });
    } finally {
      isWatching = false;
    }
  }
}
