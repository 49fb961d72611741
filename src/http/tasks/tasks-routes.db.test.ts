import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { eventsIn, livePath } from '../../testing/live-pieces.ts';
import { insertPlaces } from '../../testing/places.ts';
import { taskTexts } from './tasks-texts.ts';

type Context = Parameters<typeof testApp>[0];

async function setUp(t: Context): Promise<TestApp & { editor: Visitor; admin: Visitor }> {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

const end = `state = 'partial', total = 30, done = 30, changed = 27, failed = 2, unchanged = 1, started_at = now(), finished_at = now()`;

async function finish({ db }: TestApp, id: number): Promise<void> {
  await db.pages.query(`update ${db.t.task} set ${end} where id = $1`, [id]);
}

/**
 * What ends a poll in the browser: htmx swaps the answer, stops at its status, and finds nothing in
 * it that starts anew.
 */
function assertEndsPoll(answer: { statusCode: number; body: string }, kind: string): void {
  assert.equal(answer.statusCode, 286);
  assert.match(answer.body, new RegExp(`data-ended="${kind}"`));
  assert.doesNotMatch(answer.body, /hx-trigger|hx-get|data-live/);
  assert.doesNotMatch(answer.body, /<html/);
}

test('a poll of an unfinished task is two statements and no write, and polls on', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  await app.editor.get(`/tasks/${id}/progress`, htmx);
  const { result, statements } = await countStatements(app.db, () =>
    app.editor.get(`/tasks/${id}/progress`, htmx),
  );
  assert.equal(result.statusCode, 200);
  assert.match(result.body, new RegExp(`id="task-${id}-progress"`));
  assert.match(
    result.body,
    new RegExp(`data-live="bar=${id}\\.page\\.queued\\.0\\.\\d+" data-every="1"`),
  );
  assert.match(result.body, /Waiting for a worker: 30 records/);
  assert.match(result.body, /<progress[^>]+aria-label="[^"]+"/);
  assert.equal(statements.length, 2, statements.join('\n'));
  for (const statement of statements) assert.match(statement.trim(), /^select/i);
});

test('a poll tells the list when the task came further than the list was told, and only then', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  const page = (await app.editor.get('/cities')).body;
  const poll = livePath(page, `task-${id}-progress-strip`);
  assert.deepEqual(eventsIn((await app.editor.get(poll, htmx)).body), {});
  await app.db.pages.query(
    `update ${app.db.t.task} set state = 'paused', done = 10, changed = 10 where id = $1`,
    [id],
  );
  const answer = await app.editor.get(poll, htmx);
  assert.deepEqual(eventsIn(answer.body), {
    'bulkhead:moved': { taskId: id, resource: 'cities', model: 'City' },
  });
  assert.deepEqual(eventsIn((await app.editor.get(livePath(answer.body), htmx)).body), {});
  assert.match(
    page,
    /hx-trigger="bulkhead:finished from:body, bulkhead:moved from:body, bulkhead:launched from:body, bulkhead:freed from:body"/,
  );
});

test('a poll of a finished task ends, and tells the list and a toast what happened', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  await finish(app, id);
  const answer = await app.editor.get(`/tasks/${id}/progress`, htmx);
  assertEndsPoll(answer, 'finished');
  assert.deepEqual(JSON.parse(String(answer.headers['hx-trigger'])), {
    'bulkhead:finished': { taskId: id, resource: 'cities', model: 'City' },
    'bulkhead:toast': {
      level: 'warning',
      message: 'Status → published · 30 cities: partly done. 27 changed, 2 failed, 1 already so.',
      key: `task-${id}`,
      link: { href: `/tasks/${id}/undo`, label: 'Undo…' },
      more: { href: `/tasks/${id}/changes`, label: 'Show the 27 records' },
    },
  });
});

test('a poll of a purged task, of somebody else’s, of nonsense and after signing out ends', async (t) => {
  const app = await setUp(t);
  const own = await launchAs(app.editor, 30);
  const other = await launchAs(app.admin, 25, { from: 31 });
  assertEndsPoll(await app.editor.get(`/tasks/${other}/progress`, htmx), 'gone');
  assertEndsPoll(await app.editor.get('/tasks/none/progress', htmx), 'gone');
  assertEndsPoll(
    await app.app.inject({ url: `/tasks/${own}/progress`, headers: htmx }),
    'signed-out',
  );
  await app.db.pages.query(`delete from ${app.db.t.task} where id = $1`, [own]);
  assertEndsPoll(await app.editor.get(`/tasks/${own}/progress`, htmx), 'gone');
});

