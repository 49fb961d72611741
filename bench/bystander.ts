import pg from 'pg';
import type { Database } from '../src/db/database.ts';
import { finished, launchOn } from '../src/testing/context.ts';
import { onServer, withRunners } from './server.ts';
import { type Measured, percentile } from './table.ts';

/**
 * What somebody else sees who edits random records of the very chunk that is being worked on:
 * milliseconds per edit, without bulk work, and beside one runner and two. A plain UPDATE on a
 * connection of its own, as another program's would be.
 */
export function bystander({ rows }: { rows: number }): Promise<Measured[]> {
  return onServer(rows, async (bench) => {
    const measured: Measured[] = [];
    const client = new pg.Client({ connectionString: bench.connectionString });
    await client.connect();
    await bench.freshCopy();
    await editFor(client, 500, () => Promise.resolve(range(1, rows)));
    const alone = await editFor(client, 5_000, () =>
      Promise.resolve(range(1, Math.min(rows, 1_000))),
    );
    measured.push(row('without bulk work', rows, alone, alone));
    for (const runners of [1, 2]) {
      await bench.freshCopy();
      const waits = await withRunners(bench, runners, async (context) => {
        const body = {
          field: ['status', 'featured'],
          'value.status': 'published',
          'value.featured': 'true',
        };
        const { task } = await launchOn(
          context,
          context.registry.get('cities'),
          { kind: 'matching', filter: '' },
          'update',
          body,
        );
        let isOver = false;
        const end = finished(bench.db, task.id, 900_000).finally(() => {
          isOver = true;
        });
        const edited = await editFor(
          client,
          900_000,
          () => nextRecords(bench.db, task.id),
          () => isOver,
        );
        await end;
        return edited;
      });
      measured.push(row(runners === 1 ? 'one drain' : 'two drains', rows, waits, alone));
    }
    await client.end();
    return measured;
  });
}

const range = (low: number, high: number) => ({ low, high });

/** The records that come next, at either end, among which a running chunk is. */
async function nextRecords(
  { pages, t }: Database,
  taskId: number,
): Promise<{ low: number; high: number } | null> {
  const { rows } = await pages.query<{ low: number; high: number }>(
    `select first_key::int as low, last_key::int as high from ${t.chunk} where task_id = $1 and state = 'active' order by first_key ${Math.random() < 0.5 ? 'asc' : 'desc'} limit 1`,
    [taskId],
  );
  return rows[0] ?? null;
}

async function editFor(
  client: pg.Client,
  ms: number,
  where: () => Promise<{ low: number; high: number } | null>,
  isOver: () => boolean = () => false,
): Promise<number[]> {
  const waits: number[] = [];
  const deadline = performance.now() + ms;
  while (performance.now() < deadline && !isOver()) {
    const records = await where();
    if (!records) {
      await new Promise((done) => setTimeout(done, 5));
      continue;
    }
    const id = records.low + Math.floor(Math.random() * (records.high - records.low + 1));
    const start = performance.now();
    await client.query('update gazetteer.city set notes = $2 where id = $1', [id, String(start)]);
    waits.push(performance.now() - start);
  }
  return waits;
}

function row(name: string, rows: number, waits: number[], alone: number[]): Measured {
  return {
    case: `bystander, ${name}`,
    rows,
    edits: waits.length,
    p50Ms: percentile(waits, 0.5),
    p99Ms: percentile(waits, 0.99),
    p999Ms: percentile(waits, 0.999),
    maxMs: percentile(waits, 1),
    p99OverAloneMs: percentile(waits, 0.99) - percentile(alone, 0.99),
  };
}
