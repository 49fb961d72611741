import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Principal } from '../auth/principal.ts';
import { limits } from '../limits.ts';
import type { Resource } from '../resources/contract.ts';
import { delegateOf } from '../resources/delegate.ts';
import { ada, eve, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { filterFieldsOf } from './filter-fields.ts';
import {
  changeTicks,
  countSelection,
  createSelection,
  getSelection,
  selectionWhere,
  selectMatching,
} from './selection.ts';
import { buildWhere } from './where.ts';

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const { registry } = testContext(db);
  const cities = registry.get('cities');
  await insertPlaces(db, 60);
  const names = ['50% off', '50 off', 'a_b', 'axb', 'back\\slash', 'backslash', 'ÉCOLE', ''];
  for (const [index, name] of names.entries())
    await db.pages.query('update gazetteer.city set name = $1 where id = $2', [name, index + 1]);
  const count = (filter: string, resource: Resource = cities, principal: Principal = ada) =>
    delegateOf(registry.client, cities.model).count({
      where: buildWhere(resource, principal, filter),
    });
  return { db, registry, cities, count };
}

const none = { kind: 'ticked' as const, filter: '', keys: [], exclusions: [] };
const key = (id: number) => String(id).padStart(20, '0');

test('the search takes wildcards and backslashes for what they are, as plain SQL does', async (t) => {
  const { db, count } = await setUp(t);
  for (const search of ['%', '_', '\\', '50%', 'a_b', 'k\\s', 'école', "'", 'Place']) {
    const { rows } = await db.pages.query(
      `select count(*)::int as n from gazetteer.city where position(lower($1) in lower(name)) > 0 or position(lower($1) in lower(coalesce(alt_name, ''))) > 0`,
      [search],
    );
    assert.equal(await count(new URLSearchParams({ _q: search }).toString()), rows[0].n, search);
  }
});

