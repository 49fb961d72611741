import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../testing/app.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { listRecords } from './list.ts';
import { searchRelated } from './related.ts';

const names = ['São Paulo', 'Sao Tome', 'New York', 'York', 'Málaga', 'MALAGA', 'Mu\u0308nchen', 'Łódź', '100%_sure\\', 'Ångström'];

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const { register } = testContext(db);
  await insertPlaces(db, 0);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
     select name, 'ESP', 'PPL', 0, 0, 0 from unnest($1::text[]) with ordinality as n(name, place) order by place`,
    [names],
  );
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where name = 'York'`);
  const cities = register.for(ada, 'cities');
  const query = { sort: 'id', page: 1, size: 25, after: null, before: null, isCounted: false };
  const found = async (text: string) => {
    const { records } = await listRecords(register, cities, ada, { ...query, filter: `_q=${encodeURIComponent(text)}` });
    return records.map(({ title }) => title);
  };
  return { db, register, cities, found };
}

test('a search knows accents, several words in any order, ids and what a relation leads to', async (t) => {
  const { found } = await setUp(t);
  assert.deepEqual(await found('sao'), ['São Paulo', 'Sao Tome']);
  assert.deepEqual(await found('sao paulo'), ['São Paulo']);
  assert.deepEqual(await found('PAULO são'), ['São Paulo']);
  assert.deepEqual(await found('york new'), ['New York']);
  assert.deepEqual(await found('Málaga'), ['Málaga', 'MALAGA']);
  assert.deepEqual(await found('malaga'), ['Málaga', 'MALAGA']);
  assert.deepEqual(await found('münchen'), ['Mu\u0308nchen']);
  assert.deepEqual(await found('munch'), ['Mu\u0308nchen']);
  assert.deepEqual(await found('angstrom'), ['Ångström']);
  assert.deepEqual(await found('ŁÓ'), ['Łódź']);
  assert.deepEqual(await found('4'), ['York'], 'its id');
  assert.deepEqual(await found('fra'), ['York'], 'the country that it is of');
  assert.deepEqual(await found('york fra'), ['York']);
  assert.deepEqual(await found('%_sure\\'), ['100%_sure\\']);
  assert.deepEqual(await found('%'), ['100%_sure\\']);
  assert.deepEqual(await found('new nothing'), []);
  assert.deepEqual(await found('\uf8ff'), []);
  assert.deepEqual(await found('99999999999999999999'), []);
});

test('a picker finds several words in any order, and ids', async (t) => {
  const { db, register, cities } = await setUp(t);
  const picked = async (text: string) => {
    const { options } = await searchRelated({ register, sql: db.pages }, { resource: cities, valueField: null }, ada, text);
    return options.map(({ label }) => label).sort();
  };
  assert.deepEqual(await picked('são'), ['São Paulo']);
  assert.deepEqual(await picked('york new'), ['New York']);
  assert.deepEqual(await picked('sa'), ['Sao Tome']);
  assert.deepEqual(await picked('5'), ['Málaga']);
});

test('everything that a search without accents finds is selected, counted and changed, and nothing else', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set name = 'Málaga ' || id where id < 3`);
  const visitor = await signIn('admin');
  const chosen = await visitor.post('/cities/selection', { _do: 'matching', _list: '_q=malaga' }, { 'hx-request': 'true' });
  assert.equal(chosen.statusCode, 200, chosen.body);
  const selection = /_s=([0-9a-f-]{36})/.exec(chosen.body + JSON.stringify(chosen.headers))?.[1] ?? '';
  const path = `/cities/bulk-edit?_q=malaga&_s=${selection}`;
  const dialog = await visitor.get(path, { 'hx-request': 'true' });
  const operation = /name="_op" value="([^"]+)"/.exec(dialog.body)?.[1] ?? '';
  const done = await visitor.post(path, { field: 'notes', 'change.notes': 'set', 'value.notes': 'found', _op: operation });
  assert.ok(done.statusCode < 400, done.body.slice(0, 500));
  const { rows } = await db.pages.query('select id from gazetteer.city where notes = $1 order by id', ['found']);
  assert.deepEqual(rows, [{ id: 1 }, { id: 2 }]);
});

test('every model can be searched by whatever it has, and by its ids', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { register } = testContext(db, {}, {}, tortureAdmin);
  for (const resource of register.listFor(ada)) {
    for (const text of ['1', 'é', 'a b', "x'; --", '~']) {
      const query = { filter: `_q=${encodeURIComponent(text)}`, sort: '', page: 1, size: 5, after: null, before: null, isCounted: false };
      await listRecords(register, resource, ada, query).catch((error) => assert.match(error.message, /cannot be searched/));
    }
  }
});
