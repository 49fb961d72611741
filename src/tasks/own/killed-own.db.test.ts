import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { holding, once, ownTasksAdmin, whole } from '../../testing/own-tasks-admin.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask } from '../looking/queries.ts';
import { startRecovery } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const file = join(import.meta.dirname, '../../testing/own-tasks-worker.ts');

test('a task whose worker is killed is taken by another, one that is never to run twice has failed, and no lock is left', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { recoveryIntervalMs: 100 }, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const recovery = startRecovery(context);
  defer(() => recovery.stop());
  const params = { country: 'ESP', ms: 3_000 };
  const launch = async (definition: typeof holding, country: string) =>
    (await launchOwn(context, definition, { ...params, country }, { principal: ada })).id;
  const tasks = [await launch(holding, 'ESP'), await launch(once as typeof holding, 'FRA')];
  let worker = await startWorkerProcess(connectionString, {}, file);
  defer(() => worker.kill('SIGTERM'));
  for (const id of tasks) while ((await getTask(context, ada, id)).done === 0) await wait(20);
  const holderOf = async (key: string) =>
    (await findHolder(db.pages, db.t, 'Country', key))?.taskId ?? null;
  assert.deepEqual([await holderOf('ESP'), await holderOf('FRA')], tasks);

  await worker.kill('SIGKILL');
  const [, failed] = [null, await finished(db, tasks[1] as number, 10_000)];
  assert.deepEqual(
    [failed.state, failed.reason, failed.message],
    ['failed', 'worker-died', 'Its worker died while it ran.'],
  );
  assert.deepEqual(
    [await holderOf('ESP'), await holderOf('FRA')],
    [tasks[0], null],
    'who is to go on keeps what it holds',
  );

  worker = await startWorkerProcess(connectionString, {}, file);
  const task = await finished(db, tasks[0] as number, 20_000);
  assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', 2, 1]);
  assert.equal(await holderOf('ESP'), null);
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});

test('a task with children, whose workers are killed six times, does everything once and is not forgotten when its last child has ended', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await db.pages.query('create table public.dealt (item int)');
  const context = testContext(db, { recoveryIntervalMs: 50 }, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const recovery = startRecovery(context);
  defer(() => recovery.stop());
  const { id } = await launchOwn(context, whole, { pieces: 20 }, { principal: ada });
  let worker = await startWorkerProcess(connectionString, {}, file);
  defer(() => worker.kill('SIGTERM'));
  const dealt = async () =>
    (await db.pages.query('select count(*)::int as count from public.dealt')).rows[0].count;
  const unfinished = async () => {
    const { rows } = await db.pages.query(
      `select count(*)::int as count from ${db.t.task} where parent_id = $1 and finished_at is null`,
      [id],
    );
    return rows[0].count;
  };
  for (const wanted of [1, 40, 80, 120, 160]) {
    while ((await dealt()) < wanted) await wait(2);
    await worker.kill('SIGKILL');
    worker = await startWorkerProcess(connectionString, {}, file);
  }
  while ((await dealt()) < 200 || (await unfinished()) > 0) await wait(1);
  await worker.kill('SIGKILL');
  worker = await startWorkerProcess(connectionString, {}, file);
  const task = await finished(db, id, 20_000);
  assert.deepEqual([task.state, task.result], ['succeeded', 20]);
  const { rows } = await db.pages.query(
    `select count(distinct item)::int as items, count(*)::int as times, (select count(*)::int from ${db.t.task}) as tasks from public.dealt`,
  );
  assert.deepEqual(rows[0], { items: 200, times: 200, tasks: 21 });
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});
