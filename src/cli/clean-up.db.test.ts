import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { advisoryClass } from '../db/advisory-class.ts';
import { deliverNext } from '../tasks/hooks/deliver.ts';
import { fanOut } from '../tasks/hooks/fan-out.ts';
import { type CleanedUp, cleanUp, countCleanUp } from '../tasks/worker/clean-up.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { ada, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { until } from '../testing/until.ts';
import { workOff } from '../testing/work-off.ts';
import { startWorkerProcess } from '../testing/worker-process.ts';

const change = { field: 'notes', 'value.notes': 'new' };

/** Much that is old enough to go, beside what is not. */
async function setUp(t: TestContext) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 60);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  const edit = (value: string) =>
    launchOn(
      context,
      cities,
      { kind: 'matching' },
      'update',
      { ...change, 'value.notes': value },
      ada,
    );
  const old = await edit('old');
  await workOff({ context, db, connectionString }, old.task.id);
  const { t: names } = db;
  const age = (table: string, column: string) =>
    db.pages.query(`update ${table} set ${column} = now() - interval '800 days'`);
  while ((await fanOut(db.pages, context)).isFull);
  while (await deliverNext(context, db.pages));
  await age(names.task, 'finished_at');
  await age(names.change, 'at');
  await age(names.selection, 'updated_at');
  await age(names.preview, 'created_at');
  await db.pages.query(
    `insert into ${names.alert} (finding, title, path, over_at) values ('x', 'x', '/', now() - interval '800 days')`,
  );
  await db.pages.query(
    `insert into ${names.session} (sid, sess, expire) values ('old', '{}', now() - interval '1 day'), ('new', '{}', now() + interval '1 day')`,
  );
  await db.pages.query(
    `insert into ${names.task_hook} (name, events, seen_at) values ('gone', '{}', now() - interval '8 days')`,
  );
  await db.pages.query(
    `insert into ${names.worker} (id, host, pid) values ($1, 'elsewhere', 1), ($2, 'elsewhere', 2)`,
    [randomUUID(), randomUUID()],
  );
  // One whose session lasts, and that has said nothing for long.
  const hung = new pg.Client({ connectionString });
  hung.on('error', () => undefined);
  await hung.connect();
  defer(() => hung.end().catch(() => undefined));
  await hung.query('select pg_advisory_lock($1, 4242)', [advisoryClass.liveness]);
  await db.pages.query(
    `insert into ${names.worker} (id, host, pid, lock_id, heartbeat_at, stale_after_ms) values ($1, 'elsewhere', 3, 4242, now() - interval '1 minute', 1000)`,
    [randomUUID()],
  );
  return { db, connectionString, context, defer, edit, old: old.task.id };
}

const nothing = (counts: CleanedUp) => Object.entries(counts).filter(([, count]) => count > 0);

test('a dry run says what would go and changes nothing; then that goes, and a second clean-up finds nothing', async (t) => {
  const { db, context, old } = await setUp(t);
  const would = await countCleanUp(context);
  assert.equal(would.workers, 3);
  assert.deepEqual(await countCleanUp(context), would);
  const is = await db.pages.query(`select 1 from ${db.t.task} where id = $1`, [old]);
  assert.equal(is.rowCount, 1);
  for (const name of [
    'sessions',
    'hooks',
    'alerts',
    'tasks',
    'selections',
    'previews',
    'images',
  ] as const)
    assert.ok(would[name] > 0, name);
  assert.deepEqual(await cleanUp(context), would);
  assert.deepEqual(nothing(await countCleanUp(context)), []);
  assert.deepEqual(nothing(await cleanUp(context)), []);
  const left = await db.pages.query(`select sid from ${db.t.session}`);
  assert.deepEqual(left.rows, [{ sid: 'new' }]);
});

test('four clean-ups at once beside a running task take each thing once, and nothing of what is alive', async (t) => {
  const { db, connectionString, context, defer, edit } = await setUp(t);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  // Workers look for the dead by themselves.
  await until(async () => (await countCleanUp(context)).workers === 0);
  const running = edit('alive');
  const { tasks } = await countCleanUp(context);
  const all = await Promise.all([1, 2, 3, 4].map(() => cleanUp(context)));
  const gone = all.reduce((sum, counts) => sum + counts.tasks, 0);
  assert.ok(gone <= Math.max(tasks, 1));
  const { task } = await running;
  while ((await finished(db, task.id)).finishedAt === null) await cleanUp(context);
  const done = await finished(db, task.id);
  assert.deepEqual([done.state, done.changed], ['succeeded', 60]);
  const { rows } = await db.pages.query(
    `select (select count(*)::int from ${db.t.change} where task_id = $1 and before is not null) as images,
       (select count(*)::int from ${db.t.worker}) as workers`,
    [task.id],
  );
  assert.ok(rows[0].images > 0, 'it can be undone');
  assert.equal(rows[0].workers, 1);
});

test('a worker that is connected and hangs is counted by the dry run, and taken from', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const frozen = await startWorkerProcess(connectionString, {
    BULKHEAD_STALE_AFTER_MS: '1000',
    BULKHEAD_RECOVERY_INTERVAL_MS: '500',
  });
  defer(() => frozen.kill('SIGKILL'));
  await until(async () => {
    const { rowCount } = await db.pages.query(
      `select from ${db.t.worker} where heartbeat_at is not null`,
    );
    return rowCount === 1;
  });
  assert.equal((await countCleanUp(context)).workers, 0);
  frozen.freeze();
  await until(async () => (await countCleanUp(context)).workers === 1);
  assert.equal((await cleanUp(context)).workers, 1);
  assert.equal((await countCleanUp(context)).workers, 0);
});
