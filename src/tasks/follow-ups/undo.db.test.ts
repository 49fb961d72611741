import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { listFailures } from '../looking/queries.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';
import { retry } from './retry.ts';
import { previewUndo, undo } from './undo.ts';

const key = (id: number) => String(id).padStart(20, '0');
const everything = { kind: 'matching', filter: '' } as const;

async function setUp(t: Parameters<typeof testDatabase>[0], places = 600) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, { chunkSize: 200 });
  const cities = context.registry.get('cities');
  await insertPlaces(db, places);
  await db.pages.query(
    `insert into gazetteer."_CityToTag" ("A", "B") select id, 1 + id % 3 from gazetteer.city where id % 2 = 0`,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const run = async (
    operation: 'update' | 'delete',
    body: Record<string, unknown>,
    selected = {},
  ) =>
    finished(
      db,
      (await launchOn(context, cities, { ...everything, ...selected }, operation, body)).task.id,
    );
  const undone = async (task: TaskRow, chosen: string[] | null = null) =>
    finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen })).task.id,
    );
  return { db, context, cities, run, undone };
}

/** Everything that a task could have touched, as the database says it. */
async function picture(db: Database): Promise<unknown> {
  const { rows } = await db.pages.query(
    `select to_jsonb(city.*)::text as city, array(select "B" from gazetteer."_CityToTag" link where link."A" = city.id order by 1) as tags
     from gazetteer.city order by id`,
  );
  return rows;
}

const outcome = ({ state, changed, unchanged, failed, gone }: TaskRow) => ({
  state,
  changed,
  unchanged,
  failed,
  gone,
});

test('undoing an update puts every column back, the stamp of the last change included', async (t) => {
  const { db, run, undone } = await setUp(t);
  const before = await picture(db);
  const task = await run('update', {
    field: ['status', 'rating', 'notes', 'tags'],
    'value.status': 'published',
    'value.rating': '4.5',
    'value.notes': 'changed',
    'change.tags': 'add',
    'value.tags': ['3'],
  });
  assert.equal(task.state, 'succeeded');
  assert.notDeepEqual(await picture(db), before);
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), {
    state: 'succeeded',
    changed: 600,
    unchanged: 0,
    failed: 0,
    gone: 0,
  });
  assert.deepEqual(await picture(db), before);
  assert.deepEqual(
    [undoing.operation, undoing.followsId, undoing.title],
    ['undo', task.id, 'Undo: Edit cities'],
  );
});

test('an undo can be undone, and again', async (t) => {
  const { db, run, undone } = await setUp(t);
  const before = await picture(db);
  const task = await run('update', {
    field: ['notes', 'tags'],
    'value.notes': 'new',
    'change.tags': 'replace',
    'value.tags': ['2'],
  });
  const after = await picture(db);
  const first = await undone(task);
  const second = await undone(first);
  assert.deepEqual(await picture(db), after);
  assert.equal(second.title, 'Redo: Edit cities');
  await undone(second);
  assert.deepEqual(await picture(db), before);
});

test('a record edited since is refused and named with its field; the others are put back', async (t) => {
  const { db, context, run, undone } = await setUp(t);
  const task = await run('update', {
    field: ['status', 'notes'],
    'value.status': 'published',
    'value.notes': 'mine',
  });
  await db.pages.query(`update gazetteer.city set notes = 'theirs' where id in (7, 300)`);
  await db.pages.query(
    `update gazetteer.city set name = 'Renamed', updated_at = '2031-01-01' where id = 8`,
  );
  await db.pages.query('delete from gazetteer.city where id = 9');
  const preview = await previewUndo(context, ada, task.id, null);
  assert.deepEqual(
    [preview.total, preview.judged, preview.restored, preview.gone],
    [600, 600, 597, 1],
  );
  assert.deepEqual(preview.refused, [
    {
      code: 'edited-since:notes',
      message: 'Edited since: Notes is no longer what the task wrote.',
      count: 2,
      keys: [key(7), key(300)],
    },
  ]);
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), {
    state: 'partial',
    changed: 597,
    unchanged: 0,
    failed: 2,
    gone: 1,
  });
  const failures = await listFailures(db, undoing.id);
  assert.deepEqual(
    failures.map(({ code, message, keys }) => ({ code, message, keys })),
    [
      {
        code: 'edited-since:notes',
        message: 'Edited since: Notes is no longer what the task wrote.',
        keys: [key(7), key(300)],
      },
    ],
  );
  const { rows } = await db.pages.query(
    `select id, name, status, notes, updated_at > '2030-01-01' as moved from gazetteer.city where id in (7, 8, 300) order by id`,
  );
  assert.deepEqual(rows, [
    { id: 7, name: 'Place 7', status: 'published', notes: 'theirs', moved: false },
    { id: 8, name: 'Renamed', status: 'draft', notes: null, moved: false },
    { id: 300, name: 'Place 300', status: 'published', notes: 'theirs', moved: false },
  ]);
});

