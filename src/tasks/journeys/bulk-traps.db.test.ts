import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { transaction } from '../../db/transaction.ts';
import { defineResource } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import type { UpdateParameters } from '../../operations/field-edit.ts';
import { updateOperation } from '../../operations/update/update.ts';
import type { Resource } from '../../resources/contract.ts';
import { createSelection, type Selected } from '../../selection/selection.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import type { TaskContext } from '../context.ts';
import { confirmPreview } from '../launching/confirm-preview.ts';
import { lookAhead } from '../previewing/look-ahead.ts';
import { createPreview, type Preview } from '../previewing/preview.ts';
import { defaultRunOptions } from '../run-options.ts';
import { startWorker } from '../worker/worker.ts';

type Context = Parameters<typeof testDatabase>[0];

async function setUp(
  t: Context,
  rows: number,
  defaults: { chunkSize?: number } = {},
  admin: AdminDefinition = sample,
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, { chunkSize: 10, ...defaults }, admin);
  const cities = context.registry.get('cities');
  await insertPlaces(db, rows);
  const run = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 2 });
    defer(() => worker.stop());
  };
  // With rules of its own a test decides when they are first asked.
  if (admin === sample) await run();
  const count = async (condition: string) =>
    (await db.pages.query(`select count(*)::int as n from gazetteer.city where ${condition}`))
      .rows[0].n as number;
  return { db, context, cities, count, run };
}

async function preview(
  context: TaskContext,
  resource: Resource,
  selected: Partial<Selected>,
  parameters: UpdateParameters,
): Promise<Preview> {
  const whole = { kind: 'ticked' as const, filter: '', keys: [], exclusions: [], ...selected };
  const { id } = await createSelection(context.db, ada, resource, whole);
  const made = await createPreview(context, {
    resource,
    principal: ada,
    operation: 'update',
    selectionId: id,
    parameters,
  });
  return lookAhead(context, { resource, principal: ada, preview: made });
}

const confirm = (context: TaskContext, resource: Resource, previewId: string) =>
  confirmPreview(context, { resource, principal: ada, previewId, options: defaultRunOptions });

const publish = { field: 'status', 'value.status': 'published' };

test('an operation that changes the field of its own filter reaches every record that matched', async (t) => {
  const { context, cities, count } = await setUp(t, 95);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'status=draft' },
    'update',
    publish,
  );
  const done = await finished(context.db, task.id);
  assert.deepEqual(
    [done.state, done.changed, await count(`status = 'draft'`)],
    ['succeeded', 95, 0],
  );
});

test('an empty selection is an error, never everything', async (t) => {
  const { context, cities, count } = await setUp(t, 30);
  const all = Array.from({ length: 30 }, (_, index) => keyOf(cities.model, { id: index + 1 }));
  for (const nothing of [
    {},
    { kind: 'matching' as const, exclusions: all },
    { kind: 'matching' as const, filter: 'population-min=1000' },
  ]) {
    await assert.rejects(launchOn(context, cities, nothing, 'update', publish), {
      code: 'empty-selection',
      status: 422,
    });
  }
  assert.equal(await count(`status <> 'draft'`), 0);
});

test('an invalid filter is an error, never no filter', async (t) => {
  const { context, cities, count } = await setUp(t, 30);
  await assert.rejects(
    launchOn(context, cities, { kind: 'matching', filter: 'nonsense=1' }, 'update', publish),
    {
      code: 'invalid-filter',
    },
  );
  assert.equal(await count(`status <> 'draft'`), 0);
});

test('`undefined` in a row scope is an error, never every record: at the click, and when a task begins', async (t) => {
  let max: number | undefined = 20;
  const scope = () =>
    ({
      population: { gte: 1 },
      AND: [{ population: max === undefined ? max : { lte: max } }],
    }) as never;
  const admin = {
    ...sample,
    schedules: [],
    resources: [defineResource(metadata, 'City', { scope }), ...sample.resources.slice(1)],
  };
  const { db, context, cities, count, run } = await setUp(t, 30, {}, admin);
  const launch = () => launchOn(context, cities, { kind: 'matching' }, 'update', publish);
  const { task } = await launch();
  max = undefined;
  await assert.rejects(launch(), /cannot be worked out/);
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.expected, end.changed], ['failed', 20, 0]);
  assert.equal(await count(`status <> 'draft'`), 0);
});

test('wildcards in a filter are taken for what they are', async (t) => {
  const { db, context, cities } = await setUp(t, 30);
  await db.pages.query(`update gazetteer.city set name = '100 %' where id = 7`);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'name-contains=%25' },
    'update',
    publish,
  );
  await finished(db, task.id);
  const { rows } = await db.pages.query(`select id from gazetteer.city where status = 'published'`);
  assert.deepEqual(rows, [{ id: 7 }]);
});

