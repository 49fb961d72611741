import type { Pool } from 'pg';
import type { TaskContext } from '../context.ts';
import { beginRun } from './begin-run.ts';
import { millisecondsUntilDue, queueScheduled } from './due.ts';
import type { OwnRun } from './run-own.ts';
import { takeOwn } from './take-own.ts';
import { watchRuns } from './watch-runs.ts';

export interface TaskPlaces {
  /** Looks at once for tasks to take. */
  call(): void;
  /** Takes nothing more until it is called on again; what runs goes on. Resolves when nothing is being taken. */
  rest(): Promise<void>;
  goOn(): void;
  /** Resolves when nothing runs, of what was taken before. */
  idle(): Promise<void>;
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
  /** Backends whose tasks it runs. */
  backends: readonly string[];
  /** Tokens of the slots that this process is at. */
  tokens: Set<string>;
  /** A task is taken. */
  onTaken?(): void;
  /** How often a free place looks by itself, should nobody call. Default: a second. */
  lookEveryMs?: number;
  /** It begins at rest. */
  isResting?: boolean;
}

/** How often at most it is asked when the next task has its time. */
const askDueEveryMs = 50;

/** Places in which own tasks run, apart from slices of bulk work. */
export function startPlaces(
  context: TaskContext,
  {
    workerId,
    pool,
    concurrency,
    queues,
    backends,
    tokens,
    lookEveryMs = 1_000,
    ...options
  }: PlacesOptions,
): TaskPlaces {
  const taker = { workerId, pool, queues, backends };
  const runs = new Map<string, OwnRun>();
  let isStopped = context.definitions.size === 0;
  let isResting = options.isResting ?? false;
  let isLooking = false;
  let lastLook: Promise<void> = Promise.resolve();
  let isCalled = false;
  let askedDueAt = 0;
  let due: NodeJS.Timeout | undefined;

  const looking = setInterval(call, lookEveryMs);
  const watching = watchRuns(context, pool, runs);
  call();
  return {
    call,
    async rest() {
      isResting = true;
      clearTimeout(due);
      await lastLook;
    },
    goOn() {
      isResting = false;
      call();
    },
    async idle() {
      await lastLook;
      while (runs.size > 0) await Promise.all([...runs.values()].map(({ ended }) => ended));
    },
    async stop() {
      isStopped = true;
      clearInterval(looking);
      clearTimeout(due);
      for (const run of runs.values()) run.stop('shutdown');
      // What it takes at this moment is stopped when it begins.
      await lastLook;
      while (runs.size > 0) await Promise.all([...runs.values()].map(({ ended }) => ended));
      watching.stop();
    },
  };

  function call(): void {
    isCalled = true;
    if (!isLooking && !isStopped) lastLook = look();
  }

  async function look(): Promise<void> {
    isLooking = true;
    try {
      while (isCalled && !isStopped && !isResting && runs.size < concurrency) {
        isCalled = false;
        const taken = await takeOwn(context, taker, concurrency - runs.size);
        for (const one of taken) begin(one);
        if (!isStopped && !isResting && runs.size < concurrency) await lookWhenDue();
      }
    } catch (error) {
      context.log('warning', 'own tasks are looked for again', { error });
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

  function begin(taken: Parameters<typeof beginRun>[2]): void {
    const run = beginRun(context, pool, taken, workerId);
    tokens.add(taken.token);
    options.onTaken?.();
    runs.set(taken.token, run);
    if (isStopped) run.stop('shutdown');
    void run.ended.then(() => {
      runs.delete(taken.token);
      tokens.delete(taken.token);
      call();
    });
  }
}
