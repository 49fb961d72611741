import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/torture-metadata/metadata.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { keepByColumn } from '../../testing/image-form.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { startWorker } from '../worker/worker.ts';
import { undo } from './undo.ts';

async function setUp<M extends 'Defaulted' | 'Required' | 'Everything'>(
  t: TestContext,
  model: M,
  options: TypedResourceOptions<typeof metadata, M> = {},
) {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  const admin = {
    ...tortureAdmin,
    resources: [defineResource(metadata, model, { slug: 'odd', ...options })],
  };
  const context = testContext(db, {}, { minAsyncRecords: 1 }, admin);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const resource = context.registry.get('odd');
  const { table } = resource.model;
  const run = async (operation: 'update' | 'delete', body: Record<string, unknown>) =>
    finished(
      db,
      (await launchOn(context, resource, { kind: 'matching' }, operation, body)).task.id,
    );
  /** What is in the table, before, while, and after something is done and taken back. */
  async function doAndUndo(
    operation: 'update' | 'delete',
    body: Record<string, unknown>,
  ): Promise<void> {
    for (const isByColumn of [true, false]) {
      await keepByColumn(db, isByColumn);
      await doAndUndoOnce(operation, body);
    }
  }

  async function doAndUndoOnce(
    operation: 'update' | 'delete',
    body: Record<string, unknown>,
  ): Promise<void> {
    const rows = async () =>
      (await db.pages.query(`select t::text as row from ${table} t order by 1`)).rows;
    const before = await rows();
    const task = await run(operation, body);
    assert.deepEqual([task.state, task.changed], ['succeeded', before.length], task.message ?? '');
    assert.notDeepEqual(await rows(), before);
    const undoing = await finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })).task.id,
    );
    assert.deepEqual(
      [undoing.state, undoing.changed],
      ['succeeded', before.length],
      undoing.message ?? '',
    );
    assert.deepEqual(await rows(), before);
  }
  return { db, table, doAndUndo };
}

test('a column that the database generates is in nobody’s way when a change through the client is undone', async (t) => {
  const { doAndUndo } = await setUp(t, 'Defaulted', { writeThrough: 'client' });
  await doAndUndo('update', { field: 'note', 'value.note': 'loud' });
});

for (const operation of ['update', 'delete'] as const) {
  test(`a required JSON column that holds null is as it was after a${operation === 'update' ? 'n update' : ' delete'} is undone`, async (t) => {
    const { db, table, doAndUndo } = await setUp(t, 'Required');
    await db.pages.query(`update ${table} set json = 'null'`);
    await doAndUndo(operation, { field: 'json', 'value.json': '{"n":1}', acknowledge: 'yes' });
  });
}

for (const operation of ['update', 'delete'] as const) {
  test(`a column of JSON text keeps its very text when a${operation === 'update' ? 'n update' : ' delete'} is undone`, async (t) => {
    const { db, table, doAndUndo } = await setUp(t, 'Everything');
    await db.pages.query(`update ${table} set "jsonText" = '{"b": 1,  "a":1, "a":2.50}'`);
    await doAndUndo(operation, {
      field: 'jsonText',
      'value.jsonText': '{"n":1}',
      acknowledge: 'yes',
    });
  });
}