test('undoing twice puts back nothing twice', async (t) => {
  const { db, run, undone } = await setUp(t);
  await db.pages.query('update gazetteer.city set rating = 1');
  const before = await picture(db);
  const task = await run('update', {
    field: 'rating',
    'change.rating': 'increase',
    'value.rating': '1',
  });
  assert.equal(task.changed, 600);
  await undone(task);
  const again = await undone(task);
  assert.deepEqual(outcome(again), {
    state: 'succeeded',
    changed: 0,
    unchanged: 600,
    failed: 0,
    gone: 0,
  });
  assert.deepEqual(await picture(db), before);
});

test('chosen records are taken back, and no other', async (t) => {
  const { db, run, undone } = await setUp(t);
  const task = await run('update', { field: 'notes', 'value.notes': 'changed' });
  const undoing = await undone(task, [key(3), key(450)]);
  assert.deepEqual(outcome(undoing), {
    state: 'succeeded',
    changed: 2,
    unchanged: 0,
    failed: 0,
    gone: 0,
  });
  const { rows } = await db.pages.query(
    'select array_agg(id order by id) as ids from gazetteer.city where notes is null',
  );
  assert.deepEqual(rows[0].ids, [3, 450]);
});

test('undoing a delete brings every record back with its links, and can be undone', async (t) => {
  const { db, run, undone } = await setUp(t);
  const before = await picture(db);
  const task = await run('delete', { acknowledge: 'yes' }, { filter: 'population-min=101' });
  assert.equal(task.changed, 500);
  await db.pages.query(
    `insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude) values (200, 'Again', 'ESP', 'PPL', 1, 0, 0)`,
  );
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), {
    state: 'partial',
    changed: 499,
    unchanged: 0,
    failed: 1,
    gone: 0,
  });
  assert.deepEqual(
    (await listFailures(db, undoing.id)).map(({ code, keys }) => [code, keys]),
    [['exists', [key(200)]]],
  );
  await db.pages.query('delete from gazetteer.city where id = 200');
  await finished(db, (await retryOf(undoing.id)).task.id);
  assert.deepEqual(await picture(db), before);
  const redone = await undone(undoing);
  assert.deepEqual(outcome(redone), {
    state: 'succeeded',
    changed: 499,
    unchanged: 0,
    failed: 0,
    gone: 0,
  });
  const { rows } = await db.pages.query('select count(*)::int as n from gazetteer.city');
  assert.equal(rows[0].n, 101);

  function retryOf(id: number) {
    return retry(testContext(db), ada, id, { operationId: randomUUID(), code: null });
  }
});

test('deleting what takes others along cannot be undone, and says what', async (t) => {
  const { db, context, run, undone } = await setUp(t, 30);
  await db.pages.query(
    'create table gazetteer.visit (id int primary key, city_id int not null references gazetteer.city on delete cascade)',
  );
  const task = await run('delete', { acknowledge: 'yes' });
  await assert.rejects(undone(task), { code: 'not-undoable', status: 409, message: /visit/ });
  await assert.rejects(previewUndo(context, ada, task.id, null), { code: 'not-undoable' });
});