test('the endings of the piece above a list keep its id', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  const strip = await app.editor.get('/tasks/running?resource=cities', htmx);
  assert.match(strip.body, new RegExp(`id="task-${id}-progress-strip"`));
  await finish(app, id);
  const ended = await app.editor.get(`/tasks/${id}/progress?in=strip`, htmx);
  assertEndsPoll(ended, 'finished');
  assert.match(ended.body, new RegExp(`id="task-${id}-progress-strip"`));
});

test('a plain request keeps its status', async (t) => {
  const app = await setUp(t);
  const own = await launchAs(app.editor, 30);
  const other = await launchAs(app.admin, 25, { from: 31 });
  const toPage = await app.editor.get(`/tasks/${own}/progress`);
  assert.deepEqual([toPage.statusCode, toPage.headers.location], [303, `/tasks/${own}`]);
  for (const path of [
    `/tasks/${other}`,
    `/tasks/${other}/progress`,
    '/tasks/999999',
    '/tasks/none',
  ]) {
    assert.equal((await app.editor.get(path)).statusCode, 404, path);
  }
  assert.equal((await app.app.inject({ url: `/tasks/${own}/progress` })).statusCode, 303);
});

test('programs read a task as JSON, and somebody else’s as not found', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  const json = { accept: 'application/json' };
  const running = (await app.editor.get(`/tasks/${id}`, json)).json();
  assert.deepEqual(
    [running.id, running.state, running.success, running.error],
    [id, 'queued', null, null],
  );
  await finish(app, id);
  const ended = (await app.editor.get(`/tasks/${id}`, json)).json();
  assert.deepEqual(
    [ended.state, ended.done, ended.total, ended.percent, ended.success],
    ['partial', 30, 30, 100, false],
  );
  assert.deepEqual(ended.counts, {
    changed: 27,
    unchanged: 1,
    failed: 2,
    gone: 0,
    conflicted: 0,
    keptBack: 0,
  });
  const other = await launchAs(app.admin, 25, { from: 31 });
  assert.equal((await app.editor.get(`/tasks/${other}`, json)).statusCode, 404);
  assert.equal((await app.admin.get(`/tasks/${other}`, json)).statusCode, 200);
});

test('the dashboard is live while something on it is unfinished, and silent afterwards', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  const page = await app.editor.get('/tasks');
  assert.match(page.body, /id="task-list" data-live="list=" data-every="2"/);
  assert.match(page.body, /<noscript><meta http-equiv="refresh" content="2"><\/noscript>/);
  const poll = livePath(page.body, 'task-list');
  assert.equal((await app.editor.get(poll, htmx)).statusCode, 200);
  await finish(app, id);
  const last = await app.editor.get(poll, htmx);
  assert.equal(last.statusCode, 286);
  assert.match(last.body, /id="task-list"/);
  assert.doesNotMatch(last.body, /data-live/);
  const silent = await app.editor.get('/tasks');
  assert.doesNotMatch(silent.body, /data-every="2"|http-equiv="refresh"/);
});

test('people see their own tasks, admins all, and a state filters them', async (t) => {
  const app = await setUp(t);
  const own = await launchAs(app.editor, 30);
  const other = await launchAs(app.admin, 25, { from: 31 });
  const idsOn = (body: string) =>
    [...body.matchAll(/<tr[^>]* id="task-(\d+)"/g)].map(([, id]) => Number(id));
  assert.deepEqual(idsOn((await app.editor.get('/tasks')).body), [own]);
  assert.deepEqual(idsOn((await app.admin.get('/tasks')).body), [other, own]);
  await finish(app, own);
  assert.deepEqual(idsOn((await app.admin.get('/tasks?state=queued')).body), [other]);
  assert.deepEqual(idsOn((await app.admin.get('/tasks?state=partial')).body), [own]);
  for (const query of ['state=nonsense', '_page=0', '_page=x']) {
    assert.equal((await app.admin.get(`/tasks?${query}`)).statusCode, 422, query);
  }
});

test('the dashboard and a task’s page need at most 12 statements', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  await app.db.pages.query(
    `insert into ${app.db.t.task_failure} (task_id, chunk, code, message, keys) select $1, 0, '23514', 'no: ' || n, array[lpad(n::text, 20, '0')]
     from generate_series(1, 40) n`,
    [id],
  );
  for (const path of ['/tasks', `/tasks/${id}`]) {
    const { result, statements } = await countStatements(app.db, () => app.editor.get(path));
    assert.equal(result.statusCode, 200, path);
    assert.ok(statements.length <= 12, `${path}: ${statements.length}`);
  }
});

