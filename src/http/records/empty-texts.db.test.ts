import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';

test('nothing and a text of no characters are both said by a form, and told apart', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  const visitor = await signIn('admin');
  const row = async () =>
    (await db.pages.query('select name, notes from gazetteer.city where id = 1')).rows[0];
  const send = async (typed: Record<string, string>, without: string[] = []) => {
    const form = formOf((await visitor.get('/cities/1/edit')).body, 'record-form');
    for (const name of without) delete form[name];
    return visitor.post('/cities/1/edit', { ...form, ...typed });
  };
  assert.deepEqual(await row(), { name: 'Place 1', notes: null });
  assert.equal((await send({ '_empty.notes': '1' })).statusCode, 303);
  assert.deepEqual(await row(), { name: 'Place 1', notes: '' });
  // The box is ticked now, and a save of another field keeps it so.
  assert.equal((await send({ population: '77' })).statusCode, 303);
  assert.deepEqual(await row(), { name: 'Place 1', notes: '' });
  assert.equal((await send({}, ['_empty.notes'])).statusCode, 303);
  assert.deepEqual(await row(), { name: 'Place 1', notes: null });
  // A required one is asked for, unless it is said.
  const refused = await send({ name: '' });
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /Name is required/);
  assert.equal((await send({ name: '', '_empty.name': '1' })).statusCode, 303);
  assert.deepEqual(await row(), { name: '', notes: null });
  // What is typed counts, whatever the box says.
  assert.equal((await send({ name: 'Typed', '_empty.name': '1' })).statusCode, 303);
  assert.deepEqual(await row(), { name: 'Typed', notes: null });
  const created = await visitor.post('/cities/new', {
    ...formOf((await visitor.get('/cities/new')).body, 'record-form'),
    country: 'ESP',
    featureCode: 'PPL',
    population: '1',
    latitude: '0',
    longitude: '0',
    name: '',
    '_empty.name': '1',
  });
  assert.equal(created.statusCode, 303, created.body.slice(0, 300));
});
