import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { countCascade } from '../../operations/count-cascade.ts';
import { getOperation } from '../../operations/operations.ts';
import { selectionWhere } from '../../selection/selection.ts';
import { testApp } from '../../testing/app.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorker } from '../worker/worker.ts';

type Bulk = TypedResourceOptions<typeof metadata, 'City'>['bulk'];

async function setUp(t: TestContext, bulk: Bulk = {}) {
  const { db } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', {
    bulk: { fields: ['name', 'tags', 'status'], ...bulk },
  });
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  );
  await insertPlaces(db, 30);
  const resource = context.registry.get('cities');
  const keysOf = (count: number) =>
    Array.from({ length: count }, (_, index) => keyOf(resource.model, { id: index + 1 }));
  const launch = async (count: number, body: Record<string, unknown> | null = null) => {
    const operation = body === null ? 'delete' : 'update';
    const { task } = await launchOn(
      context,
      resource,
      { keys: keysOf(count) },
      operation,
      body ?? { acknowledge: 'yes' },
    );
    return task.backend;
  };
  return { db, context, resource, keysOf, launch };
}

/** What leads to place 1 by a foreign key: `rows` of it, and of these as many again by `deeper`. */
const leading = (rows: number, rule: string, deeper = '') => `
  create table gazetteer.visit (id serial primary key, city_id int references gazetteer.city (id) ${rule});
  create index on gazetteer.visit (city_id);
  insert into gazetteer.visit (city_id) select 1 from generate_series(1, ${rows});
  ${deeper === '' ? '' : `create table gazetteer.photo (visit_id int references gazetteer.visit (id) ${deeper}); insert into gazetteer.photo select id from gazetteer.visit;`}`;

const named = (rows: number, rule: string) => `
  create unique index once on gazetteer.city (name);
  create table gazetteer.nick (name text references gazetteer.city (name) ${rule});
  insert into gazetteer.nick select 'Place 1' from generate_series(1, ${rows});`;

const rename = { field: 'name', 'change.name': 'append', 'value.name': ' (old)' };
const retag = (change: string, ids: string[]) => ({
  field: 'tags',
  'change.tags': change,
  'value.tags': ids,
});
const tagged = `insert into gazetteer."_CityToTag" ("A", "B") select 1, id from gazetteer.tag`;

// biome-ignore format: read at a glance
const cases: readonly { name: string; sql: string; body?: Record<string, unknown>; count?: number; cascade: number; backend: string }[] = [
  { name: 'nothing goes along', sql: '', cascade: 0, backend: 'inline' },
  { name: 'few go along', sql: leading(18, 'on delete cascade'), cascade: 18, backend: 'inline' },
  { name: 'as many as the threshold', sql: leading(19, 'on delete cascade'), cascade: 19, backend: 'queue' },
  { name: 'far more', sql: leading(5_000, 'on delete cascade'), cascade: 5_000, backend: 'queue' },
  { name: 'they go along with those that go along', sql: leading(10, 'on delete cascade', 'on delete cascade'), cascade: 20, backend: 'queue' },
  { name: 'they are emptied', sql: leading(19, 'on delete set null'), cascade: 19, backend: 'queue' },
  { name: 'they get their default', sql: leading(19, 'on delete set default'), cascade: 19, backend: 'queue' },
  { name: 'those of those that go along are emptied', sql: leading(10, 'on delete cascade', 'on delete set null'), cascade: 20, backend: 'queue' },
  { name: 'links go', sql: tagged, cascade: 3, backend: 'inline' },
  { name: 'a key that nobody follows', sql: named(5_000, ''), body: { ...rename, field: 'status', 'value.status': 'draft' }, cascade: 0, backend: 'inline' },
  { name: 'keys follow', sql: named(19, 'on update cascade'), body: rename, cascade: 19, backend: 'queue' },
  { name: 'few keys follow', sql: named(18, 'on update cascade'), body: rename, cascade: 18, backend: 'inline' },
  { name: 'another field than the key', sql: named(5_000, 'on update cascade'), body: { field: 'status', 'value.status': 'draft' }, cascade: 0, backend: 'inline' },
  { name: 'links come', sql: '', body: retag('add', ['1', '2']), count: 9, cascade: 18, backend: 'queue' },
  { name: 'few links come', sql: '', body: retag('add', ['1', '2']), count: 6, cascade: 12, backend: 'inline' },
  { name: 'links are replaced', sql: tagged, body: retag('replace', ['1']), cascade: 4, backend: 'inline' },
];

