import assert from 'node:assert/strict';
import { test } from 'node:test';
import { folded } from '../fields/folded.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';
import { ada, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { findRelated, relationTarget, searchRelated } from './related.ts';
import { createIndexes, findWantedIndexes } from './wanted-indexes.ts';

test('searching what a relation leads to', async (t) => {
  const { db } = await testDatabase(t, { seeded: true });
  const { registry } = testContext(db);
  const countries = registry.for(ada, 'countries');
  const capital = countries.fields.find(({ name }) => name === 'capitalCity') as ResourceField;
  const target = relationTarget(countries, capital);
  assert.ok(target);
  const search = async (text: string, of = target) =>
    (await searchRelated({ registry, sql: db.pages }, of, ada, text)).options;
  const titles = async (text: string) => (await search(text)).map(({ label }) => label);

  /** The plan of the search's one statement. */
  const planOf = async (text: string): Promise<string> => {
    const statements: [string, unknown[]][] = [];
    const query = async (sql: string, values: unknown[]) => {
      statements.push([sql, values]);
      return { rows: [] };
    };
    await searchRelated({ registry, sql: { query } as never }, target, ada, text);
    assert.equal(statements.length, 1);
    const [sql, values] = statements[0] as [string, unknown[]];
    const { rows } = await db.pages.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, buffers) ${sql}`,
      values,
    );
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };

  await t.test('finds equal titles first, then beginnings, then the rest', async () => {
    const found = await titles('paris');
    assert.equal(found[0], 'Paris');
    const rank = (title: string) =>
      title === 'Paris'
        ? 0
        : folded(title) === 'paris'
          ? 1
          : folded(title).startsWith('paris')
            ? 2
            : 3;
    assert.deepEqual(found.map(rank), found.map(rank).sort());
    assert.ok(found.length <= 20);
  });

  await t.test('finds an id, and tells records of one title apart', async () => {
    const [paris] = await search('Paris');
    const [same] = await search(paris?.value ?? '');
    assert.equal(same?.value, paris?.value);
    const detailed = (await search('san jose'))
      .filter(({ label }) => label === 'San Jose')
      .map(({ detail }) => detail);
    assert.ok(detailed.length > 1);
    assert.equal(new Set(detailed).size, detailed.length);
  });

  await t.test('takes wildcards as they are', async () => {
    assert.deepEqual(await titles('%%%'), []);
    assert.deepEqual(await titles('a\\'), []);
  });

  await t.test('without a text reads no more than it shows', async () => {
    const plan = await planOf('');
    assert.match(plan, /Index Scan using city_pkey/);
    assert.doesNotMatch(plan, /Seq Scan on city/);
  });

  await t.test('uses a trigram index where there is one', async () => {
    await createIndexes(db.pages, await findWantedIndexes(db.pages, registry), () => undefined);
    await db.pages.query('analyze gazetteer.city');
    for (const text of ['marseille', 'par', 'xy', '33824'])
      assert.doesNotMatch(await planOf(text), /Seq Scan on city/, text);
  });

  await t.test(
    'stays in the scope of the related resource, also when a choice is looked up',
    async () => {
      const spanish: Resource = { ...target.resource, scope: () => ({ countryCode: 'ESP' }) };
      const scoped = { ...target, resource: spanish };
      assert.deepEqual((await search('marseille', scoped)).length, 0);
      const [paris] = await search('Paris');
      const [madrid] = await search('Madrid', scoped);
      const seen = await findRelated(registry, scoped, ada, [
        paris?.value ?? '',
        madrid?.value ?? '',
        'no id',
      ]);
      assert.deepEqual(
        [...seen.values()].map(({ title }) => title),
        ['Madrid'],
      );
    },
  );
});
