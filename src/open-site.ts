import type { FastifyInstance } from 'fastify';
import type { AdminDefinition } from './admin-definition.ts';
import { agreedOfPages } from './agreed-settings.ts';
import { type AppOptions, buildApp } from './app.ts';
import { sessionSecret } from './auth/session-secret.ts';
import { buildContext } from './build-context.ts';
import type { Config } from './config.ts';
import { inProcessName } from './queue/backend.ts';
import { workerOptionsOf } from './run-worker.ts';
import { backendsOf, runsInProcess } from './tasks/assert-backends.ts';
import type { TaskContext } from './tasks/context.ts';
import { startTelling } from './tasks/hooks/tell.ts';
import { startRetention } from './tasks/worker/retention.ts';
import { announcePages } from './tasks/worker/web-process.ts';
import { startRecovery, startWorker, type Worker } from './tasks/worker/worker.ts';

/** The pages of an admin, with what goes on beside them. */
export interface OpenedSite {
  /** Neither listened on nor ready. */
  readonly app: FastifyInstance;
  readonly context: TaskContext;
  /** Null: this process runs no tasks. */
  readonly worker: Worker | null;
  stop(): Promise<void>;
}

export interface SiteOptions {
  admin: AdminDefinition;
  config: Config;
  connectionString: string;
  /** Past a pooler, where there is one: what a worker needs. */
  direct: string;
  /** Runs tasks here whatever calls for them. Where not, what is to run in this process does. */
  hasWorker: boolean;
  log: TaskContext['log'];
  app?: Pick<AppOptions, 'isMounted'>;
}

const memoryNote =
  'BULKHEAD_WORKER_MAX_MEMORY_MB is for workers in a process of their own: here it is ignored, since pages are served too.';

/** Over a database that has been brought up: pages, recovery, and a worker where one is wanted. */
export async function openSite(options: SiteOptions): Promise<OpenedSite> {
  const { admin, config, connectionString, direct, hasWorker, log } = options;
  const { db, context } = await buildContext(connectionString, config, admin, log);
  const undo: (() => Promise<unknown>)[] = [() => db.close()];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const backends = hasWorker
      ? backendsOf(context)
      : runsInProcess(context)
        ? [inProcessName]
        : [];
    const worker =
      backends.length === 0
        ? null
        : await startWorker(context, {
            ...{ ...workerOptionsOf(config, direct), backends },
            // The pages go on: of the memory that they share nothing would be given back.
            ...{ maxMemoryMb: null, isRenewed: true },
          });
    if (worker && config.BULKHEAD_WORKER_MAX_MEMORY_MB !== undefined) log('warning', memoryNote);
    if (worker) undo.push(() => worker.stop());
    const app = await buildApp({ admin, config, context, ...options.app });
    const recovery = startRecovery(context);
    // Elsewhere it is a worker's.
    const retention = context.settings.background ? null : startRetention(context);
    const telling = startTelling(context, db.pages, null);
    const secret = await sessionSecret(config);
    const known = announcePages(context, agreedOfPages(config, secret, context.agreed));
    undo.push(() =>
      Promise.all([recovery.stop(), telling.stop(), retention?.stop(), known.stop()]),
    );
    undo.push(() => app.close());
    return { app, context, worker, stop };
  } catch (error) {
    await stop().catch(() => undefined);
    throw error;
  }
}
