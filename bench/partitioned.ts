import admin from '../src/admin.ts';
import { migrateAll } from '../src/cli/migrate-all.ts';
import { type Database, openDatabase } from '../src/db/database.ts';
import type { TaskContext } from '../src/tasks/context.ts';
import { undo } from '../src/tasks/follow-ups/undo.ts';
import { startWorker } from '../src/tasks/worker/worker.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../src/testing/context.ts';
import { measureLists } from './list.ts';
import { onOwnServer } from './own-server.ts';
import { seconds } from './server.ts';
import type { Measured } from './table.ts';

/** How the table is cut, by its ids. */
const cuts = {
  range: (rows: number, count: number) => ({
    by: 'range (id)',
    partition: (at: number) =>
      `for values from (${at === 0 ? 'minvalue' : Math.ceil(rows / count) * at + 1}) to (${at === count - 1 ? 'maxvalue' : Math.ceil(rows / count) * (at + 1) + 1})`,
  }),
  hash: (_: number, count: number) => ({
    by: 'hash (id)',
    partition: (at: number) => `for values with (modulus ${count}, remainder ${at})`,
  }),
} as const;

const partitions = 10;
const edited = { field: 'status', 'value.status': 'published' };

/**
 * Places in ten partitions: pages of the list beside the bare SQL for the same rows, then those of
 * one country changed by one raw UPDATE, by a task, and put back by its undo, in seconds. Filled and
 * indexed like a table of somebody's: its primary key and what its filters and orders use.
 */
export function partitioned(
  cut: keyof typeof cuts,
): (options: { rows: number; pairs: number }) => Promise<Measured[]> {
  return ({ rows, pairs }) =>
    onOwnServer({ preload: ['pg_stat_statements'] }, async ({ connectionString }) => {
      await migrateAll(connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, admin);
      await admin.seed?.(connectionString, () => undefined);
      const db = await openDatabase({ connectionString, pagesPoolSize: 4 });
      const filled = await seconds(() => fill(db, rows, cut));
      const lists = await measureLists(db, rows, pairs * 40, { isSearched: false });
      const changed = await change(db, connectionString);
      await db.close();
      const about = (one: Measured) => ({ ...one, case: `${cut}, ${one.case}` });
      return [{ case: 'filled and indexed', rows, seconds: filled }, ...lists, ...changed].map(
        about,
      );
    });
}

async function fill(db: Database, rows: number, cut: keyof typeof cuts): Promise<void> {
  const { by, partition } = cuts[cut](rows, partitions);
  const each = Array.from(
    { length: partitions },
    (_, at) => `create table gazetteer.city_${at} partition of gazetteer.city ${partition(at)};`,
  );
  await db.pages.query(`
    alter table gazetteer.city rename to given;
    create table gazetteer.city (like gazetteer.given including defaults including constraints) partition by ${by};
    ${each.join('\n')}`);
  const { rows: counted } = await db.pages.query<{ count: number }>(
    'select count(*)::int as count from gazetteer.given',
  );
  const given = counted[0]?.count ?? 1;
  await db.pages.query(
    `insert into gazetteer.city (id, name, alt_name, country_code, feature_code, admin_code, population, latitude, longitude, status, featured, rating, created_at, updated_at)
     select row_number() over (), name || ' ' || copy, alt_name, country_code, feature_code, admin_code, population + copy, latitude, longitude, 'draft', featured, rating, created_at, updated_at
     from generate_series(1, $1::int) copy cross join gazetteer.given limit $2`,
    [Math.ceil(rows / given), rows],
  );
  for (const sql of [
    'alter table gazetteer.city add primary key (id)',
    'create index on gazetteer.city (country_code, id)',
    'create index on gazetteer.city (population, id)',
    'alter table gazetteer.city add foreign key (country_code) references gazetteer.country (code)',
    'vacuum (analyze) gazetteer.city',
    'create extension pg_stat_statements',
  ])
    await db.pages.query(sql);
}

const country = 'ESP';
const others = `country_code = '${country}'`;

async function change(db: Database, connectionString: string): Promise<Measured[]> {
  const raw = await seconds(() =>
    db.pages.query(
      `update gazetteer.city set status = 'reviewed', updated_at = now() where ${others}`,
    ),
  );
  await db.pages.query('vacuum (analyze) gazetteer.city');
  await insertPrincipals(db);
  const context = testContext(db);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    let taskId = 0;
    const task = await seconds(async () => {
      const { task: launched } = await launchOn(
        context,
        context.registry.get('cities'),
        { kind: 'matching', filter: `country=${country}` },
        'update',
        edited,
      );
      taskId = launched.id;
      await ended(context, taskId);
    });
    const { rows: found } = await db.pages.query<{ changed: number }>(
      `select changed from ${db.t.task} where id = $1`,
      [taskId],
    );
    const records = found[0]?.changed ?? 0;
    const kept = await bytesOf(db);
    const undone = await seconds(async () => {
      const operationId = crypto.randomUUID();
      const { task: back } = await undo(context, ada, taskId, { operationId, chosen: null });
      await ended(context, back.id);
    });
    return [
      { case: 'raw UPDATE of one country', rows: records, seconds: raw },
      {
        ...{ case: 'the same as a task', rows: records, seconds: task, ratio: task / raw },
        bytesKeptPerRow: kept / records,
      },
      { case: 'its undo', rows: records, seconds: undone, ratio: undone / raw },
    ];
  } finally {
    await worker.stop();
  }
}

/** Of what tasks keep: their chunks, and what was written with what it was before. */
async function bytesOf({ pages, t }: Database): Promise<number> {
  const { rows } = await pages.query<{ bytes: number }>(
    'select sum(pg_total_relation_size(name::regclass))::float8 as bytes from unnest($1::text[]) name',
    [[t.change, t.chunk]],
  );
  return rows[0]?.bytes ?? 0;
}

async function ended({ db }: TaskContext, id: number): Promise<void> {
  const task = await finished(db, id, 3_600_000);
  if (task.state !== 'succeeded')
    throw new Error(`task ${id} ended ${task.state}: ${task.message}`);
}
