import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import type { TaskContext } from '../context.ts';
import { cancel } from '../control/cancel.ts';
import { successOf } from '../looking/progress.ts';
import { startWorker } from '../worker/worker.ts';

const body = { field: 'notes', 'value.notes': 'changed' };

async function setUp(t: Parameters<typeof testDatabase>[0], { places = 600, runners = 1 } = {}) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, { chunkSize: 50, parallelism: runners });
  await insertPlaces(db, places);
  const launch = () =>
    launchOn(
      context,
      context.registry.get('cities'),
      { kind: 'matching', filter: '' },
      'update',
      body,
    );
  const run = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: runners });
    defer(() => worker.stop());
  };
  return { db, context, launch, run };
}

test('records at the bounds of chunks that are deleted before their turn end nothing: all others are changed', async (t) => {
  const { db, launch, run } = await setUp(t);
  const { task } = await launch();
  await db.pages.query(`
    create function gazetteer.delete_bounds() returns trigger language plpgsql as $$
      begin
        if pg_trigger_depth() = 1 and exists (select 1 from gazetteer.city where id in (50, 51, 100, 101, 600)) then
          delete from gazetteer.city where id in (50, 51, 100, 101, 600);
        end if;
        return null;
      end $$;
    create trigger delete_bounds after update on gazetteer.city for each statement execute function gazetteer.delete_bounds();
  `);
  await run();
  const end = await finished(db, task.id);
  const { rows } = await db.pages.query(
    `select count(*)::int as all, count(notes)::int as changed from gazetteer.city`,
  );
  assert.deepEqual(rows[0], { all: 595, changed: 595 });
  assert.deepEqual(
    [end.state, end.done, end.failed, end.changed + end.gone],
    ['succeeded', 600, 0, 600],
  );
  assert.ok(end.gone >= 4, String(end.gone));
});

test('runners that work side by side never share a connection: every chunk is a transaction of its own', async (t) => {
  const { db, launch, run } = await setUp(t, { runners: 3 });
  await db.pages.query(`
    alter table gazetteer.city add column written_by text;
    create function gazetteer.sign() returns trigger language plpgsql as $$
      begin new.written_by := pg_backend_pid() || ':' || txid_current(); perform pg_sleep(0.0005); return new; end $$;
    create trigger sign before update on gazetteer.city for each row execute function gazetteer.sign();
  `);
  const { task } = await launch();
  await run();
  const end = await finished(db, task.id);
  assert.equal(end.changed, 600);
  const { rows } = await db.pages.query(
    `select count(distinct written_by)::int as transactions, count(distinct number)::int as chunks,
       count(distinct (number, written_by))::int as pairs
     from ${db.t.chunk} chunk cross join unnest(keys) key join gazetteer.city on city.id = key::int where task_id = $1`,
    [task.id],
  );
  assert.deepEqual(rows[0], {
    transactions: end.chunkCount,
    chunks: end.chunkCount,
    pairs: end.chunkCount,
  });
});

test('a task that changed nothing says failed, and never success', async (t) => {
  const { db, launch, run } = await setUp(t);
  await db.pages.query('alter table gazetteer.city add constraint nothing check (notes is null)');
  const { task } = await launch();
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.changed, end.failed], ['failed', 0, 600]);
  assert.deepEqual([successOf(end), end.reason], [false, 'records-refused']);
});

test('a task whose smallest chunk takes too long ends, and says so', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { statementTimeoutMs: 100, maxDeaths: 2 }, { chunkSize: 50 });
  await insertPlaces(db, 100);
  await db.pages.query(`
    create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();
  `);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const end = await finished(db, task.id, 15_000);
  assert.deepEqual([end.state, end.reason, end.changed, end.failed], ['failed', 'too-slow', 0, 0]);
});

for (const sliceMs of [30_000, 200]) {
  test(`a task of which one statement can do a single record finishes, in slices of ${sliceMs} ms`, async (t) => {
    const { db, connectionString, defer } = await testDatabase(t);
    const context = testContext(
      db,
      { statementTimeoutMs: 700, maxDeaths: 2, sliceMs },
      { minAsyncRecords: 1 },
    );
    await insertPlaces(db, 8);
    await db.pages.query(`
      create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.4); return new; end $$;
      create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();
    `);
    const { task } = await launchOn(
      context,
      context.registry.get('cities'),
      { kind: 'matching', filter: '' },
      'update',
      body,
    );
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
    const end = await finished(db, task.id, 30_000);
    assert.deepEqual(
      [end.state, end.changed, end.chunksDone],
      ['succeeded', 8, 8],
      end.message ?? '',
    );
  });
}

test('a task that is cancelled while its chunk is tried again and again ends with the try that is under way', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const again: string[] = [];
  const log = (_level: string, message: string) =>
    message === 'a chunk is tried again' && void again.push(message);
  const context = { ...testContext(db, { lockTimeoutMs: 200 }), log: log as TaskContext['log'] };
  await insertPlaces(db, 100);
  const holder = await db.pages.connect();
  defer(() => holder.release());
  await holder.query('begin; select 1 from gazetteer.city where id = 1 for update');
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  while (again.length === 0) await new Promise((done) => setTimeout(done, 5));
  assert.equal(await cancel(context, ada, task.id), 'cancelling');
  const tried = again.length;
  const end = await finished(db, task.id);
  await holder.query('rollback');
  assert.deepEqual([end.state, end.changed], ['cancelled', 0]);
  assert.ok(again.length <= tried + 1, 'no more than the one that was under way');
});

test('a right that was withdrawn between launch and start changes nothing', async (t) => {
  const { db, context, launch, run } = await setUp(t);
  const { task } = await launch();
  await db.pages.query(
    `update ${db.t.task} set principal = jsonb_set(principal::jsonb, '{roles}', '["viewer"]') where id = $1`,
    [task.id],
  );
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.changed], ['failed', 0]);
  assert.match(end.message ?? '', /may not do this any more/);
  assert.equal(
    context.registry
      .get('cities')
      .permissions({ ...ada, roles: ['viewer'] })
      .includes('bulk-update'),
    false,
  );
});
