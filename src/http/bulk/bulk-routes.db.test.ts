import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchAs, openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

async function setUp(t: Context): Promise<TestApp & { editor: Visitor; admin: Visitor }> {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

const publish = { field: 'status', 'value.status': 'published' };
const json = { accept: 'application/json' };

async function countOf({ db }: TestApp, condition: string): Promise<number> {
  const { rows } = await db.pages.query<{ count: number }>(
    `select count(*)::int as count from gazetteer.city where ${condition}`,
  );
  return rows[0]?.count ?? -1;
}

const editPath = async (visitor: Visitor, count: number, from = 1) =>
  `/cities/bulk-edit?_s=${await selectAs(visitor, count, from)}`;
const deletePath = async (visitor: Visitor, count: number) =>
  `/cities/bulk-delete?_s=${await selectAs(visitor, count)}`;

for (const [count, manner] of [
  [19, /All or nothing/],
  [20, /In the background: the good ones are kept/],
] as const) {
  test(`the dialog says how many records and how it will be done: ${count}`, async (t) => {
    const { editor } = await setUp(t);
    const { body, statusCode } = await editor.get(await editPath(editor, count), htmx);
    assert.equal(statusCode, 200);
    assert.match(body, new RegExp(`Edit ${count} cities`));
    assert.match(body, manner);
    assert.doesNotMatch(body, /<html/);
  });
}

test('the same address is a whole page without htmx, and needs at most 12 statements', async (t) => {
  const { editor, admin, db } = await setUp(t);
  for (const [visitor, path] of [
    [editor, await editPath(editor, 30)],
    [admin, await deletePath(admin, 30)],
  ] as const) {
    const { result, statements } = await countStatements(db, () => visitor.get(path));
    assert.equal(result.statusCode, 200);
    assert.match(result.body, /<html/);
    assert.match(result.body, /name="_op"/);
    assert.ok(statements.length <= 12, `${path}: ${statements.length}`);
  }
});

test('a ticked field without a value is an error at that field, and what was typed stays', async (t) => {
  const app = await setUp(t);
  const path = await editPath(app.editor, 3);
  const _op = await openAs(app.editor, path);
  const body = {
    _op,
    field: ['status', 'rating', 'notes'],
    'value.status': '',
    'value.rating': 'much',
    'value.notes': 'fine <words>',
  };
  const answer = await app.editor.post(path, body, htmx);
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /id="bulk-status-error">[^<]*value for Status/);
  assert.match(answer.body, /id="bulk-rating-error"/);
  assert.match(answer.body, /value="much"/);
  assert.match(answer.body, /fine &lt;words&gt;/);
  assert.match(answer.body, /id="bulk-notes-choose" checked/);
  assert.doesNotMatch(answer.body, /id="bulk-featured-choose" checked/);
  assert.equal(await countOf(app, `notes is not null`), 0);
});

test('ticking nothing is an error', async (t) => {
  const { editor } = await setUp(t);
  const path = await editPath(editor, 3);
  const answer = await editor.post(
    path,
    { _op: await openAs(editor, path), 'value.status': 'published' },
    htmx,
  );
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /Tick at least one field/);
});

test('a small edit is done when the dialog closes, and a toast says what happened', async (t) => {
  const app = await setUp(t);
  const path = await editPath(app.editor, 19);
  const answer = await app.editor.post(
    path,
    { _op: await openAs(app.editor, path), ...publish },
    htmx,
  );
  assert.deepEqual([answer.statusCode, answer.body], [200, '']);
  const triggers = JSON.parse(String(answer.headers['hx-trigger']));
  assert.equal(triggers['bulkhead:close-dialog'], true);
  assert.equal(triggers['bulkhead:finished'].resource, 'cities');
  const { level, message } = triggers['bulkhead:toast'];
  assert.deepEqual(
    [level, message],
    ['success', 'Status → published · 19 cities: done. 19 changed.'],
  );
  assert.equal(await countOf(app, `status = 'published'`), 19);
});

test('a large edit turns the dialog into its progress, and the same form sent again shows the same task', async (t) => {
  const { editor } = await setUp(t);
  const path = await editPath(editor, 30);
  const _op = await openAs(editor, path);
  const first = await editor.post(path, { _op, ...publish }, htmx);
  assert.equal(first.statusCode, 202);
  const element = /id="(task-\d+-progress)"/.exec(first.body)?.[1];
  assert.ok(element);
  assert.match(first.body, /Waiting for a worker: 30 records/);
  const second = await editor.post(path, { _op, ...publish }, htmx);
  assert.match(second.body, new RegExp(`id="${element}"`));
  assert.match(second.body, /already been sent/);
});

test('without JavaScript a launch leads to the task', async (t) => {
  const { editor } = await setUp(t);
  for (const count of [5, 30]) {
    const path = await editPath(editor, count);
    const answer = await editor.post(path, { _op: await openAs(editor, path), ...publish });
    assert.equal(answer.statusCode, 303);
    assert.match(String(answer.headers.location), /^\/tasks\/\d+$/);
  }
});

