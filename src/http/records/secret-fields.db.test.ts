import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LightMyRequestResponse } from 'fastify';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { cookieOf, csrfOf, emailOf, formBody, testApp, testPassword } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';

const cities = defineResource(metadata, 'City', {
  form: [
    'name',
    'country',
    'featureCode',
    'population',
    'latitude',
    'longitude',
    'status',
    'rating',
    'altName',
    'adminCode',
    'notes',
    'reviewedAt',
  ],
  fields: {
    featureCode: { secret: true },
    status: { secret: true },
    rating: { secret: true },
    notes: { secret: true },
    adminCode: { secret: true, readOnly: true },
    reviewedAt: { secret: true, change: ({ roles }) => roles.includes('admin') },
  },
  bulk: { minAsyncRecords: 1 },
});

/** Stands in every secret that is stored, and in every one that is typed. */
const mark = 'pl4nted';

async function setUp(t: TestContext) {
  const testing = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  });
  const { db, signIn } = testing;
  await insertPlaces(db, 2);
  await db.pages.query(
    `update gazetteer.city set admin_code = '${mark}', rating = 4.2, notes = '${mark} ' || id || repeat(' ${mark}', 20_000)`,
  );
  const read = async () =>
    (
      await db.pages.query<Record<string, unknown>>(
        `select *, left(notes, 9) as notes from gazetteer.city where id = 1`,
      )
    ).rows[0] ?? assert.fail('it is gone');
  return { ...testing, editor: await signIn('editor'), read };
}

test('a secret is shown on no form, read-only or too long for one; nor is it at an address of its own', async (t) => {
  const { editor } = await setUp(t);
  const { body } = await editor.get('/cities/1/edit');
  assert.match(body, /id="field-adminCode"[^>]* disabled/);
  assert.match(body, /id="field-notes"/);
  assert.ok(!body.includes(mark));
  for (const [path, status] of [
    ['value/name', 200],
    ['value/notes', 404],
    ['edit/name', 200],
    ['edit/notes', 404],
  ] as const)
    assert.equal((await editor.get(`/cities/1/${path}`)).statusCode, status, path);
});

test('what is left empty of a secret stays as it is, and cannot be made an empty text', async (t) => {
  const { editor, read } = await setUp(t);
  const { body } = await editor.get('/cities/1/edit');
  const form = formOf(body, 'record-form');
  assert.match(body, /A secret: what is stored is not shown/);
  assert.match(body, /name="_empty.altName"/);
  assert.doesNotMatch(body, /name="_empty.notes"/);
  const [choice = ''] = body.match(/<select[^>]*id="field-featureCode"[\s\S]*?<\/select>/) ?? [];
  assert.match(choice, /<option value="">As it is</);
  assert.doesNotMatch(choice, /aria-required| selected/);
  const before = await read();
  const sent = await editor.post('/cities/1/edit', { ...form, name: 'Renamed' });
  assert.equal(sent.statusCode, 303, sent.body);
  const { updated_at: _before, ...rest } = before;
  const { updated_at: _after, ...after } = await read();
  assert.deepEqual(after, { ...rest, name: 'Renamed' });
});

test('a new record asks for the secrets that it must have, with nothing chosen', async (t) => {
  const { editor } = await setUp(t);
  const { body } = await editor.get('/cities/new');
  assert.doesNotMatch(body, /_sealed/);
  const choiceOf = (name: string) =>
    body.match(new RegExp(`<select[^>]*id="field-${name}"[\\s\\S]*?</select>`))?.[0] ?? '';
  assert.match(choiceOf('featureCode'), /aria-required="true"/);
  assert.match(choiceOf('status'), /<option/);
  assert.doesNotMatch(choiceOf('status'), / selected/);
  assert.doesNotMatch(body, /id="field-notes"/);
});

test('a secret of a record that is not made yet comes along sealed until it is', async (t) => {
  const { db, editor } = await setUp(t);
  const form = formOf((await editor.get('/cities/new')).body, 'record-form');
  const typed = { ...form, name: 'New', country: 'ESP', latitude: '0', longitude: '0' };
  const refused = await editor.post('/cities/new', {
    ...typed,
    population: 'many',
    featureCode: 'PPLC',
  });
  assert.equal(refused.statusCode, 422);
  const again = { ...formOf(refused.body, 'record-form'), population: '1' };
  const made = await editor.post('/cities/new', again);
  assert.equal(made.statusCode, 303, made.body);
  const { rows } = await db.pages.query(
    `select feature_code as code from gazetteer.city where name = 'New'`,
  );
  assert.deepEqual(rows, [{ code: 'PPLC' }]);
});

