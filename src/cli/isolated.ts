import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { buildContext } from '../build-context.ts';
import { parseConfig } from '../config.ts';
import { openPool } from '../db/pool.ts';
import { withIds } from '../log/ids.ts';
import { ourModule } from '../our-files.ts';
import { endWhenLost } from '../tasks/own/end-when-lost.ts';
import type { IsolatedMessage, IsolatedStart, IsolatedStop } from '../tasks/own/isolated.ts';
import { startRun } from '../tasks/own/run-own.ts';
import { openDefinition } from './open-admin.ts';

/** A process that a worker starts for one run of one task, and that ends with it. */

// Whatever the run does to this thread, the other one hears of the worker's end, and sees how much
// memory is taken.
const [, , maxMemoryMb] = process.argv;
new Worker(ourModule('cli/isolated-end'), {
  workerData: maxMemoryMb === undefined ? null : Number(maxMemoryMb),
}).unref();
// The worker is sent them too, and says what is to be done.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const [first] = (await once(process, 'message')) as [IsolatedStart];
const stops: IsolatedStop[] = [];
let stop = (said: IsolatedStop): unknown => stops.push(said);
process.on('message', (said: IsolatedStop) => stop(said));

try {
  const { taken, settings } = first;
  const config = parseConfig({
    ...process.env,
    DATABASE_URL: first.connectionString,
    BULKHEAD_DATABASE_SCHEMA: first.schema,
  });
  const admin = await openDefinition(first.definition, config);
  const built = await buildContext(
    first.connectionString,
    config,
    admin,
    (level, message, details = {}) => say({ kind: 'log', level, message, details }),
  );
  const pool = openPool({
    connectionString: first.connectionString,
    name: first.workerId,
    max: 4,
    ownSessions: true,
    isWorker: true,
  });
  const context = { ...built.context, settings: { ...built.context.settings, ...settings } };
  const run = withIds({ workerId: first.workerId }, () => startRun(context, pool, taken));
  stop = ({ reason }) => run.stop(reason);
  for (const said of stops) stop(said);
  const ending = endWhenLost(context, pool, taken);
  await run.ended;
  ending.stop();
} catch (error) {
  await say({ kind: 'failed', message: error instanceof Error ? error.message : String(error) });
}
// Whatever the run has left open.
process.exit(0);

/** Resolves when it is on its way: a process that exits says no more. */
function say(message: IsolatedMessage): Promise<void> {
  return new Promise((resolve) => process.send?.(message, () => resolve()));
}
