import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { holding, ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { getTask } from '../looking/queries.ts';
import { launchOwn } from '../own/launch-own.ts';
import { takeOwn } from '../own/take-own.ts';
import { recover } from './recovery.ts';

test('what a worker took when it was buried already is taken from it as from any that died', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, {}, ownTasksAdmin);
  const params = { country: 'ESP', ms: 1 };
  const { id } = await launchOwn(context, holding, params, { principal: ada });
  const workerId = '00000000-0000-4000-8000-0000000000bb';
  await takeOwn(context, { workerId, pool: db.background, queues: null, backends: ['queue'] }, 1);
  assert.equal((await getTask(context, ada, id)).state, 'running');
  await recover(context);
  const task = await getTask(context, ada, id);
  assert.deepEqual([task.state, task.kind === 'own' && task.failedAttempts], ['queued', 1]);
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});
