import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keySql } from '../metadata/key-sql.ts';
import type { Resource } from '../resources/contract.ts';
import type { TaskContext } from '../tasks/context.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { endCursor } from './cursor.ts';
import { type ListPage, type ListQuery, listRecords } from './list.ts';
import { findSortable } from './sort.ts';

const everything: ListQuery = {
  filter: '',
  sort: '',
  page: null,
  size: 25,
  after: null,
  before: null,
  isCounted: false,
};

type Read = (changes: Partial<ListQuery>) => Promise<ListPage>;

function reader(context: TaskContext, resource: Resource): Read {
  return (changes) =>
    listRecords(context.registry, resource, ada, {
      ...everything,
      sort: resource.defaultSort,
      ...changes,
    });
}

/** Keys from the first page to the last by following places, in pages. */
async function forwards(read: Read, query: Partial<ListQuery>): Promise<string[][]> {
  const pages: string[][] = [];
  for (let page = await read(query); ; page = await read({ ...query, after: page.last })) {
    pages.push(page.records.map(({ key }) => key));
    if (!page.hasNext) return pages;
  }
}

async function backwards(read: Read, query: Partial<ListQuery>): Promise<string[][]> {
  const pages: string[][] = [];
  for (
    let page = await read({ ...query, before: endCursor });
    ;
    page = await read({ ...query, before: page.first })
  ) {
    pages.unshift(page.records.map(({ key }) => key));
    if (!page.hasPrevious) return pages;
  }
}

/** Places with ties and nulls in every column that they are sorted by. */
async function setUp(t: Parameters<typeof testDatabase>[0], count = 230) {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await insertPlaces(db, count);
  await db.pages.query(
    `insert into gazetteer.country (code, code2, name, region, area, currencies) values ('XXX', 'XX', 'Spain', 'Elsewhere', 1, '{}')`,
  );
  await db.pages.query(
    `update gazetteer.city set population = id % 7, rating = nullif(id % 5, 0), reviewed_at = case when id % 3 > 0 then now() + (id % 4) * interval '1 microsecond' end,
       status = (enum_range(null::gazetteer.city_status))[1 + id % 4], featured = id % 2 = 0, alt_name = case when id % 6 > 1 then 'a~!' || id % 6 end,
       country_code = (array['ESP', 'FRA', 'XXX'])[1 + id % 3]`,
  );
  return { db, context, cities: context.registry.for(ada, 'cities') };
}

const sorts: Record<string, string> = {
  id: 'id',
  '-id': 'id desc',
  population: 'population, id',
  '-population': 'population desc, id desc',
  rating: 'rating asc nulls last, id',
  '-rating': 'rating desc nulls last, id desc',
  '-rating,population': 'rating desc nulls last, population, id',
  'population,-rating': 'population, rating desc nulls last, id desc',
  '-reviewedAt,-rating': 'reviewed_at desc nulls last, rating desc nulls last, id desc',
  'status,-featured,altName': 'status, featured desc, alt_name asc nulls last, id',
  country: 'country.name, id',
  '-country.region,rating': 'country.region desc, rating asc nulls last, id',
  'rating,-id': 'rating asc nulls last, id desc',
};

test('pages follow each other in either direction as plain SQL orders the records, nulls last', async (t) => {
  const { db, context, cities } = await setUp(t);
  const read = reader(context, cities);
  for (const [sort, order] of Object.entries(sorts)) {
    const { rows } = await db.pages.query<{ key: string }>(
      `select ${keySql(cities.model, 'city')} as key from gazetteer.city join gazetteer.country on code = country_code order by ${order.replace(/\bid\b/g, 'city.id')}`,
    );
    const expected = rows.map(({ key }) => key);
    const pages = await forwards(read, { sort });
    assert.deepEqual(pages.flat(), expected, sort);
    assert.deepEqual([...new Set(pages.slice(0, -1).map((page) => page.length))], [25], sort);
    // Its first page is a whole one, so it may share records with the second.
    assert.deepEqual(
      [...new Set((await backwards(read, { sort })).flat())],
      expected,
      `${sort}, backwards`,
    );
    assert.deepEqual(
      (await read({ sort, page: 4 })).records.map(({ key }) => key),
      expected.slice(75, 100),
      `${sort}, page 4`,
    );
  }
});