test('only the chosen columns are written, and what somebody else writes to another meanwhile stays', async (t) => {
  const { db, context, cities } = await setUp(t, 30);
  await db.pages.query(`update gazetteer.city set notes = 'mine', rating = 3 where id = 5`);
  const { id } = await preview(
    context,
    cities,
    { kind: 'matching' },
    { changes: [{ field: 'status', change: 'set', value: 'published' }] },
  );
  await db.pages.query(`update gazetteer.city set notes = 'theirs' where id = 5`);
  const { task } = await confirm(context, cities, id);
  await finished(db, task.id);
  const { rows } = await db.pages.query(
    'select status, notes, rating::float from gazetteer.city where id = 5',
  );
  assert.deepEqual(rows, [{ status: 'published', notes: 'theirs', rating: 3 }]);
});

test('“no change” writes nothing: no null, no row, no history', async (t) => {
  const { db, context, cities } = await setUp(t, 30);
  await db.pages.query(`update gazetteer.city set status = 'published', notes = 'kept'`);
  const before = (await db.pages.query('select xmin::text, id from gazetteer.city order by id'))
    .rows;
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', {
    ...publish,
    'value.notes': '',
  });
  const { changed, unchanged, state } = await finished(db, task.id);
  assert.deepEqual(
    { changed, unchanged, state },
    { changed: 0, unchanged: 30, state: 'succeeded' },
  );
  assert.deepEqual(
    (await db.pages.query('select xmin::text, id from gazetteer.city order by id')).rows,
    before,
  );
  assert.equal((await db.pages.query(`select 1 from ${db.t.change}`)).rowCount, 0);
});

test('a second click on a finished “+10 %” changes nothing more', async (t) => {
  const { db, context, cities, count } = await setUp(t, 30);
  await db.pages.query('update gazetteer.city set rating = 5');
  const { id } = await preview(
    context,
    cities,
    { kind: 'matching' },
    { changes: [{ field: 'rating', change: 'percent', value: '10' }] },
  );
  const first = await confirm(context, cities, id);
  await finished(db, first.task.id);
  const second = await confirm(context, cities, id);
  assert.deepEqual([second.outcome, second.task.id], ['already', first.task.id]);
  assert.equal(await count('rating = 5.5'), 30);
});

test('eight clicks at the same moment on “+10 %” of a few records are one', async (t) => {
  const { db, context, cities, count } = await setUp(t, 30);
  await db.pages.query('update gazetteer.city set rating = 5');
  const keys = [1, 2, 3].map((id) => keyOf(cities.model, { id }));
  const { id } = await preview(
    context,
    cities,
    { keys },
    { changes: [{ field: 'rating', change: 'percent', value: '10' }] },
  );
  const clicks = await Promise.all(Array.from({ length: 8 }, () => confirm(context, cities, id)));
  assert.deepEqual(clicks.map(({ outcome }) => outcome).sort(), [
    ...Array.from({ length: 7 }, () => 'already'),
    'inline',
  ]);
  assert.equal(new Set(clicks.map(({ task }) => task.id)).size, 1);
  assert.equal(await count('rating = 5.5'), 3);
});

test('two tabs that preview one selection do not disturb each other', async (t) => {
  const { db, context, cities, count } = await setUp(t, 30);
  const one = await preview(
    context,
    cities,
    { kind: 'matching' },
    { changes: [{ field: 'status', change: 'set', value: 'published' }] },
  );
  const other = await preview(
    context,
    cities,
    { kind: 'matching' },
    { changes: [{ field: 'notes', change: 'set', value: 'seen' }] },
  );
  for (const { id } of [other, one])
    await finished(db, (await confirm(context, cities, id)).task.id);
  assert.equal(await count(`status = 'published' and notes = 'seen'`), 30);
});

test('a value that is refused only when the transaction ends is refused by name, in the preview and in the task', async (t) => {
  const { db, context, cities } = await setUp(t, 30);
  await db.pages.query(`
    create function gazetteer.refuse_seven() returns trigger language plpgsql as $$
      begin if new.id = 7 and new.status = 'published' then raise 'seven stays a draft' using errcode = '23514'; end if; return null; end $$;
    create constraint trigger refuse_seven after update on gazetteer.city deferrable initially deferred
      for each row execute function gazetteer.refuse_seven();`);
  const { id, findings } = await preview(
    context,
    cities,
    { kind: 'matching' },
    { changes: [{ field: 'status', change: 'set', value: 'published' }] },
  );
  assert.deepEqual(
    [findings?.changed, findings?.refused.map(({ message, keys }) => [message, keys])],
    [29, [['seven stays a draft', [keyOf(cities.model, { id: 7 })]]]],
  );
  assert.deepEqual(findings?.triggers, ['refuse_seven']);
  const { task } = await confirm(context, cities, id);
  const { state, changed, failed } = await finished(db, task.id);
  assert.deepEqual({ state, changed, failed }, { state: 'partial', changed: 29, failed: 1 });
});

