import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../src/db/database.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { finished, insertPrincipals, launchOn, testContext } from '../src/testing/context.ts';
import { formOf } from '../src/testing/html-form.ts';
import { startWorkerProcess } from '../src/testing/worker-process.ts';
import { onServer } from './server.ts';
import { type Measured, percentile } from './table.ts';
import { type BenchVisitor, benchVisitor } from './visitor.ts';

/** Records that the task leaves alone, so that saving one of them is refused by nobody. */
const free = 200;
const idleMs = 30_000;
/** A person's pace is slower. */
const pauseMs = 20;

/**
 * Milliseconds of the pages that somebody goes through, in a process of their own, while nothing
 * runs, and beside a task of all but a few of the records by two runners of a worker's process.
 */
export function pages({ rows }: { rows: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    const { connectionString } = bench;
    await insertPrincipals(bench.db);
    await bench.freshCopy();
    const context = testContext(bench.db, {}, { parallelism: 2 });
    const worker = await startWorkerProcess(connectionString, {
      BULKHEAD_WORKER_CONCURRENCY: '2',
    });
    const visitor = await benchVisitor(context);
    try {
      return await measure(bench.db, context, visitor, rows);
    } finally {
      await visitor.close();
      await worker.kill('SIGTERM');
    }
  });
}

async function measure(
  db: Database,
  context: TaskContext,
  visitor: BenchVisitor,
  rows: number,
): Promise<Measured[]> {
  // Warms up.
  await walkFor(visitor, rows, Date.now() + 3_000);
  const idle = await walkFor(visitor, rows, Date.now() + idleMs);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: `id-max=${rows - free}` },
    'update',
    { field: ['status', 'featured'], 'value.status': 'published', 'value.featured': 'true' },
  );
  let isOver = false;
  const end = finished(db, task.id, 900_000).finally(() => {
    isOver = true;
  });
  const busy = await walkFor(visitor, rows, Date.now() + 900_000, () => isOver);
  const { state } = await end;
  if (state !== 'succeeded') throw new Error(`the task ended ${state}`);
  return [...idle].map(([name, ms]) => {
    const beside = busy.get(name) ?? [];
    return {
      case: `pages, ${name}`,
      rows,
      asked: beside.length,
      idleP50Ms: percentile(ms, 0.5),
      idleP99Ms: percentile(ms, 0.99),
      besideP50Ms: percentile(beside, 0.5),
      besideP99Ms: percentile(beside, 0.99),
      p99ToIdle: percentile(beside, 0.99) / percentile(ms, 0.99),
    };
  });
}

/** One page after the other, again and again, and the milliseconds of each by its name. */
async function walkFor(
  visitor: BenchVisitor,
  rows: number,
  until: number,
  isOver: () => boolean = () => false,
): Promise<Map<string, number[]>> {
  const taken = new Map<string, number[]>();
  const timed = async (name: string, ask: () => ReturnType<BenchVisitor['get']>) => {
    const start = performance.now();
    const answer = await ask();
    const ms = performance.now() - start;
    if (answer.statusCode >= 400)
      throw new Error(`${name} was answered ${answer.statusCode}: ${answer.body.slice(0, 300)}`);
    taken.set(name, [...(taken.get(name) ?? []), ms]);
    await wait(pauseMs);
    return answer;
  };
  for (let n = 0; Date.now() < until && !isOver(); n++) {
    const path = `/cities/${rows - (n % free)}/edit`;
    await timed('list', () => visitor.get('/cities'));
    const form = await timed('edit', () => visitor.get(path));
    const fields = formOf(form.body, 'record-form');
    await timed('save', () => visitor.post(path, { ...fields, notes: [`seen ${n}`] }));
    await timed('dashboard', () => visitor.get('/tasks'));
  }
  return taken;
}
