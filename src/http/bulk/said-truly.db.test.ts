import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, testApp, type Visitor } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const publish = { field: 'status', 'value.status': 'published' };

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor') };
}

const place = (answer: { headers: Record<string, unknown> }) => String(answer.headers.location);

test('the same form sent twice, and the same change from another form, are told in two sentences, with and without JavaScript', async (t) => {
  const { editor } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 30)}`;
  const [first, second] = [await openAs(editor, path), await openAs(editor, path)];
  const send = (_op: string, headers: Record<string, string> = {}) =>
    editor.post(path, { _op, ...publish }, headers);
  assert.equal(place(await send(first)), '/tasks/1');
  const bodiesOf = async (_op: string) => {
    assert.equal(place(await send(_op)), '/tasks/1');
    return [
      (await editor.get('/tasks/1')).body,
      (await send(_op, htmx)).body,
      (await send(_op, { accept: 'application/json' })).body,
    ];
  };
  for (const body of await bodiesOf(second)) {
    assert.match(body, /already in progress/);
    assert.doesNotMatch(body, /already been sent/);
  }
  for (const body of await bodiesOf(first)) {
    assert.match(body, /already been sent/);
    assert.doesNotMatch(body, /already in progress/);
  }
});

async function previewOf(
  editor: Visitor,
  count: number,
  body: Record<string, string | string[]>,
): Promise<string> {
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, count)}`;
  return place(
    await editor.post(path, { _op: await openAs(editor, path), _do: 'preview', ...body }),
  );
}

test('a preview that was run says so, offers nothing, and leads to its task; sent again it says that this is the task', async (t) => {
  const { editor } = await setUp(t);
  const preview = await previewOf(editor, 3, publish);
  assert.match((await editor.get(preview)).body, /Nothing was changed yet[\s\S]*Change 3 cities/);
  assert.equal((await editor.post(preview, { count: '3' })).statusCode, 303);
  const { body } = await editor.get(preview);
  assert.match(
    body,
    /This preview was run: it is task 1 now \(succeeded\)[\s\S]*href="\/tasks\/1"/,
  );
  assert.doesNotMatch(body, /Nothing was changed yet|Change 3 cities|Will change|Included/);
  assert.equal(place(await editor.post(preview, { count: '3' })), '/tasks/1');
  assert.match((await editor.get('/tasks/1')).body, /already been sent/);
});

test('what is to be set is told as the field is shown, in the reader’s zone; the reason stands on the task’s page and in the list', async (t) => {
  const { editor } = await setUp(t);
  const body = {
    field: ['featured', 'reviewedAt'],
    'value.featured': 'true',
    'value.reviewedAt': '2026-07-01T10:30',
    reason: 'No longer ours',
  };
  const preview = await previewOf(editor, 3, body);
  const summary = /<h1[\s\S]*?<\/ul>/.exec((await editor.get(preview)).body)?.[0] ?? '';
  assert.match(summary, /Featured: set to Yes/);
  assert.match(summary, /set to 1 Jul 2026/);
  assert.doesNotMatch(summary, /set to true|T10:30/);
  await editor.post(preview, { count: '3', reason: 'No longer ours' });
  const page = (await editor.get('/tasks/1')).body;
  assert.match(page, /Featured: set to Yes/);
  assert.match(page, /Why<\/dt><dd[^>]*>No longer ours/);
  assert.match((await editor.get('/tasks')).body, /Reason: No longer ours/);
});

test('a worker that does not know what a task is about leaves it waiting with the reason; one that knows it runs it', async (t) => {
  const { db, context, connectionString, editor } = await setUp(t);
  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 30)}`;
  await editor.post(path, { _op: await openAs(editor, path), ...publish });
  const older = {
    ...context,
    registry: {
      ...context.registry,
      list: context.registry.list.filter(({ slug }) => slug !== 'cities'),
    },
  };
  const first = await startWorker(older, { connectionString, concurrency: 1 });
  const row = async () =>
    (await db.pages.query(`select state, reason, message from ${db.t.task} where id = 1`)).rows[0];
  for (let tries = 0; (await row()).reason !== 'unknown'; tries++) {
    assert.ok(tries < 400, JSON.stringify(await row()));
    await new Promise((done) => setTimeout(done, 25));
  }
  const { body } = await editor.get('/tasks/1');
  assert.match(body, /No running worker knows the operation “update” of “cities”\. A newer/);
  assert.doesNotMatch(body, /may not do this/);
  await first.stop();
  assert.equal((await row()).state, 'queued');
  const second = await startWorker(context, { connectionString, concurrency: 1 });
  const task = await finished(db, 1);
  await second.stop();
  assert.deepEqual(
    [task.state, task.changed, task.reason, task.message],
    ['succeeded', 30, null, null],
  );
});

test('the first page counts small tables and only believes the database about large ones, which it says', async (t) => {
  const { editor, db } = await setUp(t);
  const countOf = async (label: string) =>
    new RegExp(`<strong>${label}</strong><small>([^<]+)<`).exec((await editor.get('/')).body)?.[1];
  await db.pages.query(`analyze gazetteer.tag, gazetteer.city`);
  await db.pages.query(`insert into gazetteer.tag (name) values ('harbour'), ('ferry')`);
  assert.equal(await countOf('Tags'), '5 records');
  assert.equal(await countOf('Cities'), '60 records');
  const more = `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
    select 'More ' || n, 'ESP', 'PPL', n, 0, 0 from generate_series(1, 2940) n`;
  await db.pages.query(more);
  assert.equal(
    await countOf('Cities'),
    undefined,
    'more than are counted, and the database has not looked',
  );
  await db.pages.query(`analyze gazetteer.city`);
  assert.equal(await countOf('Cities'), 'about 3,000 records');
});
