import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { AppError, t as control, defineAdmin, defineTask } from '../../index.ts';
import { retry } from '../../tasks/follow-ups/retry.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { formBody, testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';
import { icon } from '../icons.ts';

const mayEdit = ({ roles }: Principal) => roles.includes('editor') || roles.includes('admin');
const json = { accept: 'application/json' };
const uuidOf = (html: string) => /name="_op" value="([^"]+)"/.exec(html)?.[1] ?? '';

const survey = defineTask({
  name: 'places.survey',
  params: z.object({ city: z.string(), note: z.string().max(5), was: z.string(), day: z.null() }),
  title: ({ city }) => `Survey ${city}`,
  launchable: {
    on: 'record',
    resource: 'cities',
    label: 'Survey…',
    icon: 'ruler',
    allowed: mayEdit,
    form: {
      note: control.text({ label: 'Note', required: true, help: 'What for.' }),
      day: control.date({ label: 'Day' }),
    },
    params: ({ key, record, form }) => {
      if (form.note === 'no') throw new AppError('asleep', 409, 'Nobody surveys today.');
      if (form.note === 'odd') throw new Error('a bug');
      return { city: key, note: form.note, was: String(record.status), day: form.day as null };
    },
    set: { status: 'reviewed', notes: 'surveyed' },
  },
  async run({ city }, task) {
    await task.lock('cities', [city]);
    await wait(60_000, null, { signal: task.signal });
  },
});
const count = defineTask({
  name: 'places.count',
  params: z.object({}),
  title: 'Count all',
  unique: {},
  launchable: { on: 'list', resource: 'cities', allowed: mayEdit },
  run: () => null,
});
const greet = defineTask({
  name: 'greet',
  params: z.object({ to: z.string(), day: z.iso.date().nullable() }),
  allowed: ({ roles }) => roles.includes('admin'),
  launchable: {
    label: 'Greet…',
    allowed: mayEdit,
    form: { to: control.text({ required: true }), day: control.date() },
  },
  run: () => null,
});
const broken = defineTask({
  name: 'broken',
  params: z.object({}),
  launchable: { allowed: () => assert.fail('down') },
  run: () => null,
});
const undecided = defineTask({
  name: 'undecided',
  params: z.object({}),
  launchable: { allowed: () => 'yes' as never },
  run: () => null,
});
const admin = defineAdmin({
  ...sample,
  schedules: [],
  tasks: [survey, count, greet, broken, undecided],
});

const secretForm = { shop: control.text(), token: control.text(), days: control.integer() };
const sync = defineTask({
  name: 'sync',
  params: z.object({ shop: z.string(), token: z.string(), days: z.number().max(7) }),
  secret: ['token'],
  launchable: { allowed: mayEdit, form: secretForm },
  run: () => null,
});
const syncBy = defineTask({
  name: 'sync-by',
  params: z.object({ shop: z.string(), auth: z.object({ token: z.string() }), days: z.number() }),
  secret: ['auth.token'],
  launchable: {
    allowed: mayEdit,
    form: secretForm,
    params: ({ form: { shop, token, days } }) => {
      if (Number(days) > 7) throw new AppError('asleep', 409, 'Nobody syncs so many.');
      return { shop: String(shop), auth: { token: String(token) }, days: Number(days) };
    },
  },
  run: () => null,
});

async function setUp(t: TestContext) {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 3);
  const rowsOf = async (sql: string) => (await app.db.pages.query(sql)).rows;
  return {
    ...app,
    editor: await app.signIn('editor'),
    countTasks: async () => (await rowsOf(`select id from ${app.db.t.task}`)).length,
    city: async (id: number) =>
      (await rowsOf(`select status, notes from gazetteer.city where id = ${id}`))[0],
  };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const since = performance.now();
  while (!(await isSo())) {
    assert.ok(performance.now() - since < 30_000, 'it has not come to be within 30 seconds');
    await wait(20);
  }
}

const path = '/tasks/new/places.survey?_record=1';

