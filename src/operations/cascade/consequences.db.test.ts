import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { limits } from '../../limits.ts';
import { keyOf, whereKeys } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { type Affected, consequences } from './consequences.ts';

const sentence = ({ model, table, columns, count, isMore, links }: Affected) =>
  `${count}${isMore ? '+' : ''} ${model?.name ?? links?.join('–') ?? table}${columns.length > 0 ? ` (${columns.join(', ')})` : ''}`;

async function setUp(t: TestContext) {
  const { db } = await testDatabase(t);
  await insertPlaces(db, 50);
  const { registry } = testContext(db);
  const of = async (slug: string, ids: (number | string)[]) => {
    const resource = registry.for(ada, slug);
    const [id] = resource.model.idFields as [string];
    const keys = ids.map((value) => keyOf(resource.model, { [id]: value }));
    return consequences(db, registry, resource, ada, whereKeys(resource.model, keys));
  };
  return { db, registry, of };
}

test('what the database does to others when records are deleted', async (t) => {
  const { db, of } = await setUp(t);
  await db.pages.query(`
    insert into gazetteer."_CityToTag" values (1, 1), (1, 2), (2, 1), (3, 3);
    update gazetteer.country set capital_city_id = 1 where code = 'ESP';
    create table gazetteer.visit (id int primary key, city_id int references gazetteer.city on delete cascade, after_id int references gazetteer.visit on delete cascade);
    create index on gazetteer.visit (city_id);
    create table gazetteer.souvenir (visit_id int not null references gazetteer.visit on delete cascade, label text);
    create table gazetteer.invoice (city_id int references gazetteer.city on delete restrict);
    create table gazetteer.badge (city_id int not null references gazetteer.city on delete set null);
    insert into gazetteer.visit values (1, 1, null), (2, null, 1), (3, null, 2), (4, 4, null);
    update gazetteer.visit set after_id = 3 where id = 1;
    insert into gazetteer.souvenir values (3, 'cup'), (3, 'cup'), (4, 'shell');
    insert into gazetteer.invoice values (2), (2), (9);
    insert into gazetteer.badge values (5);
  `);

  await t.test(
    'cascades are followed through tables without a key, in a circle too, each row once',
    async () => {
      const found = await of('cities', [1]);
      assert.deepEqual(found.deleted.map(sentence), ['2 City–Tag', '3 visit', '2 souvenir']);
      assert.deepEqual([found.records, found.isComplete], [1, true]);
      assert.deepEqual(found.unindexed, [
        'badge (city_id)',
        'invoice (city_id)',
        'souvenir (visit_id)',
        'visit (after_id)',
      ]);
    },
  );

  await t.test('what is emptied is titled, and what forbids is named', async () => {
    const found = await of('cities', [1, 2, 5]);
    assert.deepEqual(found.cleared.map(sentence), ['1 Country (capital_city_id)']);
    assert.deepEqual(found.cleared[0]?.records, [{ id: 'ESP', title: 'Spain' }]);
    assert.deepEqual(found.forbidding.map(sentence), ['1 badge (city_id)', '2 invoice (city_id)']);
  });

  await t.test('what goes itself forbids nothing', async () => {
    await db.pages.query(`
      create table gazetteer.pair (id int primary key, city_id int references gazetteer.city on delete cascade, twin_id int references gazetteer.pair);
      insert into gazetteer.pair values (1, 7, null), (2, 7, 1), (3, 8, 1)`);
    assert.deepEqual((await of('cities', [7])).forbidding.map(sentence), ['1 pair (twin_id)']);
    assert.deepEqual((await of('cities', [7, 8])).forbidding, []);
  });

  await t.test('it is what then happens', async () => {
    const count = async () =>
      (
        await db.pages.query(
          `select (select count(*)::int from gazetteer.visit) as visits, (select count(*)::int from gazetteer.souvenir) as souvenirs`,
        )
      ).rows[0];
    assert.deepEqual(await count(), { visits: 4, souvenirs: 3 });
    await db.pages.query(`delete from gazetteer.city where id = 1`);
    assert.deepEqual(await count(), { visits: 1, souvenirs: 1 });
    const code = db.version >= 18 ? '23001' : '23503';
    await assert.rejects(db.pages.query(`delete from gazetteer.city where id = 2`), { code });
  });
});

