import assert from 'node:assert/strict';
import { test } from 'node:test';
import { query, sql, statementOf } from '../db/sql.ts';
import { delegateOf } from '../resources/delegate.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { ada, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { countRecords } from './count.ts';
import { buildWhere } from './where.ts';

const keyOf = (id: number) => String(id).padStart(20, '0');
const eve = { ...ada, id: '00000000-0000-4000-8000-0000000000e1', name: 'Eve', roles: ['editor'] };

/** A task over 30 places: 25 are changed, two fail for one reason and three for another. */
async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString } = await testDatabase(t);
  await insertPlaces(db, 60);
  await db.pages.query(`
    alter table gazetteer.city add constraint one check (id not in (5, 6) or status <> 'published') not valid;
    alter table gazetteer.city add constraint other check (id not in (7, 8, 9) or status <> 'published') not valid;`);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  const keys = Array.from({ length: 30 }, (_, index) => keyOf(index + 1));
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const { task } = await launchOn(
    context,
    cities,
    { keys },
    'update',
    { field: 'status', 'value.status': 'published' },
    ada,
  );
  await finished(db, task.id).finally(() => worker.stop());
  const count = async (filter: string, principal = ada) =>
    (
      await countRecords(
        context.registry,
        context.registry.for(principal, 'cities'),
        principal,
        filter,
      )
    ).value;
  return { context, db, cities, id: task.id, count };
}

test('a filter finds what a task changed, or could not, alone and beside other conditions', async (t) => {
  const { id, count, context, cities, db } = await setUp(t);
  const of = (filter: string) => count(new URLSearchParams(filter).toString());
  assert.equal(await of(`_task=${id}`), 25);
  assert.equal(await of(`_failed=${id}`), 5);
  assert.equal(await of(`_failed=${id}:23514:one`), 2);
  assert.equal(await of(`_failed=${id}:23514:other`), 3);
  assert.equal(await of(`_failed=${id}:nothing`), 0);
  assert.equal(await of(`_task=${id}&population-max=10`), 5);
  assert.equal(
    await of(`_task=${id}&_1.population=1&_1.population=2`),
    2,
    'alternatives beside it stay alternatives',
  );
  assert.equal(await of(`_task=${id}&status-not=published`), 0);
  assert.equal(await of(`_task=${id}&_q=place 2`), 12);
  assert.equal(await of(`_task=${id}&country.name-contains=Spain`), 25);
  assert.equal(await of(`_task=${id}&_failed=${id}`), 0);
  assert.equal(await of(`_task=${id + 1}`), 0);
  const matching = await context.registry.whereSql(
    cities.model,
    buildWhere(cities, ada, `_task=${id}`),
  );
  assert.equal(
    statementOf(matching).values.length,
    3,
    'the statement names the task, not its records',
  );
  const { rows } = await query(
    db.pages,
    sql`select id from (${matching}) found order by id limit 4`,
  );
  assert.deepEqual(
    rows,
    [1, 2, 3, 4].map((one) => ({ id: one })),
  );
});

test('whose task is not one’s own, and not one’s to see, has no records', async (t) => {
  const { id, count, context, db } = await setUp(t);
  assert.equal(context.registry.get('cities').seesTasks(eve), false);
  assert.equal(await count(`_task=${id}`, eve), 0);
  assert.equal(await count(`_failed=${id}`, eve), 0);
  await db.pages.query(`update ${db.t.task} set principal_id = $2 where id = $1`, [id, eve.id]);
  assert.equal(await count(`_task=${id}`, eve), 25);
});

test('what is no task, and a task as one of several alternatives, is refused; Prisma alone is never asked', async (t) => {
  const { id, count, context, cities } = await setUp(t);
  for (const filter of [
    '_task=x',
    '_task=0',
    '_task=99999999999',
    `_task=${id}:23514`,
    '_task=-1',
    `_failed=1:a%00`,
    `_1._task=${id}&_1.status=draft`,
  ])
    await assert.rejects(count(filter), { code: 'invalid-filter' }, filter);
  const where = buildWhere(cities, ada, `_task=${id}`);
  await assert.rejects(
    async () => await delegateOf(context.registry.client, cities.model).findMany({ where }),
  );
  await assert.rejects(context.registry.whereSql(cities.model, { OR: [where, { id: 1 }] }));
  await assert.rejects(context.registry.whereSql(cities.model, { NOT: where }));
});