test('filters find the rows that plain SQL finds', async (t) => {
  const { db, count } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set status = 'reviewed', rating = 4.5, country_code = 'FRA' where id between 10 and 14`,
  );
  const cases = {
    'country=FRA': `country_code = 'FRA'`,
    'country=ESP&country=FRA': 'true',
    'status=reviewed': `status = 'reviewed'`,
    'featured=false': 'not featured',
    'rating-min=4.5': 'rating >= 4.5',
    'rating-max=4.4': 'rating <= 4.4',
    'population-min=10&population-max=20&status=draft': `population between 10 and 20 and status = 'draft'`,
  };
  for (const [filter, condition] of Object.entries(cases)) {
    const { rows } = await db.pages.query(
      `select count(*)::int as n from gazetteer.city where ${condition}`,
    );
    assert.equal(await count(filter), rows[0].n, filter);
  }
});

test('a filter that is not understood is an error that names it, never "no filter"', async (t) => {
  const { cities } = await setUp(t);
  for (const filter of [
    'nonsense=1',
    'status=lost',
    'featured=perhaps',
    'population-min=many',
    'population-min=99999999999',
    'status-min=1',
    'name-min=x',
    'name-empty=perhaps',
    'featured=__proto__',
    '__proto__=1',
    'constructor=1',
    'country.nonsense=1',
    'country.name.x=1',
    'population-between=1',
    'createdAt-last=7y',
    'createdAt=2026-02-31T10:00%2B02:00',
    'tags-has=x',
    '_q=%00',
  ]) {
    assert.throws(
      () => buildWhere(cities, ada, filter),
      { code: 'invalid-filter', status: 422 },
      filter,
    );
  }
});

test('a scope with an undefined value, or an empty list that would mean all, opens nothing', async (t) => {
  const { cities } = await setUp(t);
  for (const scope of [
    { countryCode: undefined },
    { AND: [] },
    { NOT: [] },
    { AND: [{ id: { notIn: [] } }] },
  ]) {
    assert.throws(
      () => buildWhere({ ...cities, scope: () => scope }, ada, ''),
      /would match every record/,
    );
  }
});

test('the row scope is in every predicate', async (t) => {
  const { cities, count, registry } = await setUp(t);
  const scoped: Resource = { ...cities, scope: () => ({ population: { lte: 30 } }) };
  assert.equal(await count('', scoped), 30);
  assert.equal(await count('population-min=21', scoped), 10);
  const ticked = { ...none, keys: [key(29), key(30), key(31), key(32)] };
  assert.equal(
    await delegateOf(registry.client, cities.model).count({
      where: selectionWhere(scoped, ada, ticked),
    }),
    2,
  );
});

test('an empty selection is an error, never everything', async (t) => {
  const { cities } = await setUp(t);
  assert.throws(() => selectionWhere(cities, ada, none), { code: 'empty-selection', status: 422 });
});

test('ticking twice is ticking once, and the version moves only on a real change', async (t) => {
  const { db, cities, registry } = await setUp(t);
  const selection = await createSelection(db, ada, cities, { ...none, keys: [key(1)] });
  const again = await changeTicks(db, ada, cities, selection.id, { add: [key(1)] });
  assert.deepEqual([again.keys, again.version], [[key(1)], 1]);
  const more = await changeTicks(db, ada, cities, selection.id, { add: [key(3), key(2)] });
  assert.deepEqual([more.keys, more.version], [[key(1), key(2), key(3)], 2]);
  const fewer = await changeTicks(db, ada, cities, selection.id, { remove: [key(2), key(9)] });
  assert.deepEqual([fewer.keys, fewer.version], [[key(1), key(3)], 3]);
  assert.equal(await countSelection(registry, cities, ada, fewer), 2);
});

test('unticking in "everything that matches" excludes, and ticking again takes it back in', async (t) => {
  const { db, cities, registry } = await setUp(t);
  const { id } = await createSelection(db, ada, cities, { ...none, keys: [key(1)] });
  await selectMatching(db, ada, cities, id, 'population-max=20');
  const without = await changeTicks(db, ada, cities, id, { remove: [key(3), key(4)] });
  assert.deepEqual(
    [without.kind, without.keys, without.exclusions],
    ['matching', [], [key(3), key(4)]],
  );
  assert.equal(await countSelection(registry, cities, ada, without), 18);
  assert.equal(
    await countSelection(
      registry,
      cities,
      ada,
      await changeTicks(db, ada, cities, id, { add: [key(3)] }),
    ),
    19,
  );
});

test("ticks of many tabs at once are all kept, and somebody else's selection is not found", async (t) => {
  const { db, cities } = await setUp(t);
  const { id } = await createSelection(db, ada, cities, none);
  await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      changeTicks(db, ada, cities, id, { add: [key(index + 1)] }),
    ),
  );
  assert.equal((await getSelection(db, ada, cities, id)).keys.length, 40);
  await assert.rejects(getSelection(db, eve, cities, id), { status: 404 });
  await assert.rejects(changeTicks(db, eve, cities, id, { add: [key(1)] }), { status: 404 });
});

test('more ticks than may be held are refused and change nothing', async (t) => {
  const { db, cities } = await setUp(t);
  const keys = Array.from({ length: limits.bulk.ticked }, (_, index) => key(index + 1));
  const { id } = await createSelection(db, ada, cities, { ...none, keys });
  await assert.rejects(changeTicks(db, ada, cities, id, { add: [key(limits.bulk.ticked + 1)] }), {
    code: 'too-many-ticked',
    status: 422,
  });
  assert.deepEqual(
    [
      (await getSelection(db, ada, cities, id)).keys.length,
      (await getSelection(db, ada, cities, id)).version,
    ],
    [limits.bulk.ticked, 1],
  );
});

test('groups nest: an "and" inside an "or" inside the filter', async (t) => {
  const { db, count } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set status = 'reviewed', featured = id % 2 = 0 where id between 10 and 30`,
  );
  const cases = {
    '_1.status=reviewed&_1.population-max=5': `status = 'reviewed' or population <= 5`,
    'featured=true&_1.status=reviewed&_1.population-max=5': `featured and (status = 'reviewed' or population <= 5)`,
    '_1._1.featured=true&_1._1.status=reviewed&_1._2.population-min=50&_1._2.status=draft': `(featured and status = 'reviewed') or (population >= 50 and status = 'draft')`,
    '_1.population-max=3&_1.population-min=58&_2.featured=false&_2.id=1': `(population <= 3 or population >= 58) and (not featured or id = 1)`,
    'population-min=3&population-min=50': 'population >= 3 and population >= 50',
    'population-between=5..9&population-between=8..20': 'population between 8 and 9',
  };
  for (const [filter, condition] of Object.entries(cases)) {
    const { rows } = await db.pages.query(
      `select count(*)::int as n from gazetteer.city where ${condition}`,
    );
    assert.equal(await count(filter), rows[0].n, filter);
    assert.ok(rows[0].n > 0 && rows[0].n < 60, filter);
  }
});

