import { readFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { finished, insertPrincipals, launchOn, testContext } from '../src/testing/context.ts';
import { startWorkerProcess } from '../src/testing/worker-process.ts';
import { onServer } from './server.ts';
import { type Measured, median } from './table.ts';

/**
 * The highest resident memory of a worker in megabytes, after a warm-up: it must not grow with the
 * records of a task. Linux only.
 */
export function memory({ rows, pairs }: { rows: number; pairs: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    await insertPrincipals(bench.db);
    const few = Math.min(10_000, rows);
    const peaks = new Map<number, number[]>([
      [few, []],
      [rows, []],
    ]);
    for (let round = 0; round < pairs; round++) {
      for (const size of [few, rows]) {
        await bench.freshCopy();
        const worker = await startWorkerProcess(bench.connectionString);
        const pid = worker.child.pid as number;
        try {
          await update(bench, few, 'notes');
          const peak = await peakWhile(pid, () => update(bench, size, 'status'));
          peaks.get(size)?.push(peak);
        } finally {
          await worker.kill('SIGTERM');
        }
      }
    }
    const base = median(peaks.get(few) ?? []);
    return [...peaks].map(([size, own]) => ({
      case: `memory, ${size} records`,
      rows: size,
      rounds: pairs,
      highestMegabytes: median(own),
      growthMegabytes: median(own) - base,
    }));
  });
}

async function update(
  { db }: { db: Parameters<typeof testContext>[0] },
  size: number,
  field: 'notes' | 'status',
): Promise<void> {
  const context = testContext(db);
  const value = field === 'notes' ? 'warm' : 'published';
  const selected = { kind: 'matching', filter: `population-min=0&id-max=${size}` } as const;
  const { task } = await launchOn(context, context.registry.get('cities'), selected, 'update', {
    field,
    [`value.${field}`]: value,
  });
  await finished(db, task.id, 600_000);
}

async function peakWhile(pid: number, work: () => Promise<void>): Promise<number> {
  let isOver = false;
  let peak = 0;
  const watch = (async () => {
    while (!isOver) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
      await wait(50);
    }
  })();
  await work();
  isOver = true;
  await watch;
  return peak;
}
