import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keySql } from '../metadata/key-sql.ts';
import { keyToUrl } from '../metadata/keys.ts';
import { testApp } from '../testing/app.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { listRecords } from './list.ts';
import { searchRelated } from './related.ts';

const names = [
  'São Paulo',
  'Sao Tome',
  'New York',
  'York',
  'Málaga',
  'MALAGA',
  'Mu\u0308nchen',
  'Łódź',
  '100%_sure\\',
  'Ångström',
];

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const { registry } = testContext(db);
  await insertPlaces(db, 0);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude)
     select name, 'ESP', 'PPL', 0, 0, 0 from unnest($1::text[]) with ordinality as n(name, place) order by place`,
    [names],
  );
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where name = 'York'`);
  const cities = registry.for(ada, 'cities');
  const query = { sort: 'id', page: 1, size: 25, after: null, before: null, isCounted: false };
  const found = async (text: string) => {
    const { records } = await listRecords(registry, cities, ada, {
      ...query,
      filter: `_q=${encodeURIComponent(text)}`,
    });
    return records.map(({ title }) => title);
  };
  return { db, registry, cities, found };
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

test('a picker finds what the list does: words in any order, without their accents, ids', async (t) => {
  const { db, registry, cities, found } = await setUp(t);
  const picked = async (text: string) => {
    const { options } = await searchRelated(
      { registry, sql: db.pages },
      { resource: cities, valueField: null },
      ada,
      text,
    );
    return options.map(({ label }) => label);
  };
  for (const text of [
    ...names,
    'sao',
    'são',
    'sao paulo',
    'PAULO são',
    'york new',
    'malaga',
    'munch',
    'angstrom',
    '5',
    'fra',
    'york fra',
    'nothing',
  ]) {
    assert.deepEqual((await picked(text)).sort(), (await found(text)).sort(), text);
  }
  assert.deepEqual(await picked('malaga'), ['MALAGA', 'Málaga'], 'what is written so comes first');
  assert.deepEqual(await picked('Málaga'), ['Málaga', 'MALAGA']);
  assert.deepEqual(
    await picked('sa'),
    ['Sao Tome', 'São Paulo'],
    'a short text begins the title, with or without accents',
  );
  assert.deepEqual(await picked('ya'), []);
  assert.deepEqual(await picked('%'), []);
  assert.deepEqual(await picked('100%'), ['100%_sure\\']);
});

test('everything that a search without accents finds is selected, counted and changed, and nothing else', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set name = 'Málaga ' || id where id < 3`);
  const visitor = await signIn('admin');
  const chosen = await visitor.post(
    '/cities/selection',
    { _do: 'matching', _list: '_q=malaga' },
    { 'hx-request': 'true' },
  );
  assert.equal(chosen.statusCode, 200, chosen.body);
  const selection =
    /_s=([0-9a-f-]{36})/.exec(chosen.body + JSON.stringify(chosen.headers))?.[1] ?? '';
  const path = `/cities/bulk-edit?_q=malaga&_s=${selection}`;
  const dialog = await visitor.get(path, { 'hx-request': 'true' });
  const operation = /name="_op" value="([^"]+)"/.exec(dialog.body)?.[1] ?? '';
  const done = await visitor.post(path, {
    field: 'notes',
    'change.notes': 'set',
    'value.notes': 'found',
    _op: operation,
  });
  assert.ok(done.statusCode < 400, done.body.slice(0, 500));
  const { rows } = await db.pages.query(
    'select id from gazetteer.city where notes = $1 order by id',
    ['found'],
  );
  assert.deepEqual(rows, [{ id: 1 }, { id: 2 }]);
});

test('every model can be searched by whatever it has, and by its ids', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  for (const resource of registry.listFor(ada)) {
    for (const text of ['1', 'é', 'a b', "x'; --", '~']) {
      const query = {
        filter: `_q=${encodeURIComponent(text)}`,
        sort: '',
        page: 1,
        size: 5,
        after: null,
        before: null,
        isCounted: false,
      };
      await listRecords(registry, resource, ada, query).catch((error) =>
        assert.match(error.message, /cannot be searched/),
      );
    }
  }
});

test('whatever a relation leads by is found: numbers, texts, uuids, keys of several columns, by list and picker alike', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  const sought = new Set<string>();
  for (const { slug } of registry.listFor(ada)) {
    const resource = registry.for(ada, slug);
    const { model } = resource;
    if (model.idFields.length === 0) continue;
    for (const { relation } of Object.values(model.fields)) {
      const seen = (relation?.fromFields ?? []).map(
        (name) => resource.fields.find(({ meta }) => meta.name === name)?.meta,
      );
      if (
        relation?.kind !== 'to-one' ||
        seen.length === 0 ||
        !seen.every((meta) => meta && ['String', 'Int', 'BigInt'].includes(meta.type))
      )
        continue;
      const columns = seen.map((meta) => meta?.column as string);
      const { rows } = await db.pages.query<{ key: string; held: string[] }>(
        `select ${keySql(model, 't')} as key, array[${columns.map((column) => `t.${column}::text`).join(', ')}] as held from ${model.table} t
         where ${columns.map((column) => `t.${column} is not null`).join(' and ')} order by 1 limit 1`,
      );
      const [row] = rows;
      if (!row) continue;
      const texts = [...row.held, ...(row.held.length > 1 ? [JSON.stringify(row.held)] : [])].map(
        (text) => text.trim(),
      );
      for (const text of texts) {
        const query = {
          filter: `_q=${encodeURIComponent(text)}`,
          sort: '',
          page: 1,
          size: 100,
          after: null,
          before: null,
          isCounted: false,
        };
        const { records } = await listRecords(registry, resource, ada, query);
        assert.ok(
          records.some(({ key }) => key === row.key),
          `${slug} has not found ${text}`,
        );
        const { options } = await searchRelated(
          { registry, sql: db.pages },
          { resource, valueField: null },
          ada,
          text,
          { limit: 1_000 },
        );
        assert.ok(
          options.some(({ value }) => value === keyToUrl(model, row.key)),
          `a picker of ${slug} has not found ${text}`,
        );
      }
      sought.add(row.held.length > 1 ? 'several' : `${seen[0]?.type} ${seen[0]?.sqlType}`);
    }
  }
  for (const kind of ['several', 'Int integer', 'String uuid'])
    assert.ok(sought.has(kind), `${kind} of ${[...sought]}`);
});