test('many are counted up to a limit, and said to be more', async (t) => {
  const { db, of } = await setUp(t);
  await db.pages.query(`
    create table gazetteer.visit (city_id int references gazetteer.city on delete cascade);
    create index on gazetteer.visit (city_id);
    insert into gazetteer.visit select 1 from generate_series(1, 12000);
    insert into gazetteer.country select 'X' || n, lpad(n::text, 2, '0'), 'Land', 'x', null, null, 1, '{}', 1 from generate_series(10, 99) n`);
  const found = await of('cities', [1]);
  assert.equal(found.isComplete, false);
  assert.deepEqual(found.deleted.map(sentence), [`${limits.record.followed - 1}+ visit`]);
  assert.equal(found.cleared[0]?.count, 90);
  assert.equal(found.cleared[0]?.records.length, 5);
});

test('a table that may not be read is said to be missing from the answer', async (t) => {
  const { db, registry } = await setUp(t);
  await db.pages.query(`
    create schema hidden; create table hidden.visit (city_id int references gazetteer.city on delete cascade); insert into hidden.visit values (1);
    grant usage on schema gazetteer to pg_monitor; grant select on all tables in schema gazetteer to pg_monitor;
  `);
  const pages: Database['pages'] = Object.create(db.pages);
  pages.connect = (async () => {
    const client = await db.pages.connect();
    await client.query('set role pg_monitor');
    const release = client.release.bind(client);
    client.release = () => release(true);
    return client;
  }) as Database['pages']['connect'];
  const cities = registry.for(ada, 'cities');
  const found = await consequences(
    { ...db, pages },
    registry,
    cities,
    ada,
    whereKeys(cities.model, [keyOf(cities.model, { id: 1 })]),
  );
  assert.equal(found.isComplete, false);
});

test('what the principal may not see is counted and not titled', async (t) => {
  const { db, registry } = await setUp(t);
  const cities = registry.for(ada, 'cities');
  const countries = registry.for(ada, 'countries');
  const where = whereKeys(countries.model, ['ESP']);
  const seenBy = async (related: Resource | null) => {
    const resource: Resource = { ...countries, related: () => related };
    const { forbidding } = await consequences(db, registry, resource, ada, where);
    return forbidding.map(({ count, records, resource: own }) => ({
      count,
      titles: records.map(({ title }) => title),
      isShown: own !== null,
    }));
  };
  const titles = ['Place 1', 'Place 2', 'Place 3', 'Place 4', 'Place 5'];
  assert.deepEqual(await seenBy(cities), [{ count: 50, titles, isShown: true }]);
  const scoped: Resource = { ...cities, scope: () => ({ population: { gt: 48 } }) };
  assert.deepEqual(await seenBy(scoped), [
    { count: 50, titles: ['Place 49', 'Place 50'], isShown: true },
  ]);
  assert.deepEqual(await seenBy(null), [{ count: 50, titles: [], isShown: false }]);
});

test('rows of partitions and of inheriting tables are each counted once, and those that a key does not keep are not', async (t) => {
  const { db, of } = await setUp(t);
  await db.pages.query(`
    create table gazetteer.visit (city_id int references gazetteer.city on delete cascade, year int) partition by list (year);
    create table gazetteer.visit_1 partition of gazetteer.visit for values in (1);
    create table gazetteer.visit_2 partition of gazetteer.visit for values in (2);
    create table gazetteer.visit_3 partition of gazetteer.visit for values in (3);
    insert into gazetteer.visit select 1, 1 + n % 3 from generate_series(1, 30) n;
    create table gazetteer.stop (id int, part int, city_id int references gazetteer.city on delete cascade, primary key (id, part)) partition by list (part);
    create table gazetteer.stop_1 partition of gazetteer.stop for values in (1);
    create table gazetteer.stop_2 partition of gazetteer.stop for values in (2);
    create table gazetteer.souvenir (stop_id int, part int, foreign key (stop_id, part) references gazetteer.stop on delete cascade);
    insert into gazetteer.stop select n, 1 + n % 2, case when n < 5 then 1 else 2 end from generate_series(1, 8) n;
    insert into gazetteer.souvenir select id, part from gazetteer.stop;
    create table gazetteer.note (city_id int references gazetteer.city on delete cascade);
    create table gazetteer.old_note () inherits (gazetteer.note);
    insert into gazetteer.note values (1), (1);
    insert into gazetteer.old_note values (1), (1), (1);
  `);
  const { deleted, isComplete } = await of('cities', [1]);
  assert.deepEqual(deleted.map(sentence).sort(), ['2 note', '30 visit', '4 souvenir', '4 stop']);
  assert.equal(isComplete, true);
});