test('programs get 202 with id, state, message and status URL, and errors as JSON', async (t) => {
  const { editor } = await setUp(t);
  const path = await editPath(editor, 30);
  const answer = await editor.post(path, { _op: await openAs(editor, path), ...publish }, json);
  assert.equal(answer.statusCode, 202);
  const { id, taskId, state, message, statusUrl } = answer.json();
  assert.deepEqual(
    [taskId, state, message, statusUrl],
    [id, 'queued', 'Processing 30 records in the background', `/tasks/${id}`],
  );
  const wrong = await editor.post(path, { _op: await openAs(editor, path) }, json);
  assert.deepEqual([wrong.statusCode, wrong.json().error], [422, 'invalid-operation']);
});

test('a refused small edit is rolled back, and every refused record is named with its reason', async (t) => {
  const app = await setUp(t);
  await app.db.pages.query(
    `alter table gazetteer.city add constraint no_five check (id not in (5, 7) or status = 'draft')`,
  );
  for (const headers of [htmx, {}]) {
    const path = await editPath(app.editor, 10);
    const answer = await app.editor.post(
      path,
      { _op: await openAs(app.editor, path), ...publish },
      headers,
    );
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /Rolled back: 0 records changed/);
    for (const id of [5, 7])
      assert.match(answer.body, new RegExp(`href="/cities/${id}/edit">Place ${id}<`));
    assert.match(answer.body, /no_five/);
  }
  assert.equal(await countOf(app, `status = 'published'`), 0);
});

test('an edit of records that a task holds names who, which task and how far', async (t) => {
  const app = await setUp(t);
  const id = await launchAs(app.admin, 30);
  await app.db.pages.query(
    `insert into ${app.db.t.chunk} (task_id, number, state, keys, first_key, last_key)
     select $1, 0, 'active', array_agg(key order by key), min(key), max(key) from (select lpad(n::text, 20, '0') as key from generate_series(1, 30) n) keys`,
    [id],
  );
  await app.db.pages.query(
    `update ${app.db.t.task} set state = 'running', total = 30, done = 12, started_at = now() where id = $1`,
    [id],
  );
  const featured = { field: 'featured', 'value.featured': 'true' };
  for (const [visitor, sees] of [
    [app.admin, true],
    [app.editor, false],
  ] as const) {
    for (const count of [5, 25]) {
      const path = await editPath(visitor, count, 20);
      const answer = await visitor.post(
        path,
        { _op: await openAs(visitor, path), ...featured },
        htmx,
      );
      assert.equal(answer.statusCode, 409);
      const words = sees
        ? [/>By Admin</, />Status → published · 30 cities</, />12 of 30</]
        : [/>Admin: “Edit cities”, 12 of 30 done\.</];
      for (const word of words) assert.match(answer.body, word);
      assert.equal(
        answer.body.includes(`id="task-${id}-progress-conflict"`),
        sees,
        'only who may see the task gets its live progress',
      );
      assert.match(answer.body, /Open the form again/);
    }
  }
  assert.equal(await countOf(app, 'featured'), 0);
});

test('a selection that changed after the dialog opened is explained, with a way on', async (t) => {
  const { editor } = await setUp(t);
  const selection = await selectAs(editor, 12);
  const path = `/cities/bulk-edit?_s=${selection}`;
  const _op = await openAs(editor, path);
  const remove = Array.from({ length: 7 }, (_, index) => String(index + 1).padStart(20, '0'));
  await editor.post('/cities/selection', { _do: 'remove', key: remove, _s: selection });
  const answer = await editor.post(path, { _op, ...publish }, htmx);
  assert.equal(answer.statusCode, 409);
  assert.match(answer.body, /from 12 to 5/);
  assert.match(answer.body, /Open the form again/);
});

test('a delete needs its acknowledgement, whatever the browser checked', async (t) => {
  const app = await setUp(t);
  const path = await deletePath(app.admin, 12);
  const opened = await app.admin.get(path, htmx);
  assert.match(opened.body, /Delete 12 cities/);
  const _op = await openAs(app.admin, path);
  const refused = await app.admin.post(path, { _op }, htmx);
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /id="bulk-acknowledge-error"/);
  assert.equal(await countOf(app, 'true'), 60);
  const done = await app.admin.post(path, { _op, acknowledge: 'yes' }, htmx);
  assert.equal(done.statusCode, 200);
  assert.match(String(done.headers['hx-trigger']), /12 deleted/);
  assert.equal(await countOf(app, 'true'), 48);
});

test('who may not, may not: neither open nor send', async (t) => {
  const app = await setUp(t);
  const viewer = await app.signIn('viewer');
  const path = await deletePath(app.editor, 3);
  assert.equal((await app.editor.get(path)).statusCode, 403);
  assert.equal((await app.editor.post(path, { acknowledge: 'yes', _op: 'x' })).statusCode, 403);
  assert.equal((await viewer.get(path.replace('delete', 'edit'))).statusCode, 403);
  assert.equal(await countOf(app, 'true'), 60);
});

test('nothing selected, and a selection that is somebody else’s, change nothing', async (t) => {
  const { editor, admin } = await setUp(t);
  const nothing = await editor.get('/cities/bulk-edit');
  assert.equal(nothing.statusCode, 422);
  assert.match(nothing.body, /Nothing is selected/);
  assert.equal((await editor.get(await editPath(admin, 3))).statusCode, 404);
});