test('a page begins where the record was that is no longer there', async (t) => {
  const { db, context, cities } = await setUp(t);
  const read = reader(context, cities);
  for (const sort of ['-rating', 'population', 'id']) {
    const first = await read({ sort });
    const next = await read({ sort, after: first.last });
    await db.pages.query('delete from gazetteer.city where id = $1', [
      Number(first.records.at(-1)?.key),
    ]);
    assert.deepEqual((await read({ sort, after: first.last })).records, next.records, sort);
  }
});

test('whoever goes back beyond the first page is on the first', async (t) => {
  const { context, cities } = await setUp(t, 60);
  const read = reader(context, cities);
  const first = await read({});
  assert.deepEqual((await read({ before: '10' })).records, first.records);
});

test('a place that cannot be one of the order is named', async (t) => {
  const { context, cities } = await setUp(t, 3);
  const read = reader(context, cities);
  for (const wrong of [
    { after: 'abc' },
    { after: '' },
    { after: '99999999999999999999' },
    { after: '1~2' },
    { sort: 'status', after: 'lost~1' },
    { sort: 'population', after: '!0~1' },
    { sort: 'reviewedAt', after: 'yesterday noon~1' },
    { before: '!end~1' },
    { before: '1; drop table gazetteer.city' },
  ]) {
    const field = 'before' in wrong ? '_before' : '_after';
    await assert.rejects(
      read(wrong),
      { code: 'invalid-cursor', status: 422, details: { field } },
      JSON.stringify(wrong),
    );
  }
  await assert.rejects(read({ after: '1', before: '2' }), { code: 'invalid-cursor' });
});

test('every model can be walked through by each of its columns, in either direction', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const context = testContext(db, {}, {}, tortureAdmin);
  for (const resource of context.registry.listFor(ada)) {
    const { model } = resource;
    if (model.idFields.length === 0) continue;
    const read = reader(context, resource);
    for (const { name, meta } of resource.fields.filter(
      (field) => findSortable(context.registry, resource, ada, field.name) && !field.relation,
    )) {
      for (const direction of ['asc', 'desc']) {
        const order = [meta.column, ...model.idFields.map((id) => model.fields[id]?.column)].map(
          (column) => `t.${column} ${direction} nulls last`,
        );
        const { rows } = await db.pages.query<{ key: string }>(
          `select ${keySql(model, 't')} as key from ${model.table} t order by ${order.join(', ')}`,
        );
        const sort = direction === 'desc' ? `-${name}` : name;
        const expected = rows.map(({ key }) => key);
        assert.deepEqual(
          (await forwards(read, { sort })).flat(),
          expected,
          `${model.name} by ${sort}`,
        );
        assert.deepEqual(
          [...new Set((await backwards(read, { sort })).flat())],
          expected,
          `${model.name} by ${sort}, backwards`,
        );
      }
    }
  }
});

test('what cannot be sorted by is named', async (t) => {
  const { context, cities } = await setUp(t, 1);
  const read = reader(context, cities);
  for (const sort of [
    'tags',
    'nothing',
    'name,-name',
    'country.nothing',
    'country.cities',
    'country.capitalCity.name',
    'name.length',
    ',',
    '--name',
  ]) {
    await assert.rejects(
      read({ sort }),
      { code: 'invalid-sort', status: 422, details: { field: '_sort' } },
      sort,
    );
  }
});

test('a count is exact up to the limit and an estimate beyond it, exact when asked', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, { countLimit: 100 });
  await insertPlaces(db, 3_000);
  await db.pages.query('update gazetteer.city set featured = id <= 90');
  await db.pages.query('analyze gazetteer.city');
  const read = reader(context, context.registry.for(ada, 'cities'));
  assert.deepEqual((await read({ filter: 'featured=true' })).total, { value: 90, isExact: true });
  assert.deepEqual((await read({ filter: 'population-max=100' })).total, {
    value: 100,
    isExact: true,
  });
  const beyond = await read({ filter: 'population-max=101' });
  assert.equal(beyond.total.isExact, false);
  assert.ok(beyond.total.value >= 101);
  assert.deepEqual((await read({})).total, { value: 3_000, isExact: false });
  assert.deepEqual((await read({ filter: 'population-min=2', isCounted: true })).total, {
    value: 2_999,
    isExact: true,
  });
  await assert.rejects(read({ page: 6 }), { code: 'page-too-far', status: 422 });
  assert.equal((await read({ page: 5 })).records[0]?.title, 'Place 101');
});
