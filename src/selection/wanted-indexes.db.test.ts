import assert from 'node:assert/strict';
import { test } from 'node:test';
import { query, sql } from '../db/sql.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { partitionSql } from '../testing/partition-table.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { listRecords } from './list.ts';
import { createIndexes, findWantedIndexes } from './wanted-indexes.ts';
import { buildWhere } from './where.ts';

test('what lists want is said and not created until it is asked for, and then not wanted again', async (t) => {
  const { db } = await testDatabase(t);
  const { registry } = testContext(db);
  const wanted = await findWantedIndexes(db.pages, registry);
  assert.deepEqual(wanted.extension, {
    sql: 'create extension if not exists pg_trgm;',
    obstacle: null,
  });
  const search = wanted.indexes.find(({ purpose }) => purpose === 'Cities: search in name');
  assert.equal(
    search?.sql,
    'create index concurrently if not exists "city_name_bulkhead_search" on "gazetteer"."city" using gin ("name" gin_trgm_ops);',
  );
  const country = wanted.indexes.filter(({ sql }) => sql.includes('("country_code", "id")'));
  assert.deepEqual(
    country.map(({ purpose }) => purpose),
    ['Cities: filter by countryCode'],
  );
  // What is unique needs no more than its own index.
  assert.ok(!wanted.indexes.some(({ purpose }) => purpose === 'Tags: sort by name'));
  assert.deepEqual(await findWantedIndexes(db.pages, registry), wanted);
  const begun: string[] = [];
  assert.equal(
    await createIndexes(db.pages, wanted, ({ purpose }) => begun.push(purpose)),
    wanted.indexes.length,
  );
  assert.deepEqual(
    begun,
    wanted.indexes.map(({ purpose }) => purpose),
  );
  assert.deepEqual(await findWantedIndexes(db.pages, registry), { extension: null, indexes: [] });
});

test('every index that any model wants can be created', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const { registry } = testContext(db, {}, {}, tortureAdmin);
  await createIndexes(db.pages, await findWantedIndexes(db.pages, registry), () => undefined);
  assert.deepEqual(await findWantedIndexes(db.pages, registry), { extension: null, indexes: [] });
});

test('indexes of a partitioned table are said, and made by nobody who does not know that writes wait for them', async (t) => {
  const { db } = await testDatabase(t);
  await db.pages.query(partitionSql('gazetteer', 'city', 'id', 100));
  const { registry } = testContext(db);
  const wanted = await findWantedIndexes(db.pages, registry);
  const ofCities = wanted.indexes.filter(({ table }) => table.includes('city'));
  assert.ok(ofCities.length > 0);
  for (const { obstacle, sql } of ofCities) {
    assert.match(obstacle ?? '', /partitioned/);
    assert.doesNotMatch(sql, /concurrently/);
  }
  await createIndexes(db.pages, wanted, () => undefined);
  const left = await findWantedIndexes(db.pages, registry);
  assert.deepEqual(
    left.indexes.map(({ purpose }) => purpose),
    ofCities.map(({ purpose }) => purpose),
  );
  for (const { sql } of left.indexes) await db.pages.query(sql);
  assert.deepEqual((await findWantedIndexes(db.pages, registry)).indexes, []);
});

test('a search uses the index', async (t) => {
  const { db } = await testDatabase(t, { seeded: true });
  const { registry } = testContext(db);
  await createIndexes(db.pages, await findWantedIndexes(db.pages, registry), () => undefined);
  await db.pages.query('analyze gazetteer.city');
  const cities = registry.for(ada, 'cities');
  const matching = await registry.whereSql(cities.model, {
    OR: cities.search.map(({ meta }) => ({
      [meta.name]: { contains: 'Llanfair', mode: 'insensitive' },
    })),
  });
  const { rows } = await query<{ 'QUERY PLAN': string }>(db.pages, sql`explain ${matching}`);
  assert.match(rows.map((row) => row['QUERY PLAN']).join('\n'), /bulkhead_search/);
  const asked = {
    filter: '_q=Llanfair',
    sort: 'id',
    page: null,
    size: 25,
    after: null,
    before: null,
    isCounted: false,
  };
  const { records } = await listRecords(registry, cities, ada, asked);
  assert.ok(records.length > 0 && records.every(({ title }) => title.includes('Llanfair')));
  const search = await registry.whereSql(cities.model, buildWhere(cities, ada, '_q=malaga'));
  const plan = await query<{ 'QUERY PLAN': string }>(db.pages, sql`explain ${search}`);
  const lines = plan.rows.map((row) => row['QUERY PLAN']).join('\n');
  assert.match(lines, /city_name_bulkhead_search/);
  assert.match(lines, /city_name_bulkhead_accents/);
  assert.doesNotMatch(lines, /Seq Scan/);
});
