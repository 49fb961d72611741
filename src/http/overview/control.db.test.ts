import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { until } from '../../testing/until.ts';

type Context = Parameters<typeof testApp>[0];

const mail = defineTask({ name: 'mail', params: z.object({}), queue: 'mail', run: () => null });
const admin = { ...sample, schedules: [], taskHooks: [], tasks: [mail] };

async function setUp(t: Context): Promise<TestApp & { ada: Visitor; eve: Visitor }> {
  const app = await testApp(t, { admin });
  return { ...app, ada: await app.signIn('admin'), eve: await app.signIn('editor') };
}

const json = { accept: 'application/json' };

test('an admin pauses a queue on a page that asks first, every page says so, and it is resumed', async (t) => {
  const app = await setUp(t);
  const { ada } = app;
  const overview = async () => (await ada.get('/tasks/overview')).body;
  const { id } = await launchOwn(app.context, mail, {}, { principal: ada.principal });
  assert.match(
    await overview(),
    /data-queue="mail"[\s\S]*?Goes on[\s\S]*?tasks\?state=queued&amp;queue=mail">1</,
  );
  const { body, statusCode } = await ada.get('/tasks/queues/mail/pause');
  assert.equal(statusCode, 200);
  assert.match(body, /Pause the queue “mail”\?/);
  const form = formOf(body, 'control-form');
  const paused = await ada.post('/tasks/queues/mail/pause', { ...form, reason: 'no server' });
  assert.deepEqual([paused.statusCode, paused.headers.location], [303, '/tasks/overview']);
  const shown = await overview();
  assert.match(shown, /role="status">[\s\S]*?The queue “mail” is paused\./);
  assert.match(shown, /<a href="#queues">[\s\S]*?The queue “mail” is paused: nothing new/);
  assert.match(shown, /Paused by Admin since \d\d:\d\d:\d\d[\s\S]*?Reason: no server/);

  const page = (await ada.get(`/tasks/${id}`)).body;
  const progress = (await ada.get(`/tasks/${id}/progress`, htmx)).body;
  for (const piece of [page, progress])
    assert.match(
      piece,
      /Its queue, “mail”, is paused by Admin since \d\d:\d\d:\d\d\. It goes on when that is resumed\. Reason: no server/,
    );
  for (const path of ['/tasks', '/'])
    assert.match((await ada.get(path)).body, /Queue paused by Admin since \d\d:\d\d:\d\d/, path);

  const twice = await ada.post('/tasks/queues/mail/pause', {}, json);
  assert.deepEqual([twice.statusCode, twice.json().error], [409, 'queue-paused']);
  const late = await ada.get('/tasks/queues/mail/pause');
  assert.deepEqual([late.statusCode, late.headers.location], [303, '/tasks/overview']);
  assert.match(await overview(), /The queue “mail” is paused already\./);
  await ada.post('/tasks/queues/mail/resumption', {});
  assert.match(await overview(), /The queue “mail” goes on\./);
  assert.doesNotMatch((await ada.get(`/tasks/${id}`)).body, /is paused by/);
  const again = await ada.post('/tasks/queues/mail/resumption', {}, json);
  assert.deepEqual([again.statusCode, again.json().error], [409, 'queue-not-paused']);
  const long = await ada.post('/tasks/queues/mail/pause', { reason: 'x'.repeat(1_001) });
  assert.equal(long.statusCode, 422);
});