test('every field that is shown can be filtered, and no field that is hidden, also of related records', async (t) => {
  const { registry } = await setUp(t);
  const hiding = (slug: string, hidden: string) => {
    const resource = registry.for(ada, slug);
    return { ...resource, fields: resource.fields.filter(({ name }) => name !== hidden) };
  };
  const cities = { ...hiding('cities', 'notes'), related: () => hiding('countries', 'area') };
  const paths = filterFieldsOf(cities, ada).map(({ path }) => path);
  for (const path of [
    'name',
    'createdAt',
    'tags',
    'country',
    'country.name',
    'country.currencies',
  ]) {
    if (path !== 'country.currencies') assert.ok(paths.includes(path), path);
    else assert.ok(!paths.includes(path), 'JSON that is never null has nothing to compare');
  }
  for (const filter of [
    'notes-empty=yes',
    'country.area-min=1',
    '_1.notes-contains=x',
    '_1._1.country.area=1',
  ]) {
    assert.throws(
      () => buildWhere(cities, ada, filter),
      { code: 'invalid-filter', status: 422 },
      filter,
    );
  }
  assert.throws(() => buildWhere({ ...cities, related: () => null }, ada, 'country.name=Spain'), {
    code: 'invalid-filter',
  });
});

test('what a scope hides of related records is found by no filter', async (t) => {
  const { db, registry, cities, count } = await setUp(t);
  await db.pages.query(`delete from gazetteer.tag`);
  await db.pages.query(`insert into gazetteer.tag (id, name) values (1, 'open'), (2, 'secret')`);
  await db.pages.query(
    `insert into gazetteer."_CityToTag" select id, case when id <= 10 then 1 else 2 end from gazetteer.city where id <= 20`,
  );
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where id <= 30`);
  const scopes: Record<string, () => Record<string, unknown>> = {
    Country: () => ({ code: 'FRA' }),
    Tag: () => ({ name: { not: 'secret' } }),
  };
  const scoped: Resource = {
    ...cities,
    related(model) {
      const related = registry.list.find((resource) => resource.model.name === model);
      return related ? { ...related, scope: scopes[model] ?? (() => null) } : null;
    },
  };
  const found: Record<string, number> = {};
  for (const filter of [
    'tags-has=1',
    'tags-has=2',
    'tags-none=2',
    'tags-empty=yes',
    'tags.name-contains=secret',
    'tags.name-not=open',
    'country.name=Spain',
    'country.name=France',
    'country.name-not=France',
    'country.name-empty=yes',
    'country.region-empty=no',
  ]) {
    found[filter] = await count(filter, scoped);
  }
  assert.deepEqual(found, {
    'tags-has=1': 10,
    'tags-has=2': 0,
    'tags-none=2': 60,
    'tags-empty=yes': 50,
    'tags.name-contains=secret': 0,
    'tags.name-not=open': 0,
    'country.name=Spain': 0,
    'country.name=France': 30,
    'country.name-not=France': 30,
    'country.name-empty=yes': 30,
    'country.region-empty=no': 30,
  });
});

test('days begin where the principal is, and "in the last" is counted back from now', async (t) => {
  const { db, cities, registry } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set reviewed_at = timestamptz '2026-03-01T00:00:00Z' + id * interval '1 hour'`,
  );
  const count = (
    filter: string,
    timeZone: string | undefined,
    now = new Date('2026-03-03T00:00:00Z'),
  ) => {
    const principal = timeZone ? { ...ada, timeZone } : ada;
    return delegateOf(registry.client, cities.model).count({
      where: buildWhere(cities, principal, filter, { now }),
    });
  };
  const asSql = async (condition: string) =>
    (await db.pages.query(`select count(*)::int as n from gazetteer.city where ${condition}`))
      .rows[0].n as number;
  for (const zone of [undefined, 'America/New_York', 'Asia/Kolkata', 'no such zone']) {
    const here = zone?.includes('/') ? zone : 'UTC';
    assert.equal(
      await count('reviewedAt=2026-03-02', zone),
      await asSql(`(reviewed_at at time zone '${here}')::date = '2026-03-02'`),
      zone,
    );
    assert.equal(
      await count('reviewedAt-after=2026-03-02', zone),
      await asSql(`(reviewed_at at time zone '${here}')::date > '2026-03-02'`),
      zone,
    );
  }
  assert.equal(await count('reviewedAt-last=6h', undefined), 7);
  assert.equal(
    await count('reviewedAt-next=1d', undefined),
    await asSql(`reviewed_at between '2026-03-03T00:00Z' and '2026-03-04T00:00Z'`),
  );
});

test('a day and a time that there are not is an error, also with a zone', async (t) => {
  const { cities } = await setUp(t);
  for (const value of [
    '2026-02-31',
    '2026-02-31T10:00+02:00',
    '2026-02-30T10:00Z',
    '2026-01-01T24:00',
    '2026-13-01',
  ]) {
    assert.throws(
      () => buildWhere(cities, ada, new URLSearchParams({ reviewedAt: value }).toString()),
      { code: 'invalid-filter' },
      value,
    );
  }
});
