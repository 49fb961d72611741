import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { holding, ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { insertPlaces } from '../../testing/places.ts';

const operationId = '00000000-0000-4000-8000-000000000777';

test('a task of one’s own has the pages of any task: queued, running, cancelled, run again, done', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const [editor, admin, viewer] = [
    await app.signIn('editor'),
    await app.signIn('admin'),
    await app.signIn('viewer'),
  ];
  await insertPlaces(app.db, 1);
  const launch = async (country: string, ms: number) =>
    (await launchOwn(app.context, holding, { country, ms }, { principal: editor.principal })).id;
  const id = await launch('ESP', 60_000);
  const show = async (path = `/tasks/${id}`) => (await editor.get(path)).body;
  const json = async (task = id) =>
    (await editor.get(`/tasks/${task}`, { accept: 'application/json' })).json();

  const queued = await show();
  assert.match(queued, /Hold ESP/);
  assert.match(queued, /Waiting for a worker/);
  assert.match(queued, /country: ESP/);
  assert.doesNotMatch(queued, /records|Chunks|Which records|Written/);
  assert.equal((await viewer.get(`/tasks/${id}`)).statusCode, 404);
  assert.equal((await admin.get(`/tasks/${id}`)).statusCode, 200);
  assert.match(await show('/tasks'), /Hold ESP[\s\S]+Background task/);
  assert.deepEqual(
    [(await json()).resource, (await json()).operation, (await json()).state],
    [null, 'holding', 'queued'],
  );

  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 2,
  });
  try {
    while ((await json()).done === 0) await wait(20);
    const running = await show();
    assert.match(running, /Holding ESP/);
    assert.match(running, /1 of 2/);
    assert.match(running, /Cancel the task/);
    assert.doesNotMatch(running, />Pause/);
    assert.match((await editor.get(`/tasks/${id}/progress`, htmx)).body, /data-state="running"/);
    const listed = (await editor.get('/countries')).body;
    assert.match(
      listed.slice(listed.indexOf('<tbody'), listed.indexOf('</tbody')),
      /data-key="ESP"\s+data-locked/,
    );

    await editor.post(`/tasks/${id}/cancellation`);
    while ((await json()).state !== 'cancelled') await wait(20);
    const cancelled = await show();
    assert.match(cancelled, /Cancelled by/);
    assert.match(cancelled, /Run it again/);
    assert.doesNotMatch(cancelled, /Undo/);
    const answer = await editor.post(`/tasks/${id}/retry`, { _op: operationId, code: '' });
    assert.equal(answer.statusCode, 303);
    const again = Number(/\/tasks\/(\d+)/.exec(String(answer.headers.location))?.[1]);
    assert.ok(again > id);
    await editor.post(`/tasks/${again}/cancellation`);

    const done = await launch('FRA', 10);
    while ((await json(done)).state !== 'succeeded') await wait(20);
    const page = await show(`/tasks/${done}`);
    assert.match(page, /It is done\./);
    assert.match(page, /<h2[^>]*>Result<\/h2>\s*<pre[^>]*>1<\/pre>/);
    const poll = await editor.get(`/tasks/${done}/progress`, htmx);
    assert.equal(poll.statusCode, 286);
    assert.match(String(poll.headers['hx-trigger']), /Hold FRA: done\./);
  } finally {
    await worker.stop();
  }
});

test('a task’s page says which hook was told of it in vain', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const admin = await app.signIn('admin');
  const launch = { principal: admin.principal };
  const { id } = await launchOwn(app.context, holding, { country: 'ESP', ms: 1 }, launch);
  const page = async () => (await admin.get(`/tasks/${id}`)).body;
  const delivery = (parked: string) =>
    app.db.pages.query(
      `insert into ${app.db.t.task_delivery} (event_id, hook, name, task_id, payload, attempts, parked_at, error)
       values ($2, 'mirror', 'task:created', $1, '{}', 10, ${parked}, 'secret of the database')`,
      [id, parked === 'null' ? 1 : 2],
    );
  await delivery('null');
  assert.doesNotMatch(await page(), /Hooks that were not told/);
  await delivery('now()');
  assert.match(await page(), /“mirror” of task:created: given up after 10 tries/);
  assert.doesNotMatch(await page(), /secret of the database/);
});
