import assert from 'node:assert/strict';
import { test } from 'node:test';
import { webAddress } from '../../../docs/examples/web-address.ts';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { testApp } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

test('a kind of the project’s own shows, reads and filters a field wherever it stands', async (t) => {
  const cities = defineResource(metadata, 'City', {
    columns: ['name', 'notes'],
    form: ['notes'],
    fields: { notes: { kind: webAddress } },
  });
  const resources = sample.resources.map((definition) =>
    definition.model === 'City' ? cities : definition,
  );
  const { db, signIn } = await testApp(t, { admin: { ...sample, schedules: [], resources } });
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set notes = 'https://example.com/map' where id = 1`);
  await db.pages.query(
    `update gazetteer.city set notes = 'https://example.com.evil.test/' where id = 2`,
  );
  const visitor = await signIn('admin');

  const list = await visitor.get('/cities?notes-host=example.com');
  assert.equal(list.statusCode, 200);
  assert.match(list.body, />\s*example\.com\/map\s*</);
  assert.doesNotMatch(list.body, /evil/);
  assert.match(list.body, /Notes is at example\.com/);
  assert.equal((await visitor.get('/cities?notes-host=a+b')).statusCode, 422);

  const wrong = await visitor.post('/cities/1/edit', { notes: 'javascript:alert(1)' });
  assert.equal(wrong.statusCode, 422);
  assert.match(wrong.body, /Notes must be an address such as https:\/\/example\.com/);
  assert.equal(
    (await visitor.post('/cities/1/edit', { notes: 'https://Example.org' })).statusCode,
    303,
  );
  assert.equal(
    (await db.pages.query('select notes from gazetteer.city where id = 1')).rows[0].notes,
    'https://example.org/',
  );
});
