import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { t as control, defineOperation, defineResource } from '../../index.ts';
import { htmx, testApp, type Visitor } from '../../testing/app.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

const json = { accept: 'application/json' };

const mark = defineOperation(metadata, 'City', {
  name: 'mark',
  label: 'Mark…',
  icon: 'flag',
  on: ['selection', 'record'],
  allowed: ({ roles }) => roles.includes('editor'),
  form: {
    note: control.text({ label: 'Note', help: 'Shown to all.', required: true }),
    how: control.choice(['softly', 'loudly']),
  },
  needs: ['population'],
  refuse: ({ population }) => (population === 7 ? 'Seven is enough.' : null),
  change: ({ params }) => ({
    notes: `${params.note}, ${params.how ?? 'somehow'}`,
    status: 'reviewed',
  }),
});
const purge = defineOperation(metadata, 'City', {
  name: 'purge',
  label: 'Purge',
  icon: 'flame',
  deletes: true,
  undo: 'none',
});

async function setUp(t: Parameters<typeof testApp>[0]) {
  const cities = defineResource(metadata, 'City', { operations: [mark, purge] });
  const app = await testApp(t, {
    admin: {
      ...sample,
      schedules: [],
      resources: [cities, ...sample.resources.filter(({ model }) => model !== 'City')],
    },
  });
  await insertPlaces(app.db, 60);
  return { ...app, editor: await app.signIn('editor'), admin: await app.signIn('admin') };
}

const barOf = async (visitor: Visitor, id: string) => (await visitor.get(`/cities?_s=${id}`)).body;

test('an operation of one’s own stands beside Edit and Delete, for whom it is there', async (t) => {
  const { editor, admin } = await setUp(t);
  const id = await selectAs(editor, 3);
  const bar = await barOf(editor, id);
  assert.match(
    bar,
    new RegExp(
      `href="/cities/bulk-edit\\?_s=${id}"[^>]*>.*?Edit….*href="/cities/do/mark\\?_s=${id}"[^>]*>.*?Mark…`,
      's',
    ),
  );
  assert.doesNotMatch(bar, /bulk-delete|do\/purge/);
  const theirs = await selectAs(admin, 3);
  assert.match(await barOf(admin, theirs), /bulk-delete\?.*do\/purge\?/s);
  assert.doesNotMatch(await barOf(admin, theirs), /do\/mark/);
  assert.equal((await admin.get(`/cities/do/mark?_s=${theirs}`, htmx)).statusCode, 403);
  assert.equal((await editor.get(`/cities/do/purge?_s=${id}`, htmx)).statusCode, 403);
  for (const name of ['nothing', 'update', 'undo', 'toString'])
    assert.equal((await editor.get(`/cities/do/${name}?_s=${id}`)).statusCode, 404, name);
});

test('its form asks for what it needs, comes back with what was typed, and begins it', async (t) => {
  const app = await setUp(t);
  const { editor, db } = app;
  const path = `/cities/do/mark?_s=${await selectAs(editor, 5)}`;
  const opened = await editor.get(path, htmx);
  assert.equal(opened.statusCode, 200);
  assert.match(
    opened.body,
    /Mark · 5 cities.*All or nothing.*for="bulk-do-note">Note<.*Shown to all\./s,
  );
  const _op = await openAs(editor, path);
  const wrong = await editor.post(path, { _op, 'form.note': ' ', 'form.how': 'loudly' }, htmx);
  assert.equal(wrong.statusCode, 422);
  assert.match(wrong.body, /id="bulk-do-note-error">Note is required\./);
  assert.match(wrong.body, /<option value="loudly" selected>/);
  const again = /name="_op" value="([^"]+)"/.exec(wrong.body)?.[1] ?? '';
  const done = await editor.post(
    path,
    { _op: again, 'form.note': 'fine', 'form.how': 'loudly' },
    htmx,
  );
  assert.equal(done.statusCode, 200);
  assert.match(
    String(done.headers['hx-trigger']),
    /Mark \\u00b7 5 cities: done\. 5 changed|Mark · 5 cities: done\. 5 changed/,
  );
  const { rows } = await db.pages.query(
    `select distinct notes, status from gazetteer.city where id <= 5`,
  );
  assert.deepEqual(rows, [{ notes: 'fine, loudly', status: 'reviewed' }]);
});

test('it is previewed with what it would change and whom it refuses, and the way back has what was typed', async (t) => {
  const { editor } = await setUp(t);
  const path = `/cities/do/mark?_s=${await selectAs(editor, 12)}`;
  const asked = await editor.post(path, { 'form.note': 'fine', _do: 'preview' });
  assert.equal(asked.statusCode, 303);
  const preview = String(asked.headers.location);
  const { body } = await editor.get(preview);
  assert.match(body, /Preview: Mark · 12 cities/);
  assert.match(body, /<li[^>]*>Note: fine<\/li>/);
  assert.match(body, /1×<\/span> Seven is enough\./);
  assert.match(body, /<del[^>]*>draft<\/del>.*<ins[^>]*>reviewed<\/ins>/);
  const back = await editor.post(`${preview}/form`, {});
  assert.match(
    (await editor.get(String(back.headers.location))).body,
    /bulk-do-note[^>]*>\s*fine|value="fine"/,
  );
  const confirmed = await editor.post(preview, { background: 'yes' }, json);
  assert.equal(confirmed.statusCode, 202);
});

