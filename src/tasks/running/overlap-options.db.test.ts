import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { pause, resume } from '../control/pause.ts';
import { listFailures } from '../looking/queries.ts';
import { selectTask, type TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';

const body = (notes: string) => ({ field: 'notes', 'value.notes': notes });
const key = (id: number) => String(id).padStart(20, '0');

/** A task on places 1 to 500, paused after its first chunks; it holds the rest. */
async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { recoveryIntervalMs: 50 }, { chunkSize: 50 });
  const cities = context.registry.get('cities');
  await insertPlaces(db, 1_000);
  const worker = await startWorker(context, { connectionString, concurrency: 2 });
  defer(() => worker.stop());
  const blocker = await db.pages.connect();
  await blocker.query('begin');
  await blocker.query('select 1 from gazetteer.city where id = 120 for update');
  const first = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'population-max=500' },
    'update',
    body('first'),
  );
  await until(db, first.task.id, (task) => task.done >= 50);
  assert.equal(await pause(context, ada, first.task.id), 'pausing');
  await blocker.query('rollback');
  blocker.release();
  const paused = await until(db, first.task.id, (task) => task.state === 'paused');
  return { db, context, cities, paused };
}

async function until(
  db: Parameters<typeof finished>[0],
  id: number,
  isSo: (task: TaskRow) => boolean,
): Promise<TaskRow> {
  for (let tries = 0; tries < 1_000; tries++) {
    const { rows } = await db.pages.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [id]);
    if (isSo(rows[0] as TaskRow)) return rows[0] as TaskRow;
    await new Promise((done) => setTimeout(done, 20));
  }
  throw new Error(`task ${id} did not come to it`);
}

test('records that another task holds are left out, counted and named, and the others are changed', async (t) => {
  const { db, context, cities, paused } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body('second'),
    ada,
    { overlap: 'skip' },
  );
  const end = await finished(db, task.id);
  const held = 500 - paused.done;
  assert.deepEqual(
    [end.state, end.total, end.conflicted, end.changed, end.done],
    ['partial', 1_000, held, 1_000 - held, 1_000],
  );
  assert.equal(end.reason, 'records-held');
  const [group] = await listFailures(db, task.id);
  assert.deepEqual([group?.code, group?.count], ['locked', held]);
  assert.match(group?.message ?? '', new RegExp(`Held by task ${paused.id}: .*, Ada`));
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where notes = 'second'`,
  );
  assert.equal(rows[0].n, 1_000 - held);
});

test('a few records of which all are held are refused at once, of which some are held are done without them', async (t) => {
  const { db, context, cities } = await setUp(t);
  const launchTicked = (ids: number[]) =>
    launchOn(context, cities, { kind: 'ticked', keys: ids.map(key) }, 'update', body('few'), ada, {
      overlap: 'skip',
    });
  await assert.rejects(launchTicked([450, 451]), { code: 'overlap', status: 409 });
  const { task } = await launchTicked([450, 451, 900]);
  assert.deepEqual([task.state, task.changed, task.conflicted], ['partial', 1, 2]);
  const { rows } = await db.pages.query(`select id from gazetteer.city where notes = 'few'`);
  assert.deepEqual(rows, [{ id: 900 }]);
});

test('a task that was told to wait holds nothing, and begins when the one in its way has finished', async (t) => {
  const { db, context, cities, paused } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body('second'),
    eve,
    { overlap: 'wait' },
  );
  const waiting = await until(db, task.id, ({ blockedBy }) => blockedBy !== null);
  assert.deepEqual([waiting.state, waiting.blockedBy], ['queued', paused.id]);
  await new Promise((done) => setTimeout(done, 300));
  const { rows: held } = await db.pages.query(
    `select count(*)::int as n from ${db.t.chunk} where task_id = $1`,
    [task.id],
  );
  assert.equal(held[0].n, 0);
  await resume(context, ada, paused.id);
  assert.equal((await finished(db, paused.id)).state, 'succeeded');
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.changed], ['succeeded', 1_000]);
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where notes = 'second'`,
  );
  assert.equal(rows[0].n, 1_000);
});

test('resuming asks for the permission again', async (t) => {
  const { db, context, paused } = await setUp(t);
  Object.assign(context.people, { findUser: async () => null });
  await assert.rejects(resume(context, ada, paused.id), { code: 'forbidden', status: 403 });
  assert.equal((await until(db, paused.id, () => true)).state, 'paused');
});
