import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { defineTask } from '../../task-definitions/define-task.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { finished, launchOn } from '../../testing/context.ts';
import {
  affecting,
  holding,
  noting,
  notingWithUndo,
  ownTasksAdmin,
  piece,
  talking,
  whole,
} from '../../testing/own-tasks-admin.ts';
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
    assert.match(cancelled, /Events[\s\S]+>cancelled by Editor</);
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

test('the page of a task names its parts and how they stand, and theirs the task', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const editor = await app.signIn('editor');
  await app.db.pages.query('create table public.dealt (item int)');
  const { id } = await launchOwn(
    app.context,
    whole,
    { pieces: 3 },
    { principal: editor.principal },
  );
  const json = async () =>
    (await editor.get(`/tasks/${id}`, { accept: 'application/json' })).json();
  assert.doesNotMatch((await editor.get(`/tasks/${id}`)).body, /Parts/);
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 1,
  });
  try {
    const waits = /It waits for its parts, and goes on when they are done\./;
    while (!waits.test((await editor.get(`/tasks/${id}`)).body)) await wait(5);
    assert.equal((await json()).total, 3);
    while ((await json()).state !== 'succeeded') await wait(20);
  } finally {
    await worker.stop();
  }
  const page = (await editor.get(`/tasks/${id}`)).body;
  assert.match(page, /Parts\s*<span[^>]*>3 of 3 ended<\/span>[\s\S]+Piece 0[\s\S]+Piece 2/);
  const part = (await editor.get(`/tasks/${id + 1}`)).body;
  assert.match(part, new RegExp(`href="/tasks/${id}">A part of task ${id}</a>`));
});

test('what a run says stands on its page while it goes on, and the page of the record that it is about names it', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const [editor, viewer] = [await app.signIn('editor'), await app.signIn('viewer')];
  await insertPlaces(app.db, 1);
  const launch = async (lines: number) => {
    const launching = { principal: editor.principal };
    const { id } = await launchOwn(app.context, talking, { country: 'ESP', lines }, launching);
    return id;
  };
  const id = await launch(2);
  const logged: string[] = [];
  const context = { ...app.context, log: (_: string, line: string) => void logged.push(line) };
  const page = async (task = id) => (await editor.get(`/tasks/${task}`)).body;
  const ended = async (task: number) => {
    const asJson = { accept: 'application/json' };
    while (!(await editor.get(`/tasks/${task}`, asJson)).json().finishedAt) await wait(20);
  };
  assert.doesNotMatch((await editor.get('/countries/ESP')).body, /Talk about/);
  const worker = await startWorker(context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 2,
  });
  try {
    while (!/line 2 &lt;b&gt;/.test(await page())) await wait(20);
    assert.match(await page(), /data-state="running"|state-running/);
    await ended(id);
    assert.match(await page(), /<h2[^>]*>Log[\s\S]+line 1 &lt;b&gt;[\s\S]+x{1999}…</);
    assert.ok(logged.includes('line 1 <b>'));
    const record = (await editor.get('/countries/ESP')).body;
    assert.match(record, new RegExp(`href="/tasks/${id}">Talk about ESP</a>`));
    assert.doesNotMatch((await viewer.get('/countries/ESP')).body, /Talk about/);

    const long = await launch(1_200);
    await ended(long);
    const full = await page(long);
    assert.match(full, /the first 1,000 lines are kept, the last 200 of them shown/);
    assert.match(full, /line 801 [\s\S]+line 1000 /);
    assert.doesNotMatch(full, /line 800 |line 1001 /);
  } finally {
    await worker.stop();
  }
});

test('a task that waits for its time is not said to run', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const admin = await app.signIn('admin');
  const launching = { principal: admin.principal, delayMs: 3_600_000 };
  const { id } = await launchOwn(app.context, holding, { country: 'ESP', ms: 1 }, launching);
  const { body } = await admin.get(`/tasks/${id}`);
  assert.match(body, /Waiting for its time[\s\S]+It begins at /);
  assert.doesNotMatch(body, /Running in the background/);
});

