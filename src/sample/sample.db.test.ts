import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import { managersOf } from '../task-managers.ts';
import { handed } from '../tasks/hooks/deliver.ts';
import { launchFromCode } from '../tasks/launching/launch-from-code.ts';
import { lockRecords } from '../tasks/running/lock-records.ts';
import { announceSchedules } from '../tasks/schedules/announce-schedules.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { testApp } from '../testing/app.ts';
import { ada, finished } from '../testing/context.ts';
import { insertPlaces } from '../testing/places.ts';
import { workOff } from '../testing/work-off.ts';
import { mirror, mirrorEarlier } from './mirror.ts';
import { recount } from './recount.ts';

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t);
  await insertPlaces(app.db, 500);
  await app.db.pages.query('update gazetteer.city set reviewed_at = now() where id <= 3');
  const rowsOf = async (sql: string) => (await app.db.pages.query(sql)).rows;
  return {
    ...app,
    editor: await app.signIn('editor'),
    tasks: managersOf({}, app.context)(null, ada),
    mirrored: () =>
      rowsOf('select id, state, launched_by as by from gazetteer.task_mirror order by id'),
    spain: async () =>
      (
        await rowsOf(`select city_count, city_population from gazetteer.country where code = 'ESP'`)
      )[0],
    reviewed: async () =>
      (await rowsOf('select 1 from gazetteer.city where reviewed_at is not null')).length,
    /** A task that runs and holds the first place. */
    async holdFirst() {
      const { id } = await app.db.pages
        .query(
          `insert into ${app.db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state)
           values ('own', 'x', 'Survey', 'queue', 'x', 'Eve', '{}', '{}', 'paused') returning id`,
        )
        .then(({ rows }) => rows[0]);
      const task = { id, parentId: null, locksOffReason: null };
      const locking = { pool: app.db.background, t: app.db.t, lease: null, task };
      await lockRecords(locking, app.context.registry.get('cities').model, ['1'.padStart(20, '0')]);
    },
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - since < 30_000, 'it has not come to be within 30 seconds');
    await wait(20);
  }
}

test('a recount by its button writes the totals of a country, as a change that its history names', async (t) => {
  const app = await setUp(t);
  const { editor, spain } = app;
  await app.db.pages.query(`update gazetteer.country set city_count = 1, city_population = 1`);
  const page = (await editor.get('/countries/ESP')).body;
  assert.match(page, />Recount</);
  assert.doesNotMatch((await (await app.signIn('viewer')).get('/countries/ESP')).body, />Recount</);
  const action = /action="(\/tasks\/new\/places\.recount[^"]+)"/.exec(page)?.[1] ?? '';
  const launched = await editor.post(action, {}, { accept: 'application/json' });
  assert.equal(launched.statusCode, 202);
  assert.deepEqual(await spain(), { city_count: null, city_population: null });
  const task = await workOff(app, launched.json().id);
  assert.deepEqual(
    [task.state, task.result, task.done, task.total],
    ['succeeded', { places: 500, population: 125_250 }, 500, 500],
  );
  assert.deepEqual(await spain(), { city_count: 500, city_population: '125250' });
  const history = (await editor.get('/countries/ESP/history')).body;
  assert.match(history, new RegExp(`/tasks/${task.id}"[\\s\\S]+125,?250`));
});

test('a recount waits for whoever holds a place of its country, and is tried again', async (t) => {
  const { holdFirst, db, context, connectionString, spain } = await setUp(t);
  await holdFirst();
  const manager = managersOf({}, context)(null, ada);
  const { id } = await manager.launch(recount, { country: 'ESP' });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  try {
    await until(async () => (await manager.get(id)).dueAt !== null);
    assert.deepEqual(await spain(), { city_count: null, city_population: null });
    await db.pages.query(
      `update ${db.t.task} set state = 'cancelled', finished_at = now() where id <> $1`,
      [id],
    );
    await finished(db, id);
  } finally {
    await worker.stop();
  }
  assert.equal((await manager.get(id)).state, 'succeeded');
});

