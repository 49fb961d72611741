import type { AdminDefinition } from './admin-definition.ts';
import { buildContext } from './build-context.ts';
import type { Config } from './config.ts';
import type { TaskContext } from './tasks/context.ts';
import { startWorker, type Worker, type WorkerOptions } from './tasks/worker/worker.ts';

/** Runs tasks of an admin until stopped. */
export async function runWorker(
  connectionString: string,
  config: Config,
  admin: AdminDefinition,
  log: TaskContext['log'],
): Promise<Worker> {
  const { db, context } = await buildContext(connectionString, config, admin, log);
  const worker = await startWorker(context, workerOptionsOf(config, connectionString)).catch(
    async (error) => {
      await db.close();
      throw error;
    },
  );
  return {
    stoppedByPage: worker.stoppedByPage,
    wornOut: worker.wornOut,
    async stop() {
      await worker.stop();
      await db.close();
    },
  };
}

/** What a worker takes, as its settings say. */
export function workerOptionsOf(config: Config, connectionString: string): WorkerOptions {
  return {
    connectionString,
    concurrency: config.BULKHEAD_WORKER_CONCURRENCY,
    places: config.BULKHEAD_PLACES ?? null,
    poolSize: config.BULKHEAD_WORKER_POOL_SIZE ?? null,
    queues: config.BULKHEAD_QUEUES ?? null,
    maxTasks: config.BULKHEAD_WORKER_MAX_TASKS ?? null,
    maxMemoryMb: config.BULKHEAD_WORKER_MAX_MEMORY_MB ?? null,
  };
}