test('the page of a task says whose end it waits for, and that it holds nothing where it does not', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const admin = await app.signIn('admin');
  await insertPlaces(app.db, 1);
  const launch = async (locks: 'check' | 'ignore' = 'check') => {
    const launching = { principal: admin.principal, locks };
    const given = { country: 'ESP', ms: 60_000 };
    return (await launchOwn(app.context, affecting, given, launching)).id;
  };
  const page = async (id: number) => (await admin.get(`/tasks/${id}`)).body;
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 3,
  });
  try {
    const first = await launch();
    while (!/Holding ESP/.test(await page(first))) await wait(20);
    const second = await launch();
    const waits = new RegExp(`Waits until (<a[^>]*href="/tasks/${first}"[^>]*>)?task ${first}<?`);
    for (let tries = 0; !waits.test(await page(second)); tries++) {
      assert.ok(tries < 300, 'it does not say so');
      await wait(20);
    }
    assert.doesNotMatch(await page(second), /Holds/);
    const ignoring = await page(await launch('ignore'));
    assert.match(ignoring, /Holds[\s\S]{1,100}no records: it was launched without locks/);
    for (const id of [first + 2, second, first]) await admin.post(`/tasks/${id}/cancellation`);
  } finally {
    await worker.stop();
  }
});

test('the page of a task offers to undo it: by what it changed, or by code of its own', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  await insertPlaces(app.db, 3);
  const { rows } = await app.db.pages.query('select notes, id from gazetteer.city order by id');
  assert.equal(rows.length, 3);
  const notes = async () =>
    (await app.db.pages.query('select notes from gazetteer.city where id = 2')).rows[0]?.notes;
  const page = async (path: string) => (await admin.get(path)).body;
  const json = async (id: number) =>
    (await admin.get(`/tasks/${id}`, { accept: 'application/json' })).json();
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 2,
  });
  const ended = async (id: number) => {
    for (let tries = 0; !(await json(id)).finishedAt; tries++) {
      assert.ok(tries < 500, `task ${id} does not end`);
      await wait(20);
    }
  };
  const undo = async (id: number, op: string) => {
    const answer = await admin.post(`/tasks/${id}/undo`, { _op: op, _which: 'all' });
    assert.equal(answer.statusCode, 303, answer.body);
    const undone = Number(/\/tasks\/(\d+)/.exec(String(answer.headers.location))?.[1]);
    await ended(undone);
    return undone;
  };
  try {
    for (const [definition, said, back] of [
      [noting, /2 records would be put back[\s\S]+Undo 2 records/, null],
      [notingWithUndo, /The code of this task takes back what it did/, 'back'],
    ] as const) {
      const params = { country: 'ESP', city: 2, note: 'noted' };
      const launching = { principal: admin.principal };
      const { id } = await launchOwn(app.context, definition, params, launching);
      await ended(id);
      assert.equal(await notes(), 'noted');
      assert.match(await page(`/tasks/${id}`), new RegExp(`href="/tasks/${id}/undo"`));
      assert.match(await page(`/tasks/${id}/undo`), said);
      assert.equal((await editor.get(`/tasks/${id}/undo`)).statusCode, 404);
      const first = await undo(id, `00000000-0000-4000-8000-00000000000${back ? 1 : 2}`);
      if (!back) await ended(first + 1);
      assert.equal(await notes(), back);
      const after = await page(`/tasks/${id}`);
      assert.match(after, />\s*Undone\s*</);
      assert.doesNotMatch(after, new RegExp(`href="/tasks/${id}/undo"`));
      assert.match(await page(`/tasks/${first}`), new RegExp(`Takes back task ${id}`));
    }
    const launching = { principal: admin.principal };
    const { id } = await launchOwn(app.context, holding, { country: 'ESP', ms: 1 }, launching);
    await ended(id);
    assert.doesNotMatch(await page(`/tasks/${id}`), /\/undo"/);
    assert.equal((await admin.get(`/tasks/${id}/undo`)).statusCode, 409);
  } finally {
    await worker.stop();
  }
});

