import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';

async function setUp(
  t: TestContext,
  bulk: TypedResourceOptions<typeof metadata, 'City'>['bulk'],
  records = 50,
) {
  const { db } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', bulk ? { bulk } : {});
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], resources: [cities, ...sample.resources.slice(1)] },
  );
  await insertPlaces(db, records);
  const resource = context.registry.get('cities');
  return async (count: number, operation: 'update' | 'delete' = 'update') => {
    const keys = Array.from({ length: count }, (_, index) =>
      keyOf(resource.model, { id: index + 1 }),
    );
    const body =
      operation === 'update'
        ? { field: 'status', 'value.status': 'archived' }
        : { acknowledge: 'yes' };
    const selected = count === records ? { kind: 'matching' as const } : { keys };
    const { task } = await launchOn(context, resource, selected, operation, body);
    return [task.backend, task.changed];
  };
}

test('a resource’s own threshold decides', async (t) => {
  const launch = await setUp(t, { minAsyncRecords: 40 });
  assert.deepEqual(
    [await launch(39), await launch(40)],
    [
      ['inline', 39],
      ['queue', 0],
    ],
  );
});

test('a rule decides by count, kind, operation and principal', async (t) => {
  const asked: unknown[] = [];
  const launch = await setUp(t, {
    runInBackground(selection, principal) {
      asked.push([selection.count, selection.kind, selection.operation, principal.name]);
      return selection.operation === 'delete';
    },
  });
  assert.deepEqual(await launch(50), ['inline', 50]);
  assert.deepEqual(await launch(2, 'delete'), ['queue', 0]);
  assert.deepEqual(asked[0], [50, 'matching', 'update', 'Ada']);
  assert.deepEqual(asked.at(-1), [2, 'ticked', 'delete', 'Ada']);
});

test('without a background everything is done within the request, up to what a request can do', async (t) => {
  const few = await setUp(t, { background: false });
  assert.deepEqual(await few(45), ['inline', 45]);
  const many = await setUp(t, { background: false }, 10_001);
  await assert.rejects(many(10_001), {
    code: 'too-many-records',
    message: 'At most 10,000 cities can be changed at once.',
  });
  assert.deepEqual(await many(10_000), ['inline', 10_000]);
});

test('a rule does not hold a request up for more than it can do', async (t) => {
  const launch = await setUp(t, { runInBackground: () => false }, 10_001);
  assert.deepEqual(await launch(10_001), ['queue', 0]);
});
