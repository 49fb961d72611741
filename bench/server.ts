import admin from '../src/admin.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { testContext } from '../src/testing/context.ts';
import { onOwnServer } from './own-server.ts';

export interface Bench {
  db: Database;
  connectionString: string;
  /** A table of `rows` places, as they were at first: its primary key and three more indexes. */
  freshCopy(): Promise<void>;
  /** What was written until now weighs on nothing that comes. */
  settle(): Promise<void>;
}

/**
 * A server of the bench's own with durable commits, the sample's tables, and `rows` places made
 * from the real ones.
 */
export async function onServer<T>(
  rows: number,
  work: (bench: Bench) => Promise<T>,
  options: Parameters<typeof onOwnServer>[0] = {},
): Promise<T> {
  return onOwnServer(options, async ({ connectionString }) => {
    await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
    await admin.seed?.(connectionString, () => undefined);
    const db = await openDatabase({ connectionString });
    await keepOriginal(db, rows);
    const result = await work({
      db,
      connectionString,
      freshCopy: () => freshCopy(db),
      settle: () => settle(db),
    });
    await db.close();
    return result;
  });
}

async function keepOriginal(db: Database, rows: number): Promise<void> {
  await db.pages.query(
    `create table gazetteer.original as select row_number() over () as number, city.* from generate_series(1, $1::int) copy cross join gazetteer.city limit $2`,
    [Math.ceil(rows / 135_233), rows],
  );
  await db.pages.query(
    'create table gazetteer.original_country as select * from gazetteer.country',
  );
  await db.pages.query('update gazetteer.original_country set capital_city_id = null');
}

async function freshCopy(db: Database): Promise<void> {
  await empty(db);
  await db.pages.query('insert into gazetteer.country select * from gazetteer.original_country');
  await db.pages.query(
    `insert into gazetteer.city (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, updated_at)
     select number, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, 'draft', false, rating, updated_at
     from gazetteer.original order by number`,
  );
  await settle(db);
}

async function settle(db: Database): Promise<void> {
  await db.pages.query('vacuum (analyze) gazetteer.city');
  await db.pages.query('checkpoint');
}

/**
 * What earlier runs kept must not weigh on later ones. A worker that looks around meanwhile may be
 * in the way, once.
 */
async function empty(db: Database): Promise<void> {
  const tables = [db.t.task, db.t.chunk, db.t.change, 'gazetteer.city', 'gazetteer.country'].join(
    ', ',
  );
  const isDeadlock = (error: { code?: string }) => error.code === '40P01';
  await db.pages
    .query(`truncate ${tables} cascade`)
    .catch((error) => (isDeadlock(error) ? empty(db) : Promise.reject(error)));
}

/** With a worker of as many runners. */
export async function withRunners<T>(
  bench: Bench,
  runners: number,
  work: (context: TaskContext) => Promise<T>,
): Promise<T> {
  const context = testContext(bench.db, {}, { parallelism: runners });
  const worker = await startWorker(context, {
    connectionString: bench.connectionString,
    concurrency: runners,
  });
  try {
    return await work(context);
  } finally {
    await worker.stop();
  }
}

export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}