test('who may not change a secret has no control for it and cannot send it', async (t) => {
  const { editor, signIn } = await setUp(t);
  const admin = await signIn('admin');
  assert.match((await admin.get('/cities/1/edit')).body, /id="field-reviewedAt"/);
  const { body } = await editor.get('/cities/1/edit');
  assert.doesNotMatch(body, /id="field-reviewedAt"/);
  const sent = { ...formOf(body, 'record-form'), reviewedAt: '2026-01-02T03:04' };
  assert.equal((await editor.post('/cities/1/edit', sent)).statusCode, 422);
});

test('that somebody else has a secret is not said', async (t) => {
  const { db, editor } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set notes = '${mark} ' || id; create unique index once on gazetteer.city (notes); create unique index one_name on gazetteer.city (name)`,
  );
  const form = formOf((await editor.get('/cities/1/edit')).body, 'record-form');
  const named = await editor.post('/cities/1/edit', { ...form, name: 'Place 2' });
  assert.match(named.body, /Name is taken/);
  assert.match(named.body, /href="\/cities\/2/);
  const taken = await editor.post('/cities/1/edit', { ...form, notes: `${mark} 2` });
  assert.equal(taken.statusCode, 422);
  assert.match(taken.body, /Notes cannot be this value\. Choose another\./);
  assert.doesNotMatch(taken.body, /has the same|is taken|href="\/cities\/2/);
});

test('a secret that cannot be read is refused without what was typed', async (t) => {
  const { editor } = await setUp(t);
  const form = formOf((await editor.get('/cities/1/edit')).body, 'record-form');
  const refused = await editor.post('/cities/1/edit', { ...form, rating: mark, status: mark });
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /Status cannot be used as it is/);
  assert.ok(!refused.body.includes(mark));
});

test('a secret that was changed meanwhile is no conflict', async (t) => {
  const { db, editor, read } = await setUp(t);
  const form = formOf((await editor.get('/cities/1/edit')).body, 'record-form');
  await db.pages.query(`update gazetteer.city set notes = 'theirs', status = 'archived'`);
  const sent = await editor.post('/cities/1/edit', { ...form, notes: 'mine', status: 'published' });
  assert.equal(sent.statusCode, 303, sent.body);
  const { notes, status } = await read();
  assert.deepEqual([notes, status], ['mine', 'published']);
});

test('a secret that was typed is on no page that gives the form back, and comes along sealed', async (t) => {
  const { app, context, db, editor, signIn } = await setUp(t);
  const form = formOf((await editor.get('/cities/1/edit')).body, 'record-form');
  const typed = { ...form, name: 'As it was typed', notes: mark };
  const send = (more: Record<string, string> = {}) =>
    editor.post('/cities/1/edit', { ...typed, ...more });
  const sealed = ({ body, statusCode }: LightMyRequestResponse, status: number) => {
    assert.equal(statusCode, status, body);
    assert.ok(body.includes('As it was typed'));
    assert.ok(!body.includes(mark));
    assert.match(body, /name="_sealed\.notes"/);
  };
  await t.test('another record is chosen', async () =>
    sealed(await send({ _choose: 'country' }), 200),
  );
  await t.test('the token is an earlier session’s', async () => {
    const before = await signIn('editor');
    sealed(await send({ _csrf: before.csrf }), 422);
  });
  await t.test('a task has the record', async () => {
    const resource = context.registry.get('cities');
    const keys = [keyOf(resource.model, { id: 1 })];
    const body = { field: 'altName', 'value.altName': 'x' };
    const { task } = await launchOn(context, resource, { keys }, 'update', body);
    await db.pages.query(
      `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $3)`,
      [task.id, keys, keys[0]],
    );
    sealed(await send(), 423);
    await db.pages.query(`delete from ${db.t.chunk} where number = 900`);
  });
  await t.test('the table is not as it was', async () => {
    await db.pages.query('alter table gazetteer.city rename to town');
    sealed(await send(), 500);
    await db.pages.query('alter table gazetteer.town rename to city');
  });
  await t.test('the record is gone', async () => {
    await db.pages.query('delete from gazetteer.city');
    const { body, statusCode } = await send();
    assert.equal(statusCode, 404);
    assert.ok(body.includes('As it was typed') && !body.includes(mark));
  });
  await t.test('the session has ended', async () => {
    await db.pages.query(`delete from ${db.t.session}`);
    const asked = await send();
    const kept = /name="kept" value="([^"]+)"/.exec(asked.body)?.[1] ?? '';
    const who = { email: emailOf('editor'), password: testPassword };
    const { payload, headers } = formBody({ ...who, kept, _csrf: csrfOf(asked.body) });
    const cookie = cookieOf(asked);
    sealed(
      await app.inject({
        method: 'POST',
        url: '/sign-in',
        payload,
        headers: { ...headers, cookie },
      }),
      200,
    );
  });
});
