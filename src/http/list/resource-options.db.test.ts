import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

const cities = defineResource(metadata, 'City', {
  columns: ['name', 'country.region', 'population', 'featured', 'density', 'altName'],
  computed: {
    density: {
      label: 'Per nothing',
      needs: ['population', 'id'],
      value: ({ population }) => population * 1_000,
      link: ({ id }) => `/cities/${id}/edit`,
    },
  },
  form: [
    'name',
    { label: 'Figures', help: 'Counted by hand.', fields: ['population', 'latitude', 'longitude'] },
    { label: 'Where', fields: ['country', 'featureCode'] },
  ],
  show: [{ label: 'Figures', fields: ['population', 'featured'] }, 'altName'],
  fields: {
    name: { help: 'What it calls itself.' },
    population: {
      label: 'People',
      format: (people) => `${people} souls`,
      readOnly: true,
      align: 'start',
    },
    altName: { link: (name) => name },
    notes: { hidden: true },
  },
  bulk: { delete: false },
});

async function setUp(t: TestContext) {
  const { db, signIn } = await testApp(t, {
    admin: { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  });
  await insertPlaces(db, 3);
  await db.pages.query(
    `update gazetteer.city set alt_name = 'javascript:alert(1)', notes = 'a secret note' where id = 1`,
  );
  await db.pages.query(
    `update gazetteer.city set alt_name = 'https://example.org/two' where id = 2`,
  );
  return { db, admin: await signIn('admin') };
}

const textOf = (html: string) => html.replaceAll(/<[^>]+>/g, ' ').replaceAll(/\s+/g, ' ');

test('a list has formatted, computed and linked columns, and those of related records', async (t) => {
  const { admin } = await setUp(t);
  const { body } = await admin.get('/cities');
  const text = textOf(body);
  for (const said of ['Country region', 'People', 'Per nothing', 'Europe', '2 souls', '2,000'])
    assert.ok(text.includes(said), said);
  assert.match(
    body,
    /<td data-label="Per nothing" class="md:text-end [^>]*>\s*<a href="\/cities\/2\/edit">2,000<\/a>/,
  );
  assert.match(body, /<td data-label="People" class="(?!md:text-end)/);
  assert.match(body, /<a href="https:\/\/example.org\/two"/);
  assert.doesNotMatch(body, /href="javascript/);
  assert.doesNotMatch(body, /a secret note/);
});

test('a computed column and a column of a related record are not sorted by', async (t) => {
  const { admin } = await setUp(t);
  assert.equal((await admin.get('/cities?_sort=density')).statusCode, 422);
  assert.equal((await admin.get('/cities?notes-contains=secret')).statusCode, 422);
});

test('a form has groups, help and read-only fields, and writes what may be written', async (t) => {
  const { db, admin } = await setUp(t);
  const { body } = await admin.get('/cities/1/edit');
  const text = textOf(body);
  for (const said of ['What it calls itself.', 'Figures', 'Counted by hand.', 'Where'])
    assert.ok(text.includes(said), said);
  assert.doesNotMatch(body, /name="notes"|a secret note/);
  const [people = ''] = body.match(/<[^>]*id="field-population"[^>]*>/) ?? [];
  assert.ok(/value="1 souls"/.test(people) && /disabled/.test(people), people);
  assert.ok(!text.includes('Cannot be changed.'));
  const typed = { name: 'One', latitude: '0', longitude: '0', country: 'ESP', featureCode: 'PPL' };
  assert.equal(
    (await admin.post('/cities/1/edit', { ...typed, notes: 'overwritten' })).statusCode,
    422,
  );
  const answer = await admin.post('/cities/1/edit', { ...typed, population: '77' });
  const { rows } = await db.pages.query(
    `select name, population, notes from gazetteer.city where id = 1`,
  );
  assert.deepEqual(
    [answer.statusCode, rows[0]],
    [303, { name: 'One', population: 1, notes: 'a secret note' }],
    answer.body,
  );
});

test('the page of a record has its groups and formats, and nothing hidden; nor has its history', async (t) => {
  const { db, admin } = await setUp(t);
  const text = textOf((await admin.get('/cities/1')).body);
  for (const said of ['Figures', 'People', '1 souls']) assert.ok(text.includes(said), said);
  assert.doesNotMatch(text, /a secret note|Notes|Latitude/);
  await db.pages.query(
    `insert into ${db.t.change} (model, resource, kind, principal_id, principal_name, fields, keys, first_key, before, after)
     values ('City', 'cities', 'update', 'x', 'Xenia', '{name,notes}', array[lpad('1', 20, '0')], lpad('1', 20, '0'),
       '[{"name": "Uno", "notes": "a secret note"}]', '[{"name": "One", "notes": "another secret"}]')`,
  );
  const history = textOf((await admin.get('/cities/1/history')).body);
  assert.match(history, /Xenia/);
  assert.match(history, /Uno/);
  assert.doesNotMatch(history, /secret|Notes/);
});

test('bulk delete that is switched off is not offered and not done', async (t) => {
  const { admin } = await setUp(t);
  const { body } = await admin.get('/cities');
  assert.doesNotMatch(body, /bulk-delete/);
  assert.equal((await admin.get('/cities/bulk-delete?_s=x')).statusCode, 403);
});
