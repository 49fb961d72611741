import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../errors.ts';
import { keyOf } from '../metadata/keys.ts';
import type { Resource } from '../resources/contract.ts';
import { saveContextOf } from '../tasks/launching/save-context.ts';
import { ada, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { createRecord, deleteRecord, type SaveContext, updateRecord } from './save-record.ts';

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}'), ('FRA', 'FR', 'France', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(`insert into gazetteer.tag (name) values ('port'), ('island')`);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude, rating)
     select 'Place ' || n, 'ESP', 'PPL', n, 40.12345, -3, 4.5 from generate_series(1, 30) n`,
  );
  const save = (slug: string) => saveContextOf(context, context.registry.get(slug), ada);
  const changes = async () =>
    (
      await db.pages.query(
        `select kind, fields, keys, first_key, before, after, principal_id from ${db.t.change} order by id`,
      )
    ).rows;
  return { db, context, save, changes };
}

const field = (resource: Resource, name: string) => {
  const found = resource.form.find((candidate) => candidate.name === name);
  assert.ok(found, name);
  return found;
};

const values = (resource: Resource, given: Record<string, unknown>) =>
  new Map(Object.entries(given).map(([name, value]) => [field(resource, name), value]));

const isError = (code: string, status: number, named?: string) => (error: unknown) => {
  assert.ok(error instanceof AppError, String((error as Error).stack));
  assert.deepEqual({ code: error.code, status: error.status }, { code, status });
  if (named)
    assert.ok(
      named in (error.details.fieldErrors as object),
      `${named} in ${JSON.stringify(error.details)}`,
    );
  return true;
};

test('a save writes the chosen fields only, and keeps before and after of exactly what differs', async (t) => {
  const { db, save, changes } = await setUp(t);
  const saving = save('cities');
  const key = keyOf(saving.resource.model, { id: 7 });
  await updateRecord(saving, key, () =>
    values(saving.resource, {
      latitude: '-12.34567',
      tags: ['2', '1'],
      notes: null,
      country: 'FRA',
    }),
  );
  const { rows } = await db.pages.query(
    `select latitude::text, country_code, name from gazetteer.city where id = 7`,
  );
  assert.deepEqual(rows[0], { latitude: '-12.34567', country_code: 'FRA', name: 'Place 7' });
  const [change] = await changes();
  assert.deepEqual(
    [change.kind, change.keys, change.first_key, change.principal_id],
    ['update', [key], key, ada.id],
  );
  assert.deepEqual([...change.fields].sort(), ['countryCode', 'latitude', 'tags', 'updatedAt']);
  assert.equal(change.before.length, 1);
  const { updatedAt: before, ...was } = change.before[0];
  const { updatedAt: after, ...is } = change.after[0];
  assert.deepEqual(was, { latitude: 40.12345, countryCode: 'ESP', tags: [] });
  assert.deepEqual(is, { latitude: -12.34567, countryCode: 'FRA', tags: ['1', '2'] });
  assert.notEqual(before, after);
});

test('creating and deleting keep the whole record', async (t) => {
  const { db, save, changes } = await setUp(t);
  const saving = save('tags');
  const key = await createRecord(saving, values(saving.resource, { name: 'capital' }));
  await deleteRecord(saving, key);
  const [created, deleted] = await changes();
  assert.deepEqual(
    [created.kind, created.before, created.after[0].name],
    ['create', null, 'capital'],
  );
  assert.deepEqual(
    [deleted.kind, deleted.before[0].name, deleted.after],
    ['delete', 'capital', null],
  );
  assert.equal((await db.pages.query(`select 1 from gazetteer.tag`)).rowCount, 2);
});

test('a value that another record has is an error of its field, and nothing is written', async (t) => {
  const { save, changes } = await setUp(t);
  const saving = save('tags');
  await assert.rejects(
    createRecord(saving, values(saving.resource, { name: 'port' })),
    isError('invalid-record', 422, 'name'),
  );
  const key = keyOf(saving.resource.model, { id: 2 });
  await assert.rejects(
    updateRecord(saving, key, () => values(saving.resource, { name: 'port' })),
    isError('invalid-record', 422, 'name'),
  );
  assert.deepEqual(await changes(), []);
});

test('a relation to what does not exist is an error of its field', async (t) => {
  const { save, changes } = await setUp(t);
  const saving = save('cities');
  const key = keyOf(saving.resource.model, { id: 7 });
  await assert.rejects(
    updateRecord(saving, key, () => values(saving.resource, { country: 'XXX' })),
    isError('invalid-record', 422, 'country'),
  );
  await assert.rejects(
    updateRecord(saving, key, () => values(saving.resource, { tags: ['99'] })),
    isError('invalid-record', 422),
  );
  assert.deepEqual(await changes(), []);
});

test('a record that others point at is not deleted', async (t) => {
  const { save, changes } = await setUp(t);
  const saving = save('countries');
  await assert.rejects(deleteRecord(saving, 'ESP'), isError('invalid-record', 422));
  assert.deepEqual(await changes(), []);
});

test('a choice outside the scope of the related resource does not exist, and links that may not be seen stay', async (t) => {
  const { db, context, save, changes } = await setUp(t);
  const narrowed = (slug: string, related: string, scope: object): SaveContext => {
    const whole = context.registry.for(ada, slug);
    const other = context.registry.for(ada, related);
    const resource: Resource = {
      ...whole,
      related: (model) =>
        model === other.model.name
          ? { ...other, scope: () => ({ ...scope }) }
          : whole.related(model),
    };
    return { ...save(slug), resource };
  };
  const country = narrowed('countries', 'cities', { id: { lt: 10 } });
  const capital = (id: number) => () => values(country.resource, { capitalCity: id });
  await assert.rejects(
    updateRecord(country, 'ESP', capital(10)),
    isError('invalid-record', 422, 'capitalCity'),
  );
  assert.deepEqual(await changes(), []);
  assert.equal(await updateRecord(country, 'ESP', capital(9)), true);

  await db.pages.query(`insert into gazetteer."_CityToTag" values (7, 1)`);
  const city = narrowed('cities', 'tags', { name: 'island' });
  const key = keyOf(city.resource.model, { id: 7 });
  await assert.rejects(
    updateRecord(city, key, () => values(city.resource, { tags: ['1', '2'] })),
    isError('invalid-record', 422, 'tags'),
  );
  await updateRecord(city, key, () => values(city.resource, { tags: ['2'] }));
  await updateRecord(city, key, () => values(city.resource, { tags: [] }));
  const { rows } = await db.pages.query(
    `select "B" as tag from gazetteer."_CityToTag" where "A" = 7`,
  );
  assert.deepEqual(rows, [{ tag: 1 }]);
});

test('what a check constraint or a trigger refuses is an error of the form', async (t) => {
  const { db, save, changes } = await setUp(t);
  await db.pages.query(
    `alter table gazetteer.city add constraint positive check (population >= 0)`,
  );
  const saving = save('cities');
  const key = keyOf(saving.resource.model, { id: 7 });
  await assert.rejects(
    updateRecord(saving, key, () => values(saving.resource, { population: -1 })),
    isError('invalid-record', 422),
  );
  assert.deepEqual(await changes(), []);
});

test('a record that a task holds is neither saved nor deleted, and the holder is named', async (t) => {
  const { db, context, save, changes } = await setUp(t);
  const saving = save('cities');
  const { model } = saving.resource;
  const keys = Array.from({ length: 25 }, (_, index) => keyOf(model, { id: index + 1 }));
  const { task } = await launchOn(context, saving.resource, { keys }, 'update', {
    field: 'status',
    'value.status': 'published',
  });
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
    [task.id, keys, keys[0], keys.at(-1)],
  );
  const isLocked = (error: unknown) => {
    isError('locked', 423)(error);
    assert.equal(((error as AppError).details.holder as { taskId: number }).taskId, task.id);
    assert.match((error as AppError).message, /Ada/);
    return true;
  };
  await assert.rejects(
    updateRecord(saving, keys[6] as string, () => values(saving.resource, { name: 'Elsewhere' })),
    isLocked,
  );
  await assert.rejects(deleteRecord(saving, keys[6] as string), isLocked);
  await updateRecord(saving, keyOf(model, { id: 30 }), () =>
    values(saving.resource, { name: 'Elsewhere' }),
  );
  assert.equal((await changes()).length, 1);
});

test('a record that is gone is not found', async (t) => {
  const { save } = await setUp(t);
  const saving = save('cities');
  const key = keyOf(saving.resource.model, { id: 999 });
  await assert.rejects(
    updateRecord(saving, key, () => values(saving.resource, { name: 'x' })),
    isError('not-found', 404),
  );
  await assert.rejects(deleteRecord(saving, key), isError('not-found', 404));
});

test('JSON is cleared and written', async (t) => {
  const { db, save } = await setUp(t);
  const saving = save('countries');
  await updateRecord(saving, 'ESP', () =>
    values(saving.resource, { currencies: { EUR: { name: 'Euro' } } }),
  );
  const { rows } = await db.pages.query(
    `select currencies from gazetteer.country where code = 'ESP'`,
  );
  assert.deepEqual(rows[0].currencies, { EUR: { name: 'Euro' } });
});
