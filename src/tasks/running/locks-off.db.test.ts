import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { assertFree } from '../looking/assert-free.ts';
import { listHolders } from '../looking/holders.ts';

/** Two resources of one model: `cities` holds what it changes, `counters` holds nothing. */
async function setUp(t: TestContext) {
  const { db } = await testDatabase(t);
  const counters = defineResource(metadata, 'City', {
    slug: 'counters',
    bulk: { locks: { off: 'Counting hurts nobody.' } },
  });
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], resources: [...sample.resources, counters] },
  );
  await insertPlaces(db, 40);
  const key = (id: number) => keyOf(metadata.models.City, { id });
  const keys = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => key(from + index));
  const launch = (slug: string, from: number, to: number, value: string) =>
    launchOn(context, context.registry.get(slug), { keys: keys(from, to) }, 'update', {
      field: 'status',
      'value.status': value,
    });
  return {
    db,
    launch,
    /** A task of this resource that is at places 1 to 25. */
    async held(slug: string) {
      const { task } = await launch(slug, 1, 25, 'published');
      const mine = keys(1, 25);
      await db.pages.query(
        `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
        [task.id, mine, mine[0], mine.at(-1)],
      );
      return task;
    },
    assertFree: (slug: string, id: number) =>
      assertFree(db.pages, db.t, context.registry.get(slug), key(id)),
    holders: async () => (await listHolders(db, 'City', keys(1, 25))).size,
  };
}

test('a task without locks is in nobody’s way, and says why', async (t) => {
  const { launch, held, assertFree, holders } = await setUp(t);
  const task = await held('counters');
  assert.equal(task.locksOffReason, 'Counting hurts nobody.');
  assert.equal(await holders(), 0);
  await assertFree('cities', 7);
  assert.equal((await launch('cities', 5, 9, 'archived')).outcome, 'inline');
});

test('nobody is in the way of a resource without locks', async (t) => {
  const { launch, held, assertFree } = await setUp(t);
  assert.equal((await held('cities')).locksOffReason, null);
  await assertFree('counters', 7);
  assert.equal((await launch('counters', 5, 9, 'archived')).outcome, 'inline');
  await assert.rejects(assertFree('cities', 7), { code: 'locked' });
  await assert.rejects(launch('cities', 5, 9, 'archived'), { code: 'overlap' });
});
