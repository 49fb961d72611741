import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import { openPool } from '../src/db/pool.ts';
import { queuePreset } from '../src/queue/graphile.ts';

export interface Bare {
  add(n: number): Promise<void>;
  stop(): Promise<void>;
}

/**
 * graphile-worker alone, in a schema of its own, with as many connections as a worker of ours has
 * and the preset of our queue.
 */
export async function startBare(
  connectionString: string,
  concurrency: number,
  hasRun: (n: number) => void,
): Promise<Bare> {
  const pgPool = openPool({ connectionString, name: 'bare', max: concurrency + 4 });
  const schema = 'bare_worker';
  const logger = new Logger(() => () => undefined);
  const utils = await makeWorkerUtils({ pgPool, schema, logger });
  await utils.migrate();
  const runner = await run({
    pgPool,
    schema,
    logger,
    concurrency,
    noHandleSignals: true,
    pollInterval: 1_000,
    preset: queuePreset,
    taskList: { noop: (payload) => hasRun((payload as { n: number }).n) },
  });
  return {
    add: async (n) => void (await utils.addJob('noop', { n })),
    async stop() {
      await runner.stop();
      await utils.release();
      await pgPool.end();
    },
  };
}
