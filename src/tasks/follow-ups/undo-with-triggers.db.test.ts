import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';
import { undo } from './undo.ts';

const notes = { field: 'notes', 'value.notes': 'changed' };
const tagged = {
  field: ['notes', 'tags'],
  'value.notes': 'changed',
  'change.tags': 'add',
  'value.tags': ['1'],
};

/** Thirty places whose notes a trigger writes in capitals from now on. */
async function setUp(t: TestContext, { minAsyncRecords = 1, version = 18 } = {}) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(
    { ...db, version: Math.min(db.version, version) },
    {},
    { minAsyncRecords },
  );
  await insertPlaces(db, 30);
  await db.pages.query(`update gazetteer.city set notes = 'old'`);
  await db.pages.query(`
    create function gazetteer.shout() returns trigger language plpgsql as $$
      begin new.notes := upper(new.notes); new.updated_at := clock_timestamp(); return new; end $$;
    create trigger shout before insert or update on gazetteer.city for each row execute function gazetteer.shout();
  `);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const state = async () => {
    const { rows } =
      await db.pages.query(`select notes, count(*)::int as places, (select count(*)::int from gazetteer."_CityToTag") as links
      from gazetteer.city group by notes`);
    return rows;
  };
  const run = async (operation: 'update' | 'delete', body: Record<string, unknown>) =>
    finished(
      db,
      (
        await launchOn(
          context,
          context.registry.get('cities'),
          { kind: 'matching' },
          operation,
          body,
        )
      ).task.id,
    );
  const undone = async (task: TaskRow) => {
    const end = await finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null })).task.id,
    );
    assert.deepEqual([end.state, end.changed, end.failed], ['succeeded', 30, 0]);
    return end;
  };
  return { run, undone, state };
}

for (const [how, body, options] of [
  ['in the background', notes, {}],
  ['within the request', notes, { minAsyncRecords: 1_000 }],
  ['with links beside it', tagged, {}],
  ['on a server that cannot return old values', notes, { version: 17 }],
] as const) {
  test(`a column that a trigger alters is put back, and again, when it was changed ${how}`, async (t) => {
    const { run, undone, state } = await setUp(t, options);
    const links = body === tagged ? 30 : 0;
    const task = await run('update', body);
    assert.deepEqual(await state(), [{ notes: 'CHANGED', places: 30, links }]);
    const undoing = await undone(task);
    assert.deepEqual(await state(), [{ notes: 'OLD', places: 30, links: 0 }]);
    const redoing = await undone(undoing);
    assert.deepEqual(await state(), [{ notes: 'CHANGED', places: 30, links }]);
    await undone(redoing);
    assert.deepEqual(await state(), [{ notes: 'OLD', places: 30, links: 0 }]);
  });
}

test('records that a trigger alters as they come back can be deleted again', async (t) => {
  const { run, undone, state } = await setUp(t);
  const undoing = await undone(await run('delete', { acknowledge: 'yes' }));
  assert.deepEqual(await state(), [{ notes: 'OLD', places: 30, links: 0 }]);
  await undone(await undone(undoing));
  assert.deepEqual(await state(), [{ notes: 'OLD', places: 30, links: 0 }]);
});
