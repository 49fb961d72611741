import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { insertPlaces, placeForm } from '../../testing/places.ts';

test('a form that comes back from choosing a related record is shown, and nothing is saved', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  const editor = await signIn('editor');
  const names = async () =>
    (await db.pages.query('select name from gazetteer.city order by id')).rows.map(
      ({ name }) => name,
    );
  for (const path of ['/cities/1/edit', '/cities/new'])
    for (const way of [{ _return: '1' }, { '_chosen.country': 'FRA' }, { _choose: 'country' }]) {
      const shown = await editor.post(path, { ...placeForm, name: 'Typed', ...way });
      assert.equal(shown.statusCode, 200, `${path} ${JSON.stringify(way)}`);
      assert.match(shown.body, /value="Typed"/);
      // What came after the answer would be done by then.
      await editor.get('/cities');
      assert.deepEqual(await names(), ['Place 1'], `${path} ${JSON.stringify(way)}`);
    }
});
