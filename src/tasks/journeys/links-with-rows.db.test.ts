import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { type Hold, holdOnly, holds } from '../../testing/holding.ts';
import { openAsKeeper } from '../../testing/keeper.ts';
import { oddCitiesSql } from '../../testing/odd-cities.ts';
import { insertPlaces } from '../../testing/places.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import { undo } from '../follow-ups/undo.ts';
import type { TaskRow } from '../task-row.ts';

type Options = TypedResourceOptions<typeof metadata, 'City'>;

const ways: Readonly<Record<string, Options>> = {
  sql: {},
  hooks: { hooks: { beforeSave: () => undefined } },
  client: { writeThrough: 'client' },
};

/** Places 1 to 4 are held, each in a way of its own; the fifth is free. */
const held: readonly (readonly [string, Hold])[] = holds.map(
  (hold, index) => [String(index + 1), hold] as const,
);
const five = [1, 2, 3, 4, 5];

async function setUp(t: TestContext, options: Options = {}) {
  const database = await testDatabase(t);
  const own = new pg.Client({ connectionString: database.connectionString });
  await own.connect();
  database.defer(() => own.end());
  await own.query(oddCitiesSql('plain'));
  await insertPlaces(database.db, five.length);
  const { db } = await openAsKeeper(database, ['gazetteer']);
  const context = testContext(
    db,
    {},
    {},
    {
      ...sample,
      schedules: [],
      resources: [defineResource(metadata, 'City', options), ...sample.resources.slice(1)],
    },
  );
  const hold = (entries: typeof held) => holdOnly(own, 'gazetteer', 'City', entries);
  const run = (operation: 'update' | 'delete', body: Record<string, unknown>) => {
    const keys = five.map((id) => String(id).padStart(20, '0'));
    return runAtOnce(
      context,
      launchOn(context, context.registry.get('cities'), { keys }, operation, body, ada, {
        inBackground: true,
      }),
    );
  };
  const takeBack = ({ id }: TaskRow) =>
    runAtOnce(context, undo(context, ada, id, { operationId: randomUUID(), chosen: null }));
  /** By place, its notes and tags. */
  const table = async () => {
    const { rows } = await own.query<{ id: number; notes: string | null; tags: number[] }>(
      `select id, notes, array(select "B" from gazetteer."_CityToTag" where "A" = city.id order by 1) as tags from gazetteer.city order by id`,
    );
    return Object.fromEntries(rows.map(({ id, notes, tags }) => [id, [notes, ...tags].join(' ')]));
  };
  const link = (tag: number) =>
    own.query('insert into gazetteer."_CityToTag" select id, $1 from gazetteer.city', [tag]);
  return { hold, run, takeBack, table, link };
}

const counts = ({ changed, unchanged, failed, keptBack }: TaskRow) => ({
  changed,
  unchanged,
  failed,
  keptBack,
});
const addTag = { field: 'tags', 'change.tags': 'add', 'value.tags': ['2'] };
const notesAndTag = { ...addTag, field: ['notes', 'tags'], 'value.notes': 'new' };

for (const [way, options] of Object.entries(ways)) {
  test(`links are written with their row or not at all, and told so: ${way}`, async (t) => {
    const { hold, run, takeBack, table, link } = await setUp(t, options);
    await hold(held);
    // A row that is put back as it was does not hold its links; and the project's client writes
    // links alone, past triggers of the row.
    const added = await run('update', addTag);
    const isRowWritten = way !== 'client';
    assert.deepEqual(await table(), {
      1: isRowWritten ? '' : ' 2',
      2: ' 2',
      3: isRowWritten ? '' : ' 2',
      4: '',
      5: ' 2',
    });
    const outcome = isRowWritten
      ? { changed: 2, failed: 1, keptBack: 2 }
      : { changed: 4, failed: 0, keptBack: 1 };
    assert.deepEqual(counts(added), { unchanged: 0, ...outcome });
    await hold([]);
    await takeBack(added);
    await link(2);
    await hold(held);
    const both = await run('update', notesAndTag);
    assert.deepEqual(await table(), { 1: ' 2', 2: ' 2', 3: ' 2', 4: ' 2', 5: 'new 2' });
    // Of a row that is not returned Prisma says that it is not there.
    assert.deepEqual(counts(both), {
      changed: 1,
      unchanged: 0,
      ...(isRowWritten ? { failed: 1, keptBack: 3 } : { failed: 2, keptBack: 2 }),
    });
  });
}

test('an undo takes links back with their row or not at all, and tells so', async (t) => {
  const { hold, run, takeBack, table } = await setUp(t);
  const task = await run('update', notesAndTag);
  await hold(held);
  const undone = await takeBack(task);
  assert.deepEqual(await table(), { 1: 'new 2', 2: 'new', 3: 'new 2', 4: 'new 2', 5: '' });
  assert.deepEqual(counts(undone), { changed: 2, unchanged: 0, failed: 1, keptBack: 2 });
});

test('an undo of a delete that the database keeps back says so, links or none', async (t) => {
  const { hold, run, takeBack, table, link } = await setUp(t);
  await link(1);
  const task = await run('delete', { acknowledge: 'yes' });
  assert.equal(task.changed, 5);
  await hold(held);
  const undone = await takeBack(task);
  assert.deepEqual(await table(), { 2: ' 1', 5: ' 1' });
  assert.deepEqual(counts(undone), { changed: 2, unchanged: 0, failed: 2, keptBack: 1 });
});