test('a task’s page says what it does, names refused records with links, and leads back', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30, {
    body: {
      field: ['status', 'tags'],
      'value.status': 'published',
      'change.tags': 'add',
      'value.tags': ['1'],
    },
  });
  await app.db.pages.query(
    `insert into ${app.db.t.task_failure} (task_id, chunk, code, message, keys) values ($1, 0, '23514', 'is too small', $2)`,
    [id, ['7'.padStart(20, '0')]],
  );
  await finish(app, id);
  const { body } = await app.editor.get(`/tasks/${id}`);
  assert.match(body, /Status: set to published/);
  assert.match(body, /Tags: add port/);
  assert.match(body, /is too small/);
  assert.match(body, /href="\/cities\/7\/edit">Place 7</);
  assert.match(body, /href="\/cities"/);
});

test('a task’s page says in words which records it was about, to who may see the fields', async (t) => {
  const app = await setUp(t);
  const { db, editor, admin } = app;
  const recordsOf = async (visitor: Visitor, filter: string, exclusions: string[] = []) => {
    const selection = { kind: 'matching', filter, exclusions };
    await db.pages.query(
      `insert into ${db.t.task} (id, resource, model, operation, title, backend, state, principal_id, principal_name, principal, parameters, selection, task_key, expected)
       values (7, 'cities', 'City', 'update', 'Edit cities', 'queue', 'scheduled', $1, 'Eve', '{}', '{"changes":[]}', $2, 'x', 6972)
       on conflict (id) do update set selection = excluded.selection`,
      [editor.principal.id, JSON.stringify(selection)],
    );
    const { body } = await visitor.get('/tasks/7');
    return /Which records<\/dt><dd[^>]*>([^<]*)</.exec(body)?.[1];
  };
  const filter = 'country=ESP&_1.status=draft&_1.featured=true&population-between=1000..5000';
  const words =
    'Country is Spain and (Status is draft or Featured is Yes) and Population between 1,000 and 5,000';
  assert.equal(
    await recordsOf(editor, filter),
    `Cities, 6,972 records: everything matching ${words}`,
  );
  assert.equal(
    await recordsOf(admin, filter, ['a', 'b']),
    `Cities, 6,972 records: everything matching ${words}, less 2 left out`,
  );
  assert.equal(await recordsOf(editor, ''), 'Cities, 6,972 records: everything');
  assert.equal(
    await recordsOf(editor, '_q=old%20mill'),
    'Cities, 6,972 records: everything matching Search: old mill',
  );
  assert.equal(
    await recordsOf(editor, 'gone-min=3'),
    'Cities, 6,972 records: everything matching gone-min = 3',
    'a field that is no more',
  );
  assert.match(
    (await recordsOf(admin, 'gone-min=3')) ?? '',
    /a filter on fields that you may not see$/,
  );
});

test('a task’s page says which way it is written, by how many runners', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.editor, 30);
  for (const [way, words] of Object.entries(taskTexts.ways)) {
    await app.db.pages.query(
      `update ${app.db.t.task} set write_through = $2, parallelism = 3 where id = $1`,
      [id, way],
    );
    const { body } = await app.editor.get(`/tasks/${id}`);
    assert.match(body, new RegExp(`>Written</dt>\\s*<dd[^>]*>${words}<`), way);
    assert.match(body, />Running side by side<\/dt>\s*<dd[^>]*>3</, way);
  }
});

test('cancelling works by a plain form and by htmx, and a late one says that the task had finished', async (t) => {
  const app = await setUp(t);
  const first = await launchAs(app.editor, 30);
  const plain = await app.editor.post(`/tasks/${first}/cancellation`);
  assert.deepEqual([plain.statusCode, plain.headers.location], [303, `/tasks/${first}`]);
  const second = await launchAs(app.editor, 25, { from: 31 });
  assertEndsPoll(await app.editor.post(`/tasks/${second}/cancellation`, {}, htmx), 'finished');
  assertEndsPoll(await app.editor.post(`/tasks/${second}/cancellation`, {}, htmx), 'finished');
  assert.equal(
    (await app.editor.post(`/tasks/${second}/cancellation`, {}, { accept: 'application/json' }))
      .statusCode,
    409,
  );
  const others = await launchAs(app.admin, 20, { from: 1 });
  assert.equal((await app.editor.post(`/tasks/${others}/cancellation`)).statusCode, 404);
});
