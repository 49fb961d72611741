import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTaskManager, TaskNotSucceeded } from './task-manager.ts';
import { startWorker } from './tasks/worker/worker.ts';
import { ada, insertPrincipals, testContext } from './testing/context.ts';
import { testDatabase } from './testing/database.ts';
import { holding, ownTasksAdmin } from './testing/own-tasks-admin.ts';
import { insertPlaces } from './testing/places.ts';

test('code launches, follows, waits for and cancels tasks over the database of pages and workers', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPrincipals(db);
  await insertPlaces(db, 30);
  const tasks = await createTaskManager({ admin: ownTasksAdmin, databaseUrl: connectionString });
  defer(() => tasks.close());
  const waiting = await tasks.launch(holding, { country: 'ESP', ms: 10 });
  assert.deepEqual(
    [waiting.state, waiting.name, waiting.title, waiting.resource, waiting.isFinished],
    ['queued', 'holding', 'Hold ESP', null, false],
  );
  await assert.rejects(tasks.wait(waiting, { timeoutMs: 50 }), {
    code: 'not-finished',
    status: 409,
  });
  const { rows } = await db.pages.query(`select principal_id from ${db.t.task}`);
  assert.deepEqual(rows, [{ principal_id: 'system:code' }]);

  const context = testContext(db, {}, {}, ownTasksAdmin);
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  assert.equal(await tasks.wait(waiting), 1);

  const operationId = '00000000-0000-4000-8000-000000000999';
  const params = { country: 'FRA', ms: 60_000 };
  const long = await tasks.launch(holding, params, { principal: ada, operationId });
  const again = await tasks.launch(holding, params, { principal: ada, operationId });
  assert.equal(again.id, long.id);
  const asked = await tasks.cancel(long.id);
  assert.ok(asked.state === 'cancelling' || asked.state === 'cancelled');
  await assert.rejects(tasks.wait(long), (error) => {
    assert.ok(error instanceof TaskNotSucceeded);
    assert.deepEqual([error.task.id, error.task.state], [long.id, 'cancelled']);
    return true;
  });
  await assert.rejects(tasks.cancel(long.id), { code: 'task-finished', status: 409 });
  await assert.rejects(tasks.get(4_711), { status: 404 });

  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    where: { status: { not: 'archived' } },
    parameters: { status: 'archived' },
  });
  await tasks.wait(bulk);
  const done = await tasks.get(bulk.id);
  assert.deepEqual(
    [done.state, done.done, done.total, done.resource],
    ['succeeded', 30, 30, 'cities'],
  );
});
