import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';
import { tortureAdmin } from '../../testing/torture.ts';

const odd = [
  'a\rb',
  'a\r\nb',
  '\na',
  'a\n',
  '\r',
  ' a ',
  'a\tb\u000c',
  '\u0085\u2028',
  'a\r\nb\nc\rd',
];

test('what nobody touched is as it was to the byte, whatever a browser makes of it', async (t) => {
  const { db, context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await signIn('admin');
  const slug = context.registry.list.find(({ model }) => model.name === 'Everything')?.slug;
  const row = async () =>
    (
      await db.pages.query(
        `select to_jsonb(e) - 'int' as row from torture."every thing" e where id = 4`,
      )
    ).rows[0].row;
  for (const [index, text] of odd.entries()) {
    await db.pages.query(
      `update torture."every thing" set text = $1::text, citext = $1::text::citext, varchar = $1::text where id = 4`,
      [text],
    );
    const before = await row();
    const form = formOf((await admin.get(`/${slug}/4/edit`)).body, 'record-form');
    const answer = await admin.post(`/${slug}/4/edit`, { ...form, int: String(index) });
    assert.equal(answer.statusCode, 303, `${JSON.stringify(text)}: ${answer.body}`);
    assert.deepEqual(await row(), before, JSON.stringify(text));
  }
  const { rows } = await db.pages.query(
    `select distinct unnest(fields) as field from ${db.t.change}`,
  );
  assert.deepEqual(rows, [{ field: 'int' }]);
});

test('a text that is changed keeps the line ends of its other lines', async (t) => {
  const { db, context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await signIn('admin');
  const slug = context.registry.list.find(({ model }) => model.name === 'Everything')?.slug;
  await db.pages.query(
    `update torture."every thing" set text = E'one\\rtwo\\r\\nthree' where id = 4`,
  );
  const form = formOf((await admin.get(`/${slug}/4/edit`)).body, 'record-form');
  await admin.post(`/${slug}/4/edit`, { ...form, text: 'one\r\nTWO\r\nthree' });
  const { rows } = await db.pages.query(`select text from torture."every thing" where id = 4`);
  assert.equal(rows[0].text, 'one\rTWO\r\nthree');
});

test('a field of twelve characters takes twelve pictures, and says so of thirteen', async (t) => {
  const { db, context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const admin = await signIn('admin');
  const slug = context.registry.list.find(({ model }) => model.name === 'Everything')?.slug;
  const page = (await admin.get(`/${slug}/4/edit`)).body;
  assert.doesNotMatch(page, /maxlength/);
  const saved = await admin.post(`/${slug}/4/edit`, { varchar: '🙂'.repeat(20) });
  assert.equal(saved.statusCode, 303, saved.body);
  const { rows } = await db.pages.query(`select varchar from torture."every thing" where id = 4`);
  assert.equal(rows[0].varchar, '🙂'.repeat(20));
  const refused = await admin.post(`/${slug}/4/edit`, { varchar: '🙂'.repeat(21) });
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /may have at most 20 characters/);
});

test('a time in the second half of the hour that a clock shows twice stays in it', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  const admin = await signIn('admin');
  const cookie = { cookie: `${admin.cookie}; bulkhead_time_zone=Europe%2FMadrid` };
  await db.pages.query(`update gazetteer.city set reviewed_at = '2026-10-25 01:30:00Z'`);
  const at = async () =>
    (await db.pages.query('select reviewed_at as at from gazetteer.city')).rows[0].at.toISOString();
  assert.match((await admin.get('/cities/1', cookie)).body, /25 Oct 2026, 02:30 \(UTC\+1\)/);
  const page = (await admin.get('/cities/1/edit', cookie)).body;
  const form = formOf(page, 'record-form');
  assert.deepEqual(form.reviewedAt, ['2026-10-25T02:30+01:00']);
  assert.match(page, /type="text"[^>]*value="2026-10-25T02:30\+01:00"/);
  const answer = await admin.post(
    '/cities/1/edit',
    { ...form, reviewedAt: '2026-10-25T02:35+01:00' },
    cookie,
  );
  assert.equal(answer.statusCode, 303, answer.body);
  assert.equal(await at(), '2026-10-25T01:35:00.000Z');
  const asked = await admin.post(
    '/cities/1/edit',
    { ...form, reviewedAt: '2026-10-25T02:40' },
    cookie,
  );
  assert.equal(asked.statusCode, 422);
  assert.match(asked.body, /02:40\+02:00 for the first/);
  assert.match(
    asked.body,
    /type="text"[^>]*value="2026-10-25T02:40"/,
    'in a control that takes an offset',
  );
  assert.equal(await at(), '2026-10-25T01:35:00.000Z');
  const filter = await admin.get('/cities?reviewedAt-after=2026-10-25T02:30', cookie);
  assert.equal(filter.statusCode, 422);
  assert.match(filter.body, /02:30\+01:00 for the second/);
  const second = await admin.get('/cities?reviewedAt-min=2026-10-25T02:30%2B01:00', cookie);
  assert.match(second.body, /Place 1/);
  const later = await admin.get('/cities?reviewedAt-max=2026-10-25T02:59%2B02:00', cookie);
  assert.doesNotMatch(later.body, /Place 1</);
});
