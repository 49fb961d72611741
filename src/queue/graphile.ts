import { EventEmitter } from 'node:events';
import { Logger, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import type { Pool } from 'pg';
import { queueFunction } from './wake.ts';

export interface Queue {
  /** graphile-worker's id of the pool that locks jobs for this process. */
  readonly poolId: string;
  /** Resolves when the queue has stopped, rejects when it died. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface QueueOptions {
  pool: Pool;
  queueSchema: string;
  /** Wake-ups worked on at a time. */
  concurrency: number;
  /** Called for each wake-up; the signal is aborted when the process shuts down. */
  run(taskId: number, signal: AbortSignal): Promise<void>;
  log(level: 'error' | 'warning' | 'info' | 'debug', message: string): void;
}

/**
 * Without a delay, even of 0, nobody would hear that marking a job failed, and the process would end
 * of it.
 */
export const queuePreset = { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } };

/**
 * What graphile-worker leaves for the process to end with when it stops since somebody has migrated a
 * queue, in whichever schema of the database: for us the worker starts anew.
 */
const migratedExitCode = 57;

function forgetExitCode(): void {
  if (process.exitCode === migratedExitCode) process.exitCode = undefined;
}

function loggerOf(options: QueueOptions): Logger {
  return new Logger(() => (level, message) => options.log(level, message));
}

export async function migrateQueue(pool: Pool, queueSchema: string): Promise<void> {
  await runMigrations({
    pgPool: pool,
    schema: queueSchema,
    logger: new Logger(() => () => undefined),
  });
}

export async function startQueue(options: QueueOptions): Promise<Queue> {
  const events = new EventEmitter() as WorkerEvents;
  const poolId = new Promise<string>((resolve) => {
    events.once('pool:create', ({ workerPool }) => resolve(workerPool.id));
  });
  const stopping = new AbortController();
  const runner = await run({
    pgPool: options.pool,
    schema: options.queueSchema,
    concurrency: options.concurrency,
    noHandleSignals: true,
    pollInterval: 1000,
    preset: queuePreset,
    logger: loggerOf(options),
    events,
    taskList: {
      [queueFunction]: async (payload) => {
        await options.run(Number((payload as { taskId: number }).taskId), stopping.signal);
      },
    },
  });
  const ended = runner.promise.finally(forgetExitCode);
  ended.catch(() => undefined);
  return {
    poolId: await poolId,
    ended,
    async stop() {
      // Slices see the signal between chunks and hand their slot back, so the runner's own wait is
      // short.
      stopping.abort();
      await runner.stop().catch(() => undefined);
      await ended.catch(() => undefined);
    },
  };
}