test('the history has every record of a bulk change, of the inline as of the queued', async (t) => {
  const { db, context, cities } = await setUp(t, 60);
  const keys = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => keyOf(cities.model, { id: from + index }));
  const inline = await launchOn(context, cities, { keys: keys(1, 9) }, 'update', publish);
  const queued = await launchOn(context, cities, { keys: keys(10, 59) }, 'update', publish);
  await finished(db, queued.task.id);
  for (const [task, expected] of [
    [inline.task, keys(1, 9)],
    [queued.task, keys(10, 59)],
  ] as const) {
    const { rows } = await db.pages.query(
      `select array_agg(key order by key) as keys from ${db.t.change}, unnest(keys) key where task_id = $1`,
      [task.id],
    );
    assert.deepEqual(rows[0].keys, expected);
  }
});

test('more than 32,767 keys are one statement with a handful of parameters, and one task', async (t) => {
  const { db, context, cities, count } = await setUp(t, 33_000, { chunkSize: 33_000 });
  const keys = Array.from({ length: 33_000 }, (_, index) => keyOf(cities.model, { id: index + 1 }));
  const author = {
    taskId: null,
    chunk: null,
    principalId: ada.id,
    principalName: ada.name,
    changeReason: null,
  };
  const target = { resource: cities, t: db.t, serverVersion: db.version, author };
  const parameters: UpdateParameters = {
    changes: [{ field: 'notes', change: 'set', value: 'at once' }],
  };
  assert.ok((updateOperation.statement?.(target, keys, parameters)?.values.length ?? 99) < 20);
  const counts = await transaction(db.pages, (client) =>
    updateOperation.apply(client, target, keys, parameters),
  );
  assert.deepEqual(counts, { changed: 33_000, unchanged: 0, gone: 0 });
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', publish);
  const { state, changed } = await finished(db, task.id);
  assert.deepEqual({ state, changed }, { state: 'succeeded', changed: 33_000 });
  assert.equal(await count(`status = 'published' and notes = 'at once'`), 33_000);
});

test('a change that overflows for records of nobody’s selection is asked only of those that are selected', async (t) => {
  const { db, context, cities } = await setUp(t, 30);
  await db.pages.query('update gazetteer.city set rating = case when id > 5 then 90 else 4 end');
  const keys = [1, 2, 3, 4, 5].map((id) => keyOf(cities.model, { id }));
  const parameters = { changes: [{ field: 'rating', change: 'multiply' as const, value: '2' }] };
  const { findings, id } = await preview(context, cities, { keys }, parameters);
  assert.deepEqual([findings?.changed, findings?.refused], [5, []]);
  assert.equal((await confirm(context, cities, id)).task.changed, 5);
});

for (const [name, table] of [
  ['text', 'IdText'],
  ['uuid', 'IdUuid'],
  ['bigint', 'IdSnowflake'],
  ['composite', 'CompositeInt'],
  ['composite of many types', 'CompositeMixed'],
] as const) {
  test(`everything but exclusions is changed, by preview and task, where keys are ${name}`, async (t) => {
    const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
    const context = testContext(db, {}, { chunkSize: 2 }, tortureAdmin);
    const resource = context.registry.list.find(({ model }) => model.name === table) as Resource;
    const { model } = resource;
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
    const column = model.fields.name?.column;
    await db.pages.query(`update ${model.table} set ${column} = 'before'`);
    const records = await (
      context.registry.client as unknown as Record<
        string,
        { findMany(args: object): Promise<Record<string, unknown>[]> }
      >
    )[model.delegate]?.findMany({});
    const keys = (records ?? []).map((record) => keyOf(model, record)).sort();
    assert.ok(keys.length > 2);
    const [left = ''] = keys;
    const { findings, id, recordCount } = await preview(
      context,
      resource,
      { kind: 'matching', exclusions: [left] },
      { changes: [{ field: 'name', change: 'append', value: '!' }] },
    );
    assert.deepEqual([recordCount, findings?.changed], [keys.length - 1, keys.length - 1]);
    const { task } = await confirmPreview(context, {
      resource,
      principal: ada,
      previewId: id,
      options: { ...defaultRunOptions, inBackground: true },
    });
    assert.equal((await finished(db, task.id)).changed, keys.length - 1);
    const { rows } = await db.pages.query(
      `select ${column} as name, count(*)::int as n from ${model.table} group by 1 order by 1`,
    );
    assert.deepEqual(rows, [
      { name: 'before', n: 1 },
      { name: 'before!', n: keys.length - 1 },
    ]);
  });
}