test('an admin has a worker be quiet, go on and stop, each asked first', async (t) => {
  const app = await setUp(t);
  const { ada } = app;
  const worker = await startWorker(app.context, {
    ...{ connectionString: app.connectionString, concurrency: 1, places: 1 },
  });
  const read = async () => (await ada.get('/tasks/overview', json)).json().workers[0];
  const { id } = await read();
  const quiet = await ada.get(`/tasks/workers/${id}/quiet`);
  assert.match(quiet.body, /Quiet the worker [^<]*\?[\s\S]*No other worker is alive/);
  const asked = await ada.post(`/tasks/workers/${id}/quiet`, formOf(quiet.body, 'control-form'));
  assert.equal(asked.statusCode, 303);
  await until(async () => (await read()).quietAt !== null);
  const { body } = await ada.get('/tasks/overview');
  assert.match(body, /It takes nothing more: Admin asked for that/);
  assert.match(body, /1 worker takes nothing more/);
  assert.match(body, new RegExp(`action="/tasks/workers/${id}/resumption"`));
  assert.equal((await ada.post(`/tasks/workers/${id}/quiet`, {})).statusCode, 409);
  const late = await ada.get(`/tasks/workers/${id}/quiet`);
  assert.deepEqual([late.statusCode, late.headers.location], [303, '/tasks/overview']);
  assert.match((await ada.get('/tasks/overview')).body, /has been asked to already/);
  await ada.post(`/tasks/workers/${id}/resumption`, {});
  await until(async () => (await read()).quietAt === null);
  assert.equal((await ada.post(`/tasks/workers/${id}/resumption`, {})).statusCode, 409);

  const stop = await ada.get(`/tasks/workers/${id}/stop`);
  assert.match(stop.body, /as when it is sent SIGTERM/);
  assert.equal((await ada.post(`/tasks/workers/${id}/stop`, {})).statusCode, 303);
  await worker.stoppedByPage;
  assert.equal(await read(), undefined);
  assert.match((await ada.get('/tasks/overview')).body, /is asked to stop\./);
  for (const act of ['quiet', 'stop', 'resumption'])
    assert.equal((await ada.post(`/tasks/workers/${id}/${act}`, {})).statusCode, 404);
  await worker.stop();
});

test('who is no admin finds none of it, and a form without its token does nothing', async (t) => {
  const app = await setUp(t);
  const { rows } = await app.db.pages.query<{ id: string }>(
    `insert into ${app.db.t.worker} (id, host, pid) values ($1, 'nowhere', 1) returning id`,
    [randomUUID()],
  );
  const acts = [
    'queues/mail/pause',
    'queues/mail/resumption',
    ...['quiet', 'stop', 'resumption'].map((act) => `workers/${rows[0]?.id}/${act}`),
  ];
  for (const act of acts) {
    assert.equal((await app.eve.post(`/tasks/${act}`, {})).statusCode, 404, act);
    assert.equal((await app.ada.post(`/tasks/${act}`, { _csrf: 'x' })).statusCode, 403, act);
    if (!act.endsWith('resumption'))
      assert.equal((await app.eve.get(`/tasks/${act}`)).statusCode, 404, act);
  }
  assert.equal((await app.ada.get('/tasks/queues/nowhere/pause')).statusCode, 404);
  for (const id of ['1', rows[0]?.id])
    assert.equal((await app.ada.get(`/tasks/workers/${id}/stop`)).statusCode, 404);
  const { body } = await app.eve.get('/tasks/overview');
  assert.doesNotMatch(body, /\/pause"|\/quiet"|\/stop"/);
});

test('whoever sees every task and is no admin sees queues and workers, and does nothing to them', async (t) => {
  const resources = [
    defineResource(metadata, 'City', { permissions: () => actions, tasks: () => true }),
  ];
  const app = await testApp(t, { admin: { ...admin, resources } });
  const eve = await app.signIn('editor');
  await app.db.pages.query(
    `insert into ${app.db.t.worker} (id, host, pid) values ($1, 'nowhere', 1)`,
    [randomUUID()],
  );
  const { body } = await eve.get('/tasks/overview');
  assert.match(body, /data-queue="mail"[\s\S]*nowhere, process 1/);
  assert.doesNotMatch(body, /\/pause"|\/quiet"|\/stop"/);
  const refused = await eve.post('/tasks/queues/mail/pause', {}, json);
  assert.deepEqual([refused.statusCode, refused.json().error], [403, 'forbidden']);
  assert.equal((await eve.get('/tasks/queues/mail/pause')).statusCode, 403);
});
