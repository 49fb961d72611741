import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../metadata/keys.ts';
import { createSelection } from '../../selection/selection.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { lookAhead } from '../previewing/look-ahead.ts';
import { createPreview } from '../previewing/preview.ts';
import { defaultRunOptions } from '../run-options.ts';
import { startWorker } from '../worker/worker.ts';
import { confirmPreview } from './confirm-preview.ts';

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  await insertPlaces(db, 30);
  const preview = async () => {
    const keys = Array.from({ length: 30 }, (_, index) => keyOf(cities.model, { id: index + 1 }));
    const { id } = await createSelection(db, ada, cities, {
      kind: 'ticked',
      filter: '',
      keys,
      exclusions: [],
    });
    const parameters = { changes: [{ field: 'status', change: 'set', value: 'published' }] };
    const made = await createPreview(context, {
      resource: cities,
      principal: ada,
      operation: 'update',
      selectionId: id,
      parameters,
    });
    return lookAhead(context, { resource: cities, principal: ada, preview: made });
  };
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const confirm = async (previewId: string) => {
    const options = { ...defaultRunOptions, skipChanged: true };
    const { task } = await confirmPreview(context, {
      resource: cities,
      principal: ada,
      previewId,
      options,
    });
    const { changed, conflicted, state } = await finished(db, task.id);
    return { changed, conflicted, state };
  };
  const draft = async () =>
    (
      await db.pages.query(`select id from gazetteer.city where status = 'draft' order by 1`)
    ).rows.map(({ id }) => id);
  return { db, preview, confirm, draft };
}

test('records that somebody changes after the preview are left alone, whichever column, inside a savepoint or not', async (t) => {
  const { db, preview, confirm, draft } = await setUp(t);
  const { id } = await preview();
  await db.pages.query(`update gazetteer.city set notes = 'x' where id = 3`);
  const client = await db.pages.connect();
  await client.query(
    `begin; savepoint one; update gazetteer.city set notes = 'y' where id = 4; release one; commit`,
  );
  client.release();
  assert.deepEqual(await confirm(id), { changed: 28, conflicted: 2, state: 'partial' });
  assert.deepEqual(await draft(), [3, 4]);
  const { rows } = await db.pages.query(
    `select code, is_conflict, cardinality(keys) as count from ${db.t.task_failure}`,
  );
  assert.deepEqual(rows, [{ code: 'changed-since-preview', is_conflict: true, count: 2 }]);
});

test('a write inside a savepoint before the preview is no change since', async (t) => {
  const { db, preview, confirm, draft } = await setUp(t);
  const client = await db.pages.connect();
  await client.query(`begin; savepoint one; update gazetteer.city set notes = 'y' where id = 4; release one;
    savepoint two; update gazetteer.city set notes = 'z' where id = 5; rollback to two; commit`);
  client.release();
  const { id } = await preview();
  assert.deepEqual(await confirm(id), { changed: 30, conflicted: 0, state: 'succeeded' });
  assert.deepEqual(await draft(), []);
});

test('what a transaction writes that was open at the preview is a change since', async (t) => {
  const { db, preview, confirm, draft } = await setUp(t);
  const client = await db.pages.connect();
  await client.query(`begin; update gazetteer.city set notes = 'y' where id = 4`);
  const { id } = await preview();
  await client.query('commit');
  client.release();
  assert.deepEqual(await confirm(id), { changed: 29, conflicted: 1, state: 'partial' });
  assert.deepEqual(await draft(), [4]);
});

test('who writes for long in another database makes nothing look changed', async (t) => {
  const other = await testDatabase(t);
  const elsewhere = await other.db.pages.connect();
  await elsewhere.query('begin; create table held (id int)');
  const { db, preview, confirm } = await setUp(t);
  const writer = await db.pages.connect();
  const { id } = await preview();
  await writer.query(`begin; update gazetteer.city set notes = 'x' where id = 3; commit`);
  assert.deepEqual(await confirm(id), { changed: 29, conflicted: 1, state: 'partial' });
  writer.release();
  await elsewhere.query('rollback');
  elsewhere.release();
});
