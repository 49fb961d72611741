import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { taskManagerOf } from '../src/create-task-manager.ts';
import { finished, insertPrincipals, testContext } from '../src/testing/context.ts';
import { startWorkerProcess } from '../src/testing/worker-process.ts';
import { besideAdmin, long, small } from './beside-admin.ts';
import { runTask } from './bulk-update.ts';
import { onServer, seconds } from './server.ts';
import { type Measured, median, percentile } from './table.ts';

const longMs = 180_000;
const cancelAfterMs = 120_000;
const smallTasks = 500;
const body = {
  field: ['status', 'featured'],
  'value.status': 'published',
  'value.featured': 'true',
};

/**
 * Two runs of three minutes on two workers, beside a bulk task of `rows` and 500 small tasks of
 * one's own spread over it: until the small ones start, the bulk task's rate to that without them,
 * and what became of the long ones, one of which is cancelled after two minutes.
 */
export function beside({ rows }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    const { db, connectionString } = bench;
    await insertPrincipals(db);
    const context = testContext(db, {}, {}, besideAdmin);
    const tasks = taskManagerOf(besideAdmin, context);
    const file = join(import.meta.dirname, 'beside-admin.ts');
    const start = () => startWorkerProcess(connectionString, {}, file);
    const workers = [await start(), await start()];
    const bulk = () => seconds(() => runTask(context, rows, 'update', body));
    await bench.freshCopy();
    await bulk();
    await bench.freshCopy();
    const alone = await bulk();
    await bench.freshCopy();
    const runs = [
      await tasks.launch(long, { ms: longMs }),
      await tasks.launch(long, { ms: longMs }),
    ];
    const [toEnd, toCancel] = runs.map(({ id }) => id) as [number, number];
    const begun = performance.now();
    for (const { id } of runs) while ((await tasks.get(id)).state !== 'running') await wait(10);
    const ids: number[] = [];
    const launching = (async () => {
      for (let n = 0; n < smallTasks; n++) {
        ids.push((await tasks.launch(small, { n })).id);
        await wait((alone * 1000) / smallTasks);
      }
    })();
    const beside = await bulk();
    await launching;
    for (const id of ids) await finished(db, id, 60_000);
    const { rows: starts } = await db.pages.query<{ ms: number }>(
      `select (extract(epoch from started_at - created_at) * 1000)::float8 as ms from ${db.t.task} where id = any($1)`,
      [ids],
    );
    await wait(Math.max(0, cancelAfterMs - (performance.now() - begun)));
    const cancelled = await seconds(async () => {
      await tasks.cancel(toCancel);
      await finished(db, toCancel, 60_000);
    });
    const ended = await finished(db, toEnd, longMs);
    const other = await finished(db, toCancel, 0);
    for (const worker of workers) await worker.kill('SIGTERM');
    const ms = starts.map((one) => one.ms);
    const about = { rows };
    return [
      {
        case: 'beside two long runs: small tasks start',
        ...about,
        count: ms.length,
        p50Ms: median(ms),
        p99Ms: percentile(ms, 0.99),
        allowedP99Ms: 1_000,
      },
      {
        case: 'bulk task',
        ...about,
        aloneSeconds: alone,
        seconds: beside,
        rateToAlone: alone / beside,
      },
      { case: `long run to its end: ${ended.state}`, ...about, count: ended.attempts },
      {
        case: `long run cancelled after two minutes: ${other.state}`,
        ...about,
        count: other.attempts,
        seconds: cancelled,
      },
    ];
  });
}
