import type { AdminDefinition } from './admin-definition.ts';
import { buildContext } from './build-context.ts';
import type { Config } from './config.ts';
import { createReadiness } from './health/readiness.ts';
import { serveProbes } from './health/serve-probes.ts';
import type { TaskContext } from './tasks/context.ts';
import { startWorker, type Worker, type WorkerOptions } from './tasks/worker/worker.ts';

/** A worker by itself. */
export interface RunningWorker extends Pick<Worker, 'stop' | 'stoppedByPage' | 'wornOut'> {
  /** Where it answers whoever watches it; null: nowhere. */
  readonly probeAddress: string | null;
}

/** Runs tasks of an admin until stopped. */
export async function runWorker(
  connectionString: string,
  config: Config,
  admin: AdminDefinition,
  log: TaskContext['log'],
): Promise<RunningWorker> {
  const { db, context } = await buildContext(connectionString, config, admin, log);
  const undo: (() => Promise<unknown>)[] = [() => db.close()];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const worker = await startWorker(context, workerOptionsOf(config, connectionString));
    const readiness = createReadiness(context, () => worker.now());
    const token = config.BULKHEAD_PROBE_TOKEN ?? null;
    undo.push(() => worker.stop());
    const { HOST: host, BULKHEAD_PROBE_PORT: port } = config;
    const probes =
      port === undefined
        ? null
        : await serveProbes({ host, port }, { readiness, meters: context.meters, token });
    // Whoever watches it is answered until it has put down what it is at.
    if (probes) undo.splice(1, 0, () => probes.close());
    return {
      stoppedByPage: worker.stoppedByPage,
      wornOut: worker.wornOut,
      probeAddress: probes?.address ?? null,
      stop() {
        void readiness.end();
        return stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
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