test('in the background it is told by its name, and undone from its page', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const path = `/cities/do/mark?_s=${await selectAs(editor, 30)}`;
  const launched = await editor.post(
    path,
    { _op: await openAs(editor, path), 'form.note': 'fine' },
    json,
  );
  const { taskId, title } = launched.json();
  assert.equal(title, 'Mark · 30 cities');
  assert.deepEqual([(await workOff(app, taskId)).changed], [29]);
  const page = (await editor.get(`/tasks/${taskId}`)).body;
  assert.match(page, /Mark · 30 cities.*29 changed.*1 failed/s);
  assert.match(page, /Note: fine/);
  assert.match(page, new RegExp(`href="/tasks/${taskId}/undo"`));
  const undoing = (await editor.get(`/tasks/${taskId}/undo`)).body;
  const _op = /name="_op" value="([^"]+)"/.exec(undoing)?.[1] ?? '';
  const undone = await editor.post(`/tasks/${taskId}/undo`, { _op }, json);
  assert.equal(undone.json().title, 'Undo: Mark · 29 cities');
  assert.equal((await workOff(app, undone.json().taskId)).changed, 29);
  const history = (await editor.get('/cities/1/history')).body;
  assert.match(history, /Undo: Mark · 29 cities.*Mark · 30 cities/s);
});

test('where its definition says so it is offered on the page of a record, which it then is about', async (t) => {
  const app = await setUp(t);
  const { editor, admin } = app;
  const { body } = await editor.get('/cities/9');
  assert.match(body, /href="\/cities\/do\/mark\?_record=9"/);
  assert.doesNotMatch(body, /do\/purge/);
  assert.doesNotMatch((await admin.get('/cities/9')).body, /do\/mark/);
  const led = await editor.get('/cities/do/mark?_record=9');
  assert.equal(led.statusCode, 303);
  assert.match((await editor.get(String(led.headers.location))).body, /Mark · 1 city.*Place 9/s);
  assert.equal((await editor.get('/cities/do/mark?_record=999')).statusCode, 404);
  assert.equal((await admin.get('/cities/do/mark?_record=9')).statusCode, 403);
  assert.equal((await admin.get('/cities/do/purge?_record=9')).statusCode, 404);
});

test('one that deletes says what goes, and is not begun before its box is ticked; one that is not undone offers no undo', async (t) => {
  const app = await setUp(t);
  const { admin, db } = app;
  const path = `/cities/do/purge?_s=${await selectAs(admin, 2)}`;
  const opened = await admin.get(path, htmx);
  assert.match(opened.body, /Yes, delete 2 cities/);
  assert.doesNotMatch(opened.body, /Can be undone/);
  const _op = await openAs(admin, path);
  const unticked = await admin.post(path, { _op }, htmx);
  assert.equal(unticked.statusCode, 422);
  assert.match(unticked.body, /id="bulk-acknowledge-error">Tick the box/);
  assert.equal((await db.pages.query('select 1 from gazetteer.city')).rowCount, 60);
  const again = /name="_op" value="([^"]+)"/.exec(unticked.body)?.[1] ?? '';
  const done = await admin.post(path, { _op: again, acknowledge: 'yes' }, htmx);
  assert.match(String(done.headers['hx-trigger']), /2 deleted/);
  assert.doesNotMatch(String(done.headers['hx-trigger']), /Undo/);
  assert.equal((await db.pages.query('select 1 from gazetteer.city')).rowCount, 58);
  const { rows } = await db.pages.query(`select max(id) as id from ${db.t.task}`);
  assert.doesNotMatch(
    (await admin.get(`/tasks/${rows[0].id}`)).body,
    new RegExp(`/tasks/${rows[0].id}/undo`),
  );
  assert.equal((await admin.get(`/tasks/${rows[0].id}/undo`)).statusCode, 409);
});

test('a form without its token, or of a record’s own address, begins nothing', async (t) => {
  const { editor, db, app } = await setUp(t);
  const path = `/cities/do/mark?_s=${await selectAs(editor, 2)}`;
  const headers = { cookie: editor.cookie, 'content-type': 'application/x-www-form-urlencoded' };
  const answer = await app.inject({
    method: 'POST',
    url: path,
    payload: `_op=${await openAs(editor, path)}&form.note=x`,
    headers,
  });
  assert.equal(answer.statusCode, 403);
  assert.equal((await db.pages.query(`select 1 from ${db.t.task}`)).rowCount, 0);
});