/** As it was before a case. */
const afterCase = (task: string) => `
  drop table if exists gazetteer.photo, gazetteer.visit, gazetteer.nick; drop index if exists gazetteer.once; truncate ${task} cascade;
  delete from gazetteer."_CityToTag"; delete from gazetteer.city where id = 1;
  insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude) values (1, 'Place 1', 'ESP', 'PPL', 1, 0, 0)`;

test('what is written along counts towards what is done within the request, and is counted no further than that is asked', async (t) => {
  const { db, context, resource, keysOf, launch } = await setUp(t);
  for (const { name, sql, body, count = 1, cascade, backend } of cases) {
    await db.pages.query(sql);
    const operation = body ? 'update' : 'delete';
    const parameters = getOperation(resource, operation).parse(
      resource,
      body ?? { acknowledge: 'yes' },
    );
    const where = selectionWhere(resource, ada, {
      kind: 'ticked',
      filter: '',
      keys: keysOf(count),
      exclusions: [],
    });
    const counted = (max: number) =>
      countCascade(db, context.registry, resource, { operation, parameters, where, count }, max);
    assert.equal(await counted(10_000), cascade, name);
    assert.equal(await counted(7), Math.min(7, cascade), name);
    assert.equal(await launch(count, body ?? null), backend, name);
    await db.pages.query(afterCase(db.t.task));
  }
});

test('a rule of the project’s is told what goes along; without a background more than a request can do is refused', async (t) => {
  const asked: unknown[] = [];
  const own = await setUp(t, {
    runInBackground(selection) {
      asked.push([selection.count, selection.cascadeCount]);
      return false;
    },
  });
  await own.db.pages.query(leading(300, 'on delete cascade'));
  assert.equal(await own.launch(1), 'inline');
  assert.deepEqual(asked.at(-1), [1, 300]);

  const never = await setUp(t, { background: false });
  await never.db.pages.query(leading(10_000, 'on delete cascade'));
  await assert.rejects(never.launch(1), {
    code: 'too-many-records',
    message: 'At most 10,000 cities can be changed at once, what goes along with them included.',
  });
});

test('dialog, preview and task say alike that much goes along: one record with many is deleted in the background, and so is one by its form', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 3);
  await app.db.pages.query(leading(10_050, 'on delete cascade'));
  await app.db.pages.query(
    'insert into gazetteer.visit (city_id) select 2 from generate_series(1, 25)',
  );
  await app.db.pages.query(
    'insert into gazetteer.visit (city_id) select 3 from generate_series(1, 10050)',
  );
  const admin = await app.signIn('admin');
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
  });
  try {
    for (const [id, said] of [
      [1, /at least 9,999 rows of visit/],
      [2, /25 rows of visit/],
    ] as const) {
      const path = `/cities/bulk-delete?_s=${await selectAs(admin, 1, id)}`;
      const dialog = await admin.get(path);
      assert.match(dialog.body, /In the background: the good ones are kept/);
      assert.match(dialog.body, said);
      const previewed = await admin.post(path, { _op: await openAs(admin, path), _do: 'preview' });
      const preview = String(previewed.headers.location);
      assert.match((await admin.get(preview)).body, /In the background: the good ones are kept/);
      const confirmed = await admin.post(
        preview,
        { count: '1', acknowledge: 'yes' },
        { accept: 'application/json' },
      );
      assert.equal(confirmed.statusCode, 202, confirmed.body);
      const task = await finished(app.db, confirmed.json().taskId);
      assert.deepEqual([task.backend, task.state, task.changed], ['queue', 'succeeded', 1]);
    }

    const page = await admin.get('/cities/3/delete');
    assert.match(page.body, /Cannot be undone/);
    const [first, again] = [
      await admin.post('/cities/3/delete'),
      await admin.post('/cities/3/delete'),
    ];
    assert.equal(first.statusCode, 303, first.body);
    // The second click meets the same task: waiting, at work, or done.
    assert.ok([303, 404, 423].includes(again.statusCode), `${again.statusCode} ${again.body}`);
    const { rows } = await app.db.pages.query<{ id: number }>(
      `select id from ${app.db.t.task} order by id desc limit 1`,
    );
    const task = await finished(app.db, rows[0]?.id as number);
    assert.deepEqual(
      [task.backend, task.state, task.changed, task.title],
      ['queue', 'succeeded', 1, 'Delete city'],
    );
  } finally {
    await worker.stop();
  }
  const left = await app.db.pages.query(
    'select (select count(*) from gazetteer.city)::int as cities, (select count(*) from gazetteer.visit)::int as visits',
  );
  assert.deepEqual(left.rows, [{ cities: 0, visits: 0 }]);
});