test('a button stands where its definition says, for whom both rules let, and nowhere else', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const [viewer, boss] = [await app.signIn('viewer'), await app.signIn('admin')];
  const has = async (visitor: typeof editor, address: string, button: RegExp) =>
    button.test((await visitor.get(address)).body);
  const seen = async (visitor: typeof editor) => [
    await has(visitor, '/cities/1', />Survey…</),
    await has(visitor, '/cities', />Count all</),
    await has(visitor, '/tasks', />Greet…</),
  ];
  assert.deepEqual(await seen(editor), [true, true, false]);
  assert.deepEqual(await seen(boss), [true, true, true]);
  assert.deepEqual(await seen(viewer), [false, false, false]);
  const [before = ''] = (await editor.get('/cities/1')).body.split('>Survey…<');
  assert.ok(before.endsWith(`${icon('ruler')}<span class="truncate"`));
  assert.equal(await has(editor, '/countries/ESP', />Survey…</), false);
  assert.equal(await has(editor, '/countries', />Count all</), false);
  assert.equal(await has(boss, '/tasks', />broken<|>undecided</), false);

  const asked = [
    [viewer, path, 403],
    [editor, '/tasks/new/greet', 403],
    [boss, '/tasks/new/broken', 403],
    [boss, '/tasks/new/undecided', 403],
    [editor, '/tasks/new/places.survey', 404],
    [editor, '/tasks/new/places.count?_record=1', 404],
    [editor, '/tasks/new/none', 404],
    [editor, '/tasks/new/places.survey?_record=99', 404],
  ] as const;
  for (const [visitor, address, status] of asked) {
    assert.equal((await visitor.get(address)).statusCode, status, `get ${address}`);
    const sent = await visitor.post(address, { 'form.note': 'fine', 'form.to': 'Ada' });
    assert.equal(sent.statusCode, status, `post ${address}`);
  }
  assert.equal(await app.countTasks(), 0);
});

test('from the record and the form one task is launched, about the record, which is set with it', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const form = await editor.get(path);
  assert.match(form.body, /<h2[^>]*>Survey…<\/h2>\s*<p[^>]*>Place 1<\/p>/);
  assert.match(form.body, /What for\./);
  const typed = { _op: uuidOf(form.body), 'form.note': 'fine' };
  const answers = await Promise.all([editor.post(path, typed), editor.post(path, typed)]);
  const again = await editor.post(path, typed);
  const places = [...answers, again].map(({ statusCode, headers }) => [
    statusCode,
    headers.location,
  ]);
  assert.deepEqual(places, Array(3).fill([303, '/tasks/1']));
  assert.equal(await app.countTasks(), 1);
  assert.deepEqual(await app.city(1), { status: 'reviewed', notes: 'surveyed' });
  assert.match(
    (await editor.get('/tasks/1')).body,
    /already been sent[\s\S]+Survey 1 [\s\S]+was: draft/,
  );
  assert.match((await editor.get('/cities/1')).body, /href="\/tasks\/1">Survey 1</);
  assert.doesNotMatch((await editor.get('/cities/2')).body, /Survey 1/);
  const history = (await editor.get('/cities/1/history')).body;
  assert.match(history, /Editor[\s\S]+surveyed/);
});

test('what is wrong is said beside its control, and nothing is started or set', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const send = (body: Record<string, string>, headers = {}) => editor.post(path, body, headers);
  const empty = await send({ 'form.day': '2026-01-31' });
  assert.equal(empty.statusCode, 422);
  assert.match(empty.body, /id="launch-note-error">Note is required\./);
  assert.match(empty.body, /value="2026-01-31"/);
  const long = await send({ 'form.note': 'too long' });
  assert.match(long.body, /id="launch-note-error">Too big/);
  assert.match(long.body, /Some values need attention\. Nothing was started\./);
  const refused = await send({ 'form.note': 'no' });
  assert.deepEqual([refused.statusCode, /Nobody surveys today\./.test(refused.body)], [409, true]);
  assert.match((await send({ 'form.note': 'odd' })).body, /The params rule of “Survey…” failed/);
  assert.match((await send({ _op: 'x', 'form.note': 'fine' })).body, /no longer valid/);
  const answer = await send({ 'form.note': '' }, json);
  assert.deepEqual(
    [answer.statusCode, Object.keys(answer.json().details.fieldErrors)],
    [422, ['note']],
  );
  const forged = await editor.post(path, { 'form.note': 'fine', _csrf: 'x' });
  assert.equal(forged.statusCode, 403);
  assert.equal(await app.countTasks(), 0);
  assert.deepEqual(await app.city(1), { status: 'draft', notes: null });
});

test('a program is answered 202 with the task, and a second launch of what is unique with the first', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const launched = await editor.post('/tasks/new/places.count', {}, json);
  const { id, state, outcome, statusUrl } = launched.json();
  assert.deepEqual(
    [launched.statusCode, state, outcome, statusUrl],
    [202, 'queued', 'queued', `/tasks/${id}`],
  );
  const same = await editor.post('/tasks/new/places.count', {}, json);
  assert.deepEqual([same.json().id, same.json().outcome], [id, 'same']);
  await app.db.pages.query(`update ${app.db.t.task} set principal_id = 'somebody'`);
  const unseen = await editor.post('/tasks/new/places.count', {}, json);
  assert.deepEqual([unseen.statusCode, unseen.json().error], [409, 'duplicate']);
  const boss = await app.signIn('admin');
  const greeted = await boss.post('/tasks/new/greet', {
    'form.to': 'Ada',
    'form.day': '2026-01-31',
  });
  const page = (await boss.get(String(greeted.headers.location))).body;
  assert.match(page, /to: Ada[\s\S]+day: 2026-01-31/);
});

