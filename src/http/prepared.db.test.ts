import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../testing/app.ts';
import { insertPlaces } from '../testing/places.ts';

/** What a session's connection keeps, and how often each was planned or its plan used. */
const known = `select case when statement like '%.sess,%' then 'session' when statement like '%lock_set%' then 'holders'
    when statement like '%order by id desc limit 5' then 'tasks that run' else statement end as name, (generic_plans + custom_plans)::int as plans
  from pg_prepared_statements order by name`;

test('what every list page asks in the same words is planned once a connection', async (t) => {
  const { db, signIn } = await testApp(t, { pagesPoolSize: 1 });
  await insertPlaces(db, 60);
  const visitor = await signIn('admin');
  const plans = async (): Promise<Record<string, number>> =>
    Object.fromEntries((await db.pages.query(known)).rows.map(({ name, plans }) => [name, plans]));
  const { session: before = 0, ...others } = await plans();
  assert.deepEqual(others, {});
  for (const path of ['/cities', '/cities?_sort=-population', '/cities?country=ESP'])
    assert.equal((await visitor.get(path)).statusCode, 200);
  assert.deepEqual(await plans(), { holders: 3, session: before + 3, 'tasks that run': 3 });
});
