import assert from 'node:assert/strict';
import { test } from 'node:test';
import pg from 'pg';
import { noteWorkerEnd } from '../../tasks/liveness.ts';
import { workedMs } from '../../tasks/looking/progress.ts';
import { recover } from '../../tasks/worker/recovery.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';

test('a task whose only worker was killed says so wherever it is shown, since when, and takes no credit for the time', async (t) => {
  const { db, context, connectionString, signIn } = await testApp(t);
  await insertPlaces(db, 2_000);
  const editor = await signIn('editor');
  const id = await launchAs(editor, 2_000);
  const shown = async () => ({
    progress: (await editor.get(`/tasks/${id}/progress`, htmx)).body,
    page: (await editor.get(`/tasks/${id}`)).body,
    strip: (await editor.get('/tasks/running?resource=cities', htmx)).body,
    list: (await editor.get('/tasks')).body,
    home: (await editor.get('/')).body,
    json: (await editor.get(`/tasks/${id}`, { accept: 'application/json' })).json(),
  });
  // None has been started yet: nobody knows since when.
  const queued = await shown();
  assert.match(queued.progress, /No worker is alive, so nobody is at it/);
  assert.doesNotMatch(queued.progress, /as soon as one is free/);
  assert.deepEqual(queued.json.noWorker, { since: null });

  const holder = new pg.Client({ connectionString });
  await holder.connect();
  holder.on('error', () => undefined);
  await holder.query('begin');
  await holder.query('select 1 from gazetteer.city where id = 1500 for update');
  const worker = await startWorkerProcess(connectionString);
  for (let tries = 0; ; tries++) {
    const { rows } = await db.pages.query(`select done from ${db.t.task} where id = $1`, [id]);
    if (rows[0].done > 0) break;
    assert.ok(tries < 600, 'the worker did nothing');
    await new Promise((done) => setTimeout(done, 25));
  }
  const alive = await shown();
  assert.match(alive.progress, /records\/s/);
  assert.equal(alive.json.noWorker, null);
  await worker.kill('SIGKILL');
  // Before anybody has looked after it, it is known that none is alive.
  assert.match((await shown()).progress, /No worker is alive, so nobody is at it/);
  while ((await recover(context)) === 0) await new Promise((done) => setTimeout(done, 25));
  const dead = await shown();
  for (const body of [dead.progress, dead.page, dead.strip]) {
    assert.match(body, /No worker is alive since \d\d:\d\d:\d\d, so nobody is at it/);
    assert.match(body, /Waiting for a worker: 2,000 records/);
    assert.doesNotMatch(body, /records\/s|left</);
  }
  for (const body of [dead.list, dead.home]) assert.match(body, /No worker since \d\d:\d\d:\d\d/);
  assert.ok(dead.json.noWorker.since);
  assert.deepEqual([dead.json.rate, dead.json.secondsLeft], [null, null]);

  // An hour goes by before another one comes.
  await db.pages.query(
    `update ${db.t.task} set rested_at = rested_at - interval '1 hour', started_at = started_at - interval '1 hour' where id = $1`,
    [id],
  );
  await holder.end();
  const next = await startWorker(context, { connectionString, concurrency: 1 });
  const task = await finished(db, id);
  await next.stop();
  assert.equal(task.state, 'succeeded');
  assert.ok(task.idleMs > 3_600_000);
  assert.ok(workedMs(task, new Date()) < 1_800_000);
  assert.match((await editor.get(`/tasks/${id}`)).body, /Stood still<\/dt><dd[^>]*>1 hr/);
  await noteWorkerEnd(db.pages, db.t);
  assert.equal(
    (await editor.get(`/tasks/${id}`, { accept: 'application/json' })).json().noWorker,
    null,
  );
});