test('while a task holds the record none that sets it is launched; run again, it is about the record too', async (t) => {
  const app = await setUp(t);
  const { editor } = app;
  const launched = async () => editor.post(path, { 'form.note': 'fine' }, json);
  const { id } = (await launched()).json();
  const worker = await startWorker(app.context, {
    connectionString: app.connectionString,
    concurrency: 1,
    places: 1,
  });
  try {
    await until(async () => (await editor.get('/cities/1')).body.includes('is changing it with'));
    await app.db.pages.query('update gazetteer.city set notes = null');
    const held = await launched();
    assert.deepEqual([held.statusCode, held.json().error], [423, 'locked']);
    const said = await editor.post(path, { 'form.note': 'fine' });
    assert.deepEqual([said.statusCode, />\s*fine</.test(said.body)], [423, true]);
    assert.equal(await app.countTasks(), 1);
    assert.equal((await app.city(1))?.notes, null);
    await editor.post(`/tasks/${id}/cancellation`);
    await until(async () => (await editor.get(`/tasks/${id}`, json)).json().finishedAt !== null);
  } finally {
    await worker.stop();
  }
  const again = { operationId: '00000000-0000-4000-8000-000000000001', code: null };
  const { task } = await retry(app.context, editor.principal, id, again);
  const page = (await editor.get('/cities/1')).body;
  assert.match(page, new RegExp(`href="/tasks/${task.id}"[\\s\\S]+href="/tasks/${id}"`));
});

test('what is secret of a button’s form is given back by no page: refused, of an old page, of who is signed out', async (t) => {
  const app = await testApp(t, {
    admin: defineAdmin({ ...sample, schedules: [], tasks: [sync, syncBy] }),
    env: { BULKHEAD_ENCRYPTION_KEYS: randomBytes(32).toString('base64') },
  });
  const [before, editor] = [await app.signIn('editor'), await app.signIn('editor')];
  const typed = { 'form.shop': 'Lisbon', 'form.token': 'tok-4711', 'form.days': '8' };
  const pages = async (path: string) => {
    const [refused, old] = [
      await editor.post(path, typed),
      await editor.post(path, { ...typed, _csrf: before.csrf }),
    ];
    const signedOut = await app.app.inject({
      method: 'POST',
      url: path,
      ...formBody({ ...typed, _csrf: editor.csrf }),
    });
    assert.deepEqual([old.statusCode, signedOut.statusCode], [422, 401]);
    for (const { body } of [refused, old, signedOut]) assert.doesNotMatch(body, /tok-4711/);
    return [refused.statusCode, /Lisbon/.test(refused.body), /Lisbon/.test(old.body)];
  };
  assert.deepEqual(await pages('/tasks/new/sync'), [422, true, true]);
  // Code makes these parameters: any control may be in the secret.
  assert.deepEqual(await pages('/tasks/new/sync-by'), [409, false, false]);
});

test('what is secret is typed unseen, and is on no page, whether it is wrong or launched', async (t) => {
  const sync = defineTask({
    name: 'sync',
    params: z.object({ shop: z.string().max(9), token: z.string().min(4) }),
    secret: ['token'],
    title: ({ shop }) => `Sync ${shop}`,
    launchable: {
      allowed: mayEdit,
      form: {
        shop: control.text({ required: true }),
        token: control.text({ label: 'Token', required: true }),
      },
    },
    run: () => null,
  });
  const app = await testApp(t, {
    admin: defineAdmin({ ...sample, schedules: [], tasks: [sync] }),
    env: { BULKHEAD_ENCRYPTION_KEYS: randomBytes(32).toString('base64') },
  });
  const editor = await app.signIn('editor');
  const address = '/tasks/new/sync';
  const token = 'tok-4711';
  const form = (await editor.get(address)).body;
  assert.match(
    form,
    /<input[^>]*type="password"[^>]*name="form\.token"|name="form\.token"[^>]*type="password"/,
  );
  const wrong = await editor.post(address, { 'form.shop': 'far too long', 'form.token': token });
  assert.equal(wrong.statusCode, 422);
  assert.match(wrong.body, /value="far too long"|>\s*far too long</);
  assert.ok(!wrong.body.includes(token));
  const launched = await editor.post(address, { 'form.shop': 'Lisbon', 'form.token': token }, json);
  assert.equal(launched.statusCode, 202);
  assert.ok(!launched.body.includes(token));
  const page = (await editor.get(`/tasks/${launched.json().id}`)).body;
  assert.match(page, /token: •••/);
  assert.ok(!page.includes(token));
});
