import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AppError } from '../../errors.ts';
import { keyOf } from '../../metadata/keys.ts';
import { imageAt } from '../../operations/journal/kept-images.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { startWorker } from '../worker/worker.ts';
import { launch } from './launch.ts';

async function setUp(
  t: Parameters<typeof testDatabase>[0],
  rows: number,
  settings = {},
  defaults = {},
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, settings, defaults);
  const cities = context.registry.get('cities');
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}'), ('FRA', 'FR', 'France', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(`insert into gazetteer.tag (name) values ('port'), ('island'), ('capital')`);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
     select 'Place ' || n, 'ESP', 'PPL', n, 0, 0 from generate_series(1, $1::int) n`,
    [rows],
  );
  const keys = (count: number, from = 1) =>
    Array.from({ length: count }, (_, index) => keyOf(cities.model, { id: from + index }));
  return { db, context, cities, keys, connectionString, defer };
}

const publish = { field: 'status', 'value.status': 'published' };

for (const [count, backend] of [
  [19, 'inline'],
  [20, 'queue'],
  [21, 'queue'],
] as const) {
  test(`${count} records with the threshold at 20 are run by: ${backend}`, async (t) => {
    const { db, context, cities, keys, connectionString, defer } = await setUp(t, 30);
    const launched = await launchOn(context, cities, { keys: keys(count) }, 'update', publish);
    assert.equal(launched.task.backend, backend);
    if (backend === 'queue') {
      assert.equal(launched.task.state, 'queued');
      const worker = await startWorker(context, { connectionString, concurrency: 1 });
      defer(() => worker.stop());
    }
    const task = await finished(db, launched.task.id);
    assert.deepEqual(
      { state: task.state, changed: task.changed, total: task.total, done: task.done },
      { state: 'succeeded', changed: count, total: count, done: count },
    );
    const { rows } = await db.pages.query(
      `select count(*)::int as n from gazetteer.city where status = 'published'`,
    );
    assert.equal(rows[0].n, count);
  });

  test(`of ${count} records, 2 of which the database refuses, ${backend === 'inline' ? 'none is' : 'the others are'} changed, and each refused one is named`, async (t) => {
    const { db, context, cities, keys, connectionString, defer } = await setUp(t, 30);
    await db.pages.query(
      `alter table gazetteer.city add constraint city_no_five check (id not in (5, 7) or status = 'draft')`,
    );
    const refused = [keys(1, 5)[0], keys(1, 7)[0]];
    if (backend === 'inline') {
      const error = await launchOn(context, cities, { keys: keys(count) }, 'update', publish).then(
        () => assert.fail('it was not refused'),
        (thrown: AppError) => thrown,
      );
      assert.equal(error.code, 'refused');
      assert.deepEqual(error.details.failures?.map(({ key }) => key).sort(), refused);
      const task = await finished(db, error.details.taskId as number);
      assert.deepEqual([task.state, task.changed, task.failed], ['failed', 0, 2]);
    } else {
      const { task: queued } = await launchOn(
        context,
        cities,
        { keys: keys(count) },
        'update',
        publish,
      );
      const worker = await startWorker(context, { connectionString, concurrency: 1 });
      defer(() => worker.stop());
      const task = await finished(db, queued.id);
      assert.deepEqual(
        [task.state, task.changed, task.failed, task.done],
        ['partial', count - 2, 2, count],
      );
      const { rows } = await db.pages.query(
        `select array_agg(k order by k) as keys from ${db.t.task_failure}, unnest(keys) k where task_id = $1`,
        [queued.id],
      );
      assert.deepEqual(rows[0].keys, refused);
    }
    const { rows } = await db.pages.query(
      `select count(*)::int as n from gazetteer.city where status = 'published'`,
    );
    assert.equal(rows[0].n, backend === 'inline' ? 0 : count - 2);
  });
}

test('posting the same form again, also after the end, shows the first task', async (t) => {
  const { db, context, cities, keys, connectionString, defer } = await setUp(t, 40);
  const first = await launchOn(context, cities, { keys: keys(25) }, 'update', publish);
  const again = {
    resource: cities,
    principal: ada,
    operationId: first.operationId,
    operation: 'update' as const,
    parameters: { changes: [] },
  };
  assert.deepEqual(
    [(await launch(context, again)).outcome, (await launch(context, again)).task.id],
    ['already', first.task.id],
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  await finished(db, first.task.id);
  assert.equal((await launch(context, again)).task.id, first.task.id);
  const { rows } = await db.pages.query(`select count(*)::int as n from ${db.t.task}`);
  assert.equal(rows[0].n, 1);
});

test('the same operation from another form is the first one while that is unfinished', async (t) => {
  const { context, cities, keys } = await setUp(t, 40);
  const first = await launchOn(context, cities, { keys: keys(25) }, 'update', publish);
  const second = await launchOn(context, cities, { keys: keys(25) }, 'update', publish);
  assert.deepEqual([second.outcome, second.task.id], ['same', first.task.id]);
});

test('double clicks at the same moment lead to one task', async (t) => {
  const { db, context, cities, keys } = await setUp(t, 40);
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, () =>
      launchOn(context, cities, { keys: keys(25) }, 'update', publish),
    ),
  );
  assert.equal(new Set(outcomes.map(({ task }) => task.id)).size, 1);
  const { rows } = await db.pages.query(`select count(*)::int as n from ${db.t.task}`);
  assert.equal(rows[0].n, 1);
});

test('nobody but its owner can confirm a form, and an unknown operation id is refused', async (t) => {
  const { context, cities, keys } = await setUp(t, 40);
  const { operationId } = await launchOn(context, cities, { keys: keys(25) }, 'update', publish);
  const request = { resource: cities, operation: 'update' as const, parameters: { changes: [] } };
  await assert.rejects(launch(context, { ...request, principal: eve, operationId }), {
    code: 'preview-gone',
    status: 409,
  });
  await assert.rejects(launch(context, { ...request, principal: ada, operationId: 'nonsense' }), {
    code: 'preview-gone',
  });
});

test('many-to-many fields are added, removed and replaced, with images of what was there', async (t) => {
  const { db, context, cities, keys } = await setUp(t, 5);
  const tagsOf = async () =>
    (
      await db.pages.query(
        `select "A" as city, array_agg("B" order by "B") as tags from gazetteer."_CityToTag" group by 1 order by 1`,
      )
    ).rows;
  await launchOn(context, cities, { keys: keys(2) }, 'update', {
    field: 'tags',
    'change.tags': 'add',
    'value.tags': ['1', '2'],
  });
  assert.deepEqual(await tagsOf(), [
    { city: 1, tags: [1, 2] },
    { city: 2, tags: [1, 2] },
  ]);
  const { task } = await launchOn(context, cities, { keys: keys(3) }, 'update', {
    field: 'tags',
    'change.tags': 'remove',
    'value.tags': '1',
  });
  assert.deepEqual([task.changed, task.unchanged], [2, 1]);
  await launchOn(context, cities, { keys: keys(1) }, 'update', {
    field: ['tags', 'notes'],
    'change.tags': 'replace',
    'value.tags': '3',
    'value.notes': 'hello',
  });
  assert.deepEqual(await tagsOf(), [
    { city: 1, tags: [3] },
    { city: 2, tags: [2] },
  ]);
  const { rows } = await db.pages.query(
    `select ${imageAt('before', '0')} as before, ${imageAt('after', '0')} as after from ${db.t.change} order by id desc limit 1`,
  );
  assert.deepEqual(
    [rows[0].before.tags, rows[0].after.tags, rows[0].before.notes, rows[0].after.notes],
    [['2'], ['3'], null, 'hello'],
  );
});

test('records that have the value already are left alone', async (t) => {
  const { db, context, cities, keys } = await setUp(t, 10);
  await launchOn(context, cities, { keys: keys(4) }, 'update', publish);
  const { task } = await launchOn(context, cities, { keys: keys(10) }, 'update', { ...publish });
  assert.deepEqual([task.changed, task.unchanged, task.done], [6, 4, 10]);
  const { rows } = await db.pages.query(
    `select keys, ${imageAt('before', '0')} as before, ${imageAt('after', '0')} as after from ${db.t.change} order by id desc limit 1`,
  );
  assert.equal(rows[0].keys.length, 6);
  assert.equal(rows[0].before.status, 'draft');
  assert.equal(rows[0].after.status, 'published');
});

test('a filter that counts back from now, and one on a day, mean in a task what they meant in its preview', async (t) => {
  const { db, context, cities, connectionString, defer } = await setUp(t, 50);
  const reader = { ...ada, timeZone: 'Asia/Tokyo' };
  const selected = { kind: 'matching', filter: 'createdAt-last=1h&reviewedAt=2026-07-01' } as const;
  await db.pages.query(
    `update gazetteer.city set reviewed_at = case when id <= 30 then '2026-06-30 15:30Z' else '2026-07-01 15:30Z' end::timestamptz`,
  );
  const { task: queued } = await launchOn(context, cities, selected, 'update', publish, reader);
  // As if the task had waited for a day.
  await db.pages.query(`update gazetteer.city set created_at = created_at - interval '1 day'`);
  await db.pages.query(
    `update ${db.t.task} set selection = jsonb_set(selection, '{asOf}', to_jsonb((selection ->> 'asOf')::timestamptz - interval '1 day')) where id = $1`,
    [queued.id],
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const task = await finished(db, queued.id);
  assert.deepEqual([task.state, task.changed], ['succeeded', 30]);
});

test('deleting keeps the last image of every record and counts what was gone', async (t) => {
  const { db, context, cities, keys, connectionString, defer } = await setUp(t, 60);
  const { task: queued } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'population-max=50' },
    'delete',
    {
      acknowledge: 'yes',
    },
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const task = await finished(db, queued.id);
  assert.deepEqual([task.state, task.changed], ['succeeded', 50]);
  const { rows } = await db.pages.query(
    `select cardinality(keys) as n, (${imageAt('before', '0')}) ->> 'name' as name from ${db.t.change}`,
  );
  assert.deepEqual(rows, [{ n: 50, name: 'Place 1' }]);
  void keys;
});

test('an overlapping launch is refused with the holder named, and a disjoint one runs', async (t) => {
  const { db, context, cities, connectionString, defer } = await setUp(t, 300);
  const holder = await db.pages.connect();
  defer(() => holder.release());
  await holder.query('begin');
  await holder.query('select 1 from gazetteer.city where id = 50 for update');
  const { task: first } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'population-max=100' },
    'update',
    publish,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 2 });
  defer(() => worker.stop());
  await until(
    async () =>
      (
        await db.pages.query(`select 1 from ${db.t.task} where id = $1 and state = 'running'`, [
          first.id,
        ])
      ).rowCount === 1,
  );
  await assert.rejects(
    launchOn(context, cities, { kind: 'matching', filter: 'population-min=90' }, 'update', {
      field: 'featured',
      'value.featured': 'true',
    }),
    (error: AppError) => {
      assert.deepEqual([error.code, error.status], ['overlap', 409]);
      assert.match(error.message, new RegExp(`task ${first.id} .*Ada`));
      return true;
    },
  );
  const { task: other } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'population-min=101' },
    'update',
    publish,
  );
  assert.equal((await finished(db, other.id)).state, 'succeeded');
  await holder.query('rollback');
  assert.equal((await finished(db, first.id)).state, 'succeeded');
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    if (await isSo()) return;
    await new Promise((done) => setTimeout(done, 25));
  }
  throw new Error('it did not come true');
}