test('whoever sees a task of one’s own, and may not change its records any more, is refused its undo', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const editor = await app.signIn('editor');
  await insertPlaces(app.db, 3);
  const params = { country: 'ESP', city: 2, note: 'noted' };
  const { id } = await launchOwn(app.context, noting, params, { principal: editor.principal });
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 1,
  });
  await finished(app.db, id).finally(() => worker.stop());
  const page = async () => (await editor.get(`/tasks/${id}`)).body;
  assert.match(await page(), /\/undo"/);
  await app.db.pages.query(`update ${app.db.t.user} set roles = '{viewer}' where id::text = $1`, [
    editor.principal.id,
  ]);
  assert.doesNotMatch(await page(), /\/undo"/);
  const send = { _op: operationId, _which: 'all' };
  const answers = [
    await editor.get(`/tasks/${id}/undo`),
    await editor.post(`/tasks/${id}/undo`, send),
  ];
  assert.deepEqual(
    answers.map(({ statusCode }) => statusCode),
    [403, 403],
  );
  const { rows } = await app.db.pages.query('select notes from gazetteer.city where id = 2');
  assert.deepEqual(rows, [{ notes: 'noted' }]);
});

test('the page of a task names what its end launches, and what is secret of that is on none of its pages', async (t) => {
  const tokens = ['tok-4711', 'tok-4712'];
  const mail = defineTask({
    name: 'mail',
    params: z.object({ to: z.string(), token: z.string() }),
    title: ({ to, token }) => `Mail ${to} by ${token}`,
    secret: ['token'],
    run: ({ token }, task) => task.log(`by ${token}`),
  });
  const app = await testApp(t, {
    admin: { ...ownTasksAdmin, tasks: [mail] },
    env: { BULKHEAD_ENCRYPTION_KEYS: randomBytes(32).toString('base64') },
  });
  const admin = await app.signIn('admin');
  const { id } = await app.app.bulkhead.tasks
    .as(admin.principal)
    .launch(
      mail,
      { to: 'Ada', token: 'tok-4711' },
      { onFinished: { task: mail, params: { to: 'Bo', token: 'tok-4712' } } },
    );
  const look = async (task: number) => {
    const [page, details, list, json] = [
      await admin.get(`/tasks/${task}`),
      await admin.get(`/tasks/${task}/details`, htmx),
      await admin.get('/tasks'),
      await admin.get(`/tasks/${task}`, { accept: 'application/json' }),
    ];
    const all = [page, details, list, json].map(({ body }) => body).join('\n');
    for (const token of tokens) assert.ok(!all.includes(token), token);
    return page.body;
  };
  assert.match(await look(id), /Mail Bo by •••/);
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 1,
  });
  try {
    await finished(app.db, id);
    const next = (await app.app.bulkhead.tasks.get(id)).onFinished?.taskId as number;
    await finished(app.db, next);
    assert.match(await look(id), new RegExp(`Mail Bo by •••[^<]*${next}`));
    assert.match(await look(next), /Mail Bo by •••[\s\S]+token: •••[\s\S]+by •••/);
  } finally {
    await worker.stop();
  }
});

test('the page of bulk work names the parts that its hooks have launched, to who sees them', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const [editor, admin] = [await app.signIn('editor'), await app.signIn('admin')];
  await insertPlaces(app.db, 2);
  const { task } = await launchOn(
    app.context,
    app.context.registry.get('cities'),
    { keys: ['00000000000000000001'] },
    'update',
    { field: 'notes', 'value.notes': 'x' },
    editor.principal,
    { inBackground: true },
  );
  const page = async (visitor: typeof editor) => (await visitor.get(`/tasks/${task.id}`)).body;
  assert.doesNotMatch(await page(editor), /Parts/);
  for (const [{ principal }, n] of [
    [editor, 1],
    [admin, 2],
  ] as const)
    await launchOwn(app.context, piece, { n }, { principal, parentId: task.id });
  const parts = /Parts\s*<span[^>]*>0 of [12] ended<\/span>([\s\S]*?)<\/ol>/;
  const named = async (visitor: typeof editor) =>
    [...(parts.exec(await page(visitor))?.[1] ?? '').matchAll(/Piece \d/g)].map(String);
  assert.deepEqual(await named(editor), ['Piece 1']);
  assert.deepEqual(await named(admin), ['Piece 1', 'Piece 2']);
});
