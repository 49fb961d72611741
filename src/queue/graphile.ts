import { EventEmitter } from 'node:events';
import { Logger, run, runMigrations, type WorkerEvents } from 'graphile-worker';
import { escapeIdentifier, type Pool } from 'pg';
import type { Queryable } from '../db/transaction.ts';
import {
  type Backend,
  type BackendCall,
  type BackendStart,
  queueName,
  type StartedBackend,
} from './backend.ts';
import { callPlaces } from './places.ts';

/** The backend in the database, whose calls outlive every process. */
export interface QueueBackend extends Backend {
  start(options: BackendStart): Promise<StartedQueue>;
  /** Calls a worker that knows what has this name: others leave the call where it is. */
  callKnowing(client: Queryable, taskId: number, name: string): Promise<void>;
  /** SQL: is a task called for already, by a call that nobody has taken yet? `taskId` is SQL. */
  isCalledSql(taskId: string): string;
  /** SQL: is there a call for it, whether somebody has taken it or not? */
  isKnownSql(taskId: string): string;
  /** Takes back the calls for one that nobody has taken. */
  withdraw(client: Queryable, taskId: number): Promise<void>;
  /** Gives back what a process was at that has died. */
  release(client: Queryable, poolId: string): Promise<void>;
}

export interface StartedQueue extends StartedBackend {
  /** graphile-worker's id of the pool that locks jobs for this process. */
  readonly poolId: string;
}

/** The queue's name for the one function it calls. */
const queueFunction = 'bulkhead:task';

/** graphile-worker in a Postgres schema of its own. */
export function queueBackend(queueSchema: string): QueueBackend {
  const schema = escapeIdentifier(queueSchema);
  return {
    name: queueName,
    can: { later: true, cancel: true, processes: true, restart: true },
    migrate: (pool) => migrateQueue(pool, queueSchema),
    call: (client, call) =>
      call.kind === 'own' ? callPlaces(client, queueSchema) : addJobs(client, schema, call),
    callKnowing: (client, taskId, name) =>
      addJobs(client, schema, { taskIds: [taskId], delayMs: 0 }, [name]),
    start: (options) => startQueue({ ...options, queueSchema }),
    isCalledSql: (taskId) =>
      `exists (select 1 from ${schema}.jobs where task_identifier = '${queueFunction}' and split_part(key, ' ', 1) = ${taskId}::text
    and locked_at is null and attempts < max_attempts)`,
    isKnownSql: (taskId) =>
      `exists (select 1 from ${schema}.jobs where task_identifier = '${queueFunction}' and split_part(key, ' ', 1) = (${taskId})::text)`,
    async withdraw(client, taskId) {
      await client.query(
        `select ${schema}.remove_job(key) from ${schema}.jobs where task_identifier = '${queueFunction}' and split_part(key, ' ', 1) = $1::text and locked_at is null`,
        [String(taskId)],
      );
    },
    async release(client, poolId) {
      await client.query(`select ${schema}.force_unlock_workers(array[$1])`, [poolId]);
    },
  };
}

/**
 * Puts a call for each task into the queue. It carries the task's id alone. Its key says whose it
 * is, and is never given again: re-adding one inside the running job would start a second run at
 * once.
 */
async function addJobs(
  client: Queryable,
  schema: string,
  { taskIds, delayMs }: Pick<BackendCall, 'taskIds' | 'delayMs'>,
  flags: readonly string[] | null = null,
): Promise<void> {
  const { rows } = await client.query<{ id: string | null }>(
    `select job.id::text from unnest($2::int[]) as called(task_id), lateral ${schema}.add_job($1, json_build_object('taskId', task_id),
       job_key := task_id || ' ' || gen_random_uuid(), run_at := case when $3::int > 0 then now() + make_interval(secs => $3::int / 1000.0) end, flags := $4::text[]) job`,
    [queueFunction, taskIds, Math.round(delayMs), flags],
  );
  // Under contention graphile-worker's add_job has been seen to return null: better no launch than
  // a task nobody is called for.
  if (rows.length < taskIds.length || rows.some(({ id }) => !id))
    throw new Error(`the queue did not take the call for task ${taskIds.join(', ')}`);
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

function loggerOf(options: BackendStart): Logger {
  return new Logger(
    () => (level, message) => options.log(level === 'info' ? 'debug' : level, message),
  );
}

async function migrateQueue(pool: Pool, queueSchema: string): Promise<void> {
  await runMigrations({
    pgPool: pool,
    schema: queueSchema,
    logger: new Logger(() => () => undefined),
  });
}

async function startQueue(options: BackendStart & { queueSchema: string }): Promise<StartedQueue> {
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
    // Asked before each call is taken.
    forbiddenFlags: () => (options.unknown?.size ? [...options.unknown] : null),
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
