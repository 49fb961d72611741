import assert from 'node:assert/strict';
import { test } from 'node:test';
import { htmx, testApp } from '../testing/app.ts';
import { tortureAdmin } from '../testing/torture.ts';

const inherited = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'valueOf'];

test('fields called as every object has members are shown, saved and filtered', async (t) => {
  const { signIn, db } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const visitor = await signIn('admin');
  for (const path of [
    '/users',
    '/users/new',
    '/users/1/edit',

    '/users?constructor=constructor',
    '/users?toString-empty=no&hasOwnProperty-empty=yes',
  ]) {
    const { statusCode, body } = await visitor.get(path);
    assert.equal(statusCode, 200, path);
    assert.doesNotMatch(body, /\[native code\]|\[object Object\]/, path);
  }
  const wrong = await visitor.post('/users/new', { id_: 'x', id: '', name1: 'Kept' });
  assert.equal(wrong.statusCode, 422);
  assert.doesNotMatch(wrong.body, /\[native code\]/);
  assert.match(wrong.body, /Kept/);
  const created = await visitor.post('/users/new', { id_: '501', id: '502', constructor: 'set' });
  assert.equal(created.statusCode, 303, created.body.slice(0, 500));
  assert.deepEqual(
    (await db.pages.query('select "constructor", "toString" from torture."user" where ident = 501'))
      .rows,
    [{ constructor: 'set', toString: null }],
  );
});

test('values and names that every object has are no values and no names', async (t) => {
  const { signIn } = await testApp(t);
  const visitor = await signIn('admin');
  for (const name of inherited) {
    for (const query of [
      `featured=${name}`,
      `status=${name}`,
      `${name}=1`,
      `country.${name}=1`,
      `name-${name}=1`,
      `_sort=${name}`,
    ]) {
      assert.equal((await visitor.get(`/cities?${query}`)).statusCode, 422, query);
    }
    assert.equal((await visitor.get(`/${name}`)).statusCode, 404, name);
    assert.equal(
      (await visitor.post('/cities/selection', { _do: name, _list: '' }, htmx)).statusCode,
      422,
      name,
    );
    assert.equal(
      (await visitor.post('/cities/selection', { _do: 'matching', _list: `${name}=1` }, htmx))
        .statusCode,
      422,
      name,
    );
  }
});