test('a country that moves to another region has its places reviewed again, by a form and in bulk, and not where a task holds one', async (t) => {
  const app = await setUp(t);
  const { editor, context, reviewed } = app;
  const edit = (region: string) =>
    editor.post('/countries/ESP/edit', { region, 'was.region': 'Europe' });
  const bulk = async (region: string) => {
    const { task } = await launchFromCode(context, {
      resource: 'countries',
      operation: 'update',
      keys: ['ESP'],
      parameters: { region },
      principal: ada,
    });
    return workOff(app, task.id);
  };
  await app.holdFirst();
  const refused = await edit('Africa');
  assert.match(refused.body, /Eve is changing this record: “Survey”/);
  const failed = await bulk('Africa');
  assert.deepEqual([failed.failed, await reviewed()], [1, 3]);
  await app.db.pages.query(
    `update ${app.db.t.task} set state = 'cancelled', finished_at = now() where title = 'Survey'`,
  );
  const saved = await edit('Africa');
  assert.deepEqual([saved.statusCode, await reviewed()], [303, 0]);
  await app.db.pages.query('update gazetteer.city set reviewed_at = now() where id <= 3');
  const done = await bulk('Asia');
  assert.deepEqual([done.changed, await reviewed()], [1, 0]);
});

test('the mirror has what becomes of tasks, and those that were there before it once they are replayed', async (t) => {
  const app = await setUp(t);
  const { context, db, tasks, mirrored } = app;
  const before = await tasks.launch(recount, { country: 'FRA' });
  await workOff({ ...app, context: { ...context, hooks: [] } }, before.id);
  assert.deepEqual(await mirrored(), []);
  await db.pages.query(`delete from ${db.t.task_event}`);
  const after = await tasks.launch(recount, { country: 'ESP' });
  const worker = await startWorker(context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 1,
  });
  try {
    await until(async () => (await mirrored()).some(({ state }) => state === 'succeeded'));
  } finally {
    await worker.stop();
  }
  const succeeded = (id: number) => ({ id, state: 'succeeded', by: 'Ada' });
  assert.deepEqual(await mirrored(), [succeeded(after.id)]);
  const client = context.registry.clientOver(db.pages);
  assert.equal(await mirrorEarlier(tasks, client), 1);
  assert.deepEqual(await mirrored(), [succeeded(before.id), succeeded(after.id)]);
  assert.equal(await mirrorEarlier(tasks, client), 0);
  const cleaned = { name: 'task:cleaned', task: await tasks.get(before.id) };
  await mirror.run(cleaned as unknown as TaskEvent, { ...handed(context), client });
  assert.deepEqual(await mirrored(), [succeeded(after.id)]);
});

test('the schedules of the sample run when their time has come', async (t) => {
  const { db, context, connectionString, tasks, spain } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set status = case when id <= 40 then 'draft' else 'published' end::gazetteer.city_status, population = case when id <= 20 then 0 else 1 end, featured = false`,
  );
  await announceSchedules(db.pages, context);
  const names = (await tasks.schedules()).map(({ name }) => name);
  assert.deepEqual(names, ['monthly-archive', 'nightly-recount', 'weekly-recount']);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const stateOf = async (name: string) =>
    (await tasks.schedules()).find((one) => one.name === name)?.runs[0]?.taskState;
  try {
    // In turn: they are about the same places, which one holds from the other.
    for (const name of names) {
      await db.pages.query(
        `update ${db.t.schedule} set next_at = clock_timestamp() where name = $1`,
        [name],
      );
      await until(async () => (await stateOf(name)) === 'succeeded');
    }
  } finally {
    await worker.stop();
  }
  const { rows } = await db.pages.query(
    `select count(*)::int as archived from gazetteer.city where status = 'archived'`,
  );
  assert.deepEqual([rows[0]?.archived, (await spain())?.city_count], [20, 500]);
});
