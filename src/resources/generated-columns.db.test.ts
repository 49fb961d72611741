import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { updateOperation } from '../operations/update/update.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { ada, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { defineResource } from './define-resource.ts';
import { markGenerated } from './generated-columns.ts';

test('a column that the database fills in, by an expression or as an identity, is shown and never written', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 30);
  await db.pages.query(`
    alter table gazetteer.city drop column notes, drop column population;
    alter table gazetteer.city add column notes text generated always as (lower(name)) stored,
      add column population int not null generated always as identity;
  `);
  const definitions = ['City', 'Country', 'Tag'].map((model) =>
    defineResource(metadata, model as 'City'),
  );
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], resources: await markGenerated(definitions, db.pages) },
  );
  const cities = context.registry.get('cities');
  const namesOf = (fields: readonly { name: string }[]) => fields.map(({ name }) => name);
  for (const name of ['notes', 'population']) {
    assert.ok(namesOf(cities.show).includes(name));
    assert.equal(cities.fields.find((field) => field.name === name)?.isReadOnly, true);
    assert.equal(namesOf(cities.form).includes(name), false);
    assert.equal(namesOf(cities.bulkFields).includes(name), false);
    assert.throws(() => updateOperation.parse(cities, { field: name, [`value.${name}`]: '1' }), {
      code: 'invalid-operation',
    });
  }
  assert.ok(namesOf(cities.bulkFields).includes('status'));

  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const rows = async () => (await db.pages.query('select * from gazetteer.city order by id')).rows;
  const before = await rows();
  assert.equal(before[0].notes, 'place 1');
  for (const [operation, body] of [
    ['update', { field: 'name', 'value.name': 'LOUD' }],
    ['delete', { acknowledge: 'yes' }],
  ] as const) {
    const { task } = await launchOn(context, cities, { kind: 'matching' }, operation, body);
    assert.equal((await finished(db, task.id)).changed, 30);
    assert.notDeepEqual(await rows(), before);
    const undoing = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    const end = await finished(db, undoing.task.id);
    assert.deepEqual([end.state, end.changed], ['succeeded', 30]);
    assert.deepEqual(await rows(), before);
  }
});

test('a definition that would have people change such a column is refused at the start, by name', async (t) => {
  const { db } = await testDatabase(t);
  await db.pages.query(
    'alter table gazetteer.city drop column notes, add column notes text generated always as (lower(name)) stored',
  );
  const resources = await markGenerated(sample.resources, db.pages);
  assert.throws(() => testContext(db, {}, {}, { ...sample, schedules: [], resources }), {
    name: 'DefinitionError',
    message: /City, bulk\.fields: "notes" is read-only\./,
  });
});
