import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import admin from '../src/admin.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import { removeEmbedded, startEmbedded } from '../src/db/embedded.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { startWorker } from '../src/tasks/worker.ts';
import { finished, launchOn, testContext } from '../src/testing/context.ts';
import { median, type Row } from './table.ts';

/**
 * Seconds for a whole task, from confirm to finished (freeze, locks, images, history and progress included), and for one
 * raw UPDATE of the same rows and columns. Each run has a fresh copy of the table; the order alternates. A server of its
 * own with durable commits; the table has its primary key and three more indexes.
 */
export async function bulkUpdate({ rows, pairs }: { rows: number; pairs: number }): Promise<Row[]> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-bench-'));
  const server = await startEmbedded({ folder });
  try {
    await migrateAll(server.connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
    await admin.seed?.(server.connectionString, () => undefined);
    const db = await openDatabase({ connectionString: server.connectionString });
    await keepOriginal(db, rows);
    const measured: Row[] = [];
    for (const drains of [1, 2]) measured.push(await measure(db, server.connectionString, rows, pairs, drains));
    await db.close();
    return measured;
  } finally {
    await server.stop();
    await removeEmbedded(folder);
  }
}

async function keepOriginal(db: Database, rows: number): Promise<void> {
  await db.pages.query(
    `create table gazetteer.original as select row_number() over () as number, city.* from generate_series(1, $1::int) copy cross join gazetteer.city limit $2`,
    [Math.ceil(rows / 135_233), rows],
  );
}

async function freshCopy(db: Database): Promise<void> {
  await db.pages.query('truncate gazetteer.city cascade');
  await db.pages.query(
    `insert into gazetteer.city (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, updated_at)
     select number, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, 'draft', false, rating, updated_at
     from gazetteer.original order by number`,
  );
  await db.pages.query('vacuum (analyze) gazetteer.city');
  await db.pages.query('checkpoint');
}

async function measure(db: Database, connectionString: string, rows: number, pairs: number, drains: number): Promise<Row> {
  const ctx = testContext(db, {}, { parallelism: drains });
  const worker = await startWorker(ctx, { connectionString, concurrency: drains });
  const raw: number[] = [];
  const task: number[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const sides = [() => timeRaw(db).then((s) => raw.push(s)), () => timeTask(ctx, rows).then((s) => task.push(s))];
    for (const side of pair % 2 === 0 ? sides : sides.reverse()) {
      await freshCopy(db);
      await side();
    }
  }
  await worker.stop();
  const ratios = task.map((seconds, index) => seconds / (raw[index] as number));
  return {
    case: `bulk-update, ${drains === 1 ? 'one drain' : 'two drains'}`,
    rows,
    pairs,
    taskSeconds: median(task),
    rawSeconds: median(raw),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
}

async function timeRaw(db: Database): Promise<number> {
  const start = performance.now();
  await db.pages.query(`update gazetteer.city set status = 'published', featured = true, updated_at = now()`);
  return (performance.now() - start) / 1000;
}

async function timeTask(ctx: TaskContext, rows: number): Promise<number> {
  const cities = ctx.register.get('cities');
  const start = performance.now();
  const body = { field: ['status', 'featured'], 'value.status': 'published', 'value.featured': 'true' };
  const { task: launched } = await launchOn(ctx, cities, { kind: 'matching', filter: '' }, 'update', body);
  const task = await finished(ctx.db, launched.id, 600_000);
  const seconds = (performance.now() - start) / 1000;
  if (task.state !== 'succeeded' || task.changed !== rows) throw new Error(`the task ended ${task.state} with ${task.changed} of ${rows}`);
  return seconds;
}