test('who may not do it may not undo it, and who may not see the task does not find it', async (t) => {
  const { context, run } = await setUp(t, 30);
  const task = await run('delete', { acknowledge: 'yes' });
  await assert.rejects(undo(context, eve, task.id, { operationId: randomUUID(), chosen: null }), {
    status: 404,
  });
  await assert.rejects(
    undo(context, { ...ada, roles: ['admin', 'viewer'].slice(1) }, task.id, {
      operationId: randomUUID(),
      chosen: null,
    }),
    {
      status: 403,
    },
  );
});

test('two tabs that confirm the same undo launch one', async (t) => {
  const { context, run } = await setUp(t);
  const task = await run('update', { field: 'notes', 'value.notes': 'changed' });
  const launches = await Promise.all(
    [1, 2].map(() => undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })),
  );
  assert.equal(new Set(launches.map(({ task: { id } }) => id)).size, 1);
  await finished(context.db, launches[0]?.task.id as number);
});

test('a retry tries only what failed, or one reason of it, and never what succeeded before', async (t) => {
  const { db, context, run } = await setUp(t);
  await db.pages.query('update gazetteer.city set rating = 1');
  await db.pages.query(`
    alter table gazetteer.city add constraint small check (id % 100 <> 0 or rating = 1) not valid;
    alter table gazetteer.city add constraint odd check (id % 77 <> 0 or rating = 1) not valid;
  `);
  const task = await run('update', {
    field: 'rating',
    'change.rating': 'increase',
    'value.rating': '2',
  });
  assert.deepEqual(outcome(task), {
    state: 'partial',
    changed: 587,
    unchanged: 0,
    failed: 13,
    gone: 0,
  });
  await db.pages.query('alter table gazetteer.city drop constraint small');
  const retryOne = await retry(context, ada, task.id, {
    operationId: randomUUID(),
    code: '23514:small',
  });
  assert.deepEqual(outcome(await finished(db, retryOne.task.id)), {
    state: 'succeeded',
    changed: 6,
    unchanged: 0,
    failed: 0,
    gone: 0,
  });
  await assert.rejects(
    retry(context, ada, task.id, { operationId: randomUUID(), code: '23514:small' }),
    { code: 'nothing-to-retry' },
  );
  await db.pages.query('alter table gazetteer.city drop constraint odd');
  const rest = await retry(context, ada, task.id, { operationId: randomUUID(), code: null });
  assert.equal((await finished(db, rest.task.id)).changed, 7);
  assert.equal(rest.task.title, 'Retry: Edit cities');
  const { rows } = await db.pages.query(
    'select count(*)::int as n from gazetteer.city where rating = 3',
  );
  assert.equal(rows[0].n, 600);
});

test('what a task holds cannot be undone or retried by another at the same time', async (t) => {
  const { db, context, run, cities } = await setUp(t);
  const task = await run('update', { field: 'notes', 'value.notes': 'changed' });
  const blocker = await db.pages.connect();
  await blocker.query('begin; select 1 from gazetteer.city where id = 5 for update');
  const other = await launchOn(context, cities, everything, 'update', {
    field: 'status',
    'value.status': 'archived',
  });
  const undoing = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
  await new Promise((done) => setTimeout(done, 200));
  await blocker.query('rollback');
  blocker.release();
  await finished(db, other.task.id);
  const end = await finished(db, undoing.task.id);
  assert.ok(end.state === 'succeeded' || end.reason === 'overlap', `${end.state} ${end.reason}`);
});

test("somebody else's operation id launches nothing and shows nothing of theirs", async (t) => {
  const { db, context, cities, run } = await setUp(t, 30);
  const theirs = await run('update', { field: 'notes', 'value.notes': 'ada was here' });
  const { task } = await launchOn(
    context,
    cities,
    everything,
    'update',
    { field: 'status', 'value.status': 'published' },
    eve,
  );
  const own = await finished(db, task.id);
  const operationId = theirs.operationId as string;
  await assert.rejects(undo(context, eve, own.id, { operationId, chosen: null }), {
    code: 'preview-gone',
    status: 409,
  });
  const { rows } = await db.pages.query(`select count(*)::int as tasks from ${db.t.task}`);
  assert.equal(rows[0].tasks, 2);
});
