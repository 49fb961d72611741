import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../../db/database.ts';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import {
  holding,
  manyItems,
  manySteps,
  once,
  ownTasksAdmin,
  whole,
} from '../../testing/own-tasks-admin.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import type { TaskContext } from '../context.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask } from '../looking/queries.ts';
import type { OwnTask, TaskRow } from '../task-row.ts';
import { startRecovery } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const file = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');

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

/** More by command: `BULKHEAD_TEST_KILLS=20`. */
const kills = Number(process.env.BULKHEAD_TEST_KILLS ?? 2);

/** A task of whose work `countDone` counts what is done, of `total`, while workers are killed evenly. */
async function killWhile(
  t: Parameters<typeof testDatabase>[0],
  launch: (context: TaskContext) => Promise<OwnTask>,
  { table, total }: { table: 'dealt' | 'stepped'; total: number },
) {
  const { db, connectionString, defer } = await testDatabase(t);
  await db.pages.query(
    'create table public.dealt (item int); create table public.stepped (n int, was_done boolean)',
  );
  const context = testContext(db, { recoveryIntervalMs: 50 }, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const recovery = startRecovery(context);
  defer(() => recovery.stop());
  const { id } = await launch(context);
  let worker = await startWorkerProcess(connectionString, {}, file);
  defer(() => worker.kill('SIGTERM'));
  const kill = async () => {
    await worker.kill('SIGKILL');
    worker = await startWorkerProcess(connectionString, {}, file);
  };
  const countDone = async () =>
    (await db.pages.query(`select count(*)::int as count from public.${table}`)).rows[0].count;
  for (let killed = 0; killed < kills; killed++) {
    const wanted = Math.max(1, Math.floor((total * (killed + 0.5)) / kills));
    for (let done = 0; done < wanted; done = await countDone()) await wait(2);
    assert.equal(
      (await getTask(context, ada, id)).finishedAt,
      null,
      `kill ${killed} came too late`,
    );
    await kill();
  }
  return { db, id, countDone, kill };
}

/** It has ended, and nothing is left of what it held. */
async function endedFree({ db, id }: { db: Database; id: number }): Promise<TaskRow> {
  const task = await finished(db, id, 60_000);
  for (const left of [db.t.task_slot, db.t.lock_set])
    assert.equal((await db.pages.query(`select from ${left}`)).rowCount, 0, left);
  return task;
}

test(`${kills} workers killed in the middle of 20,000 items: each is dealt with once, and no lock is left`, async (t) => {
  const items = 20_000;
  const launch = (context: TaskContext) =>
    launchOwn(context, manyItems, { items }, { principal: ada });
  const { db, id } = await killWhile(t, launch, { table: 'dealt', total: items });
  const task = await endedFree({ db, id });
  assert.deepEqual([task.state, task.result], ['succeeded', items]);
  const { rows } = await db.pages.query(
    'select count(distinct item)::int as items, count(*)::int as times from public.dealt',
  );
  assert.deepEqual(rows[0], { items, times: items });
});

test(`${kills} workers killed in a chain of steps: none that is kept is done twice, and no lock is left`, async (t) => {
  const steps = 20 * kills;
  const launch = (context: TaskContext) =>
    launchOwn(context, manySteps, { steps }, { principal: ada });
  const { db, id } = await killWhile(t, launch, { table: 'stepped', total: steps });
  const task = await endedFree({ db, id });
  assert.deepEqual([task.state, task.result], ['succeeded', (steps * (steps - 1)) / 2]);
  const { rows } = await db.pages.query(
    'select count(distinct n)::int as steps, count(*) filter (where was_done)::int as again, count(*)::int - count(distinct n)::int <= $1 as "onlyUnderWay" from public.stepped',
    [kills],
  );
  assert.deepEqual(rows[0], { steps, again: 0, onlyUnderWay: true });
});

test(`a task with children, whose workers are killed ${kills + 1} times, does everything once and is not forgotten when its last child has ended`, async (t) => {
  const pieces = 20;
  const launch = (context: TaskContext) =>
    launchOwn(context, whole, { pieces }, { principal: ada });
  const { db, id, countDone, kill } = await killWhile(t, launch, { table: 'dealt', total: 190 });
  const unfinished = async () => {
    const { rows } = await db.pages.query(
      `select count(*)::int as count from ${db.t.task} where parent_id = $1 and finished_at is null`,
      [id],
    );
    return rows[0].count;
  };
  while ((await countDone()) < 200 || (await unfinished()) > 0) await wait(1);
  await kill();
  const task = await endedFree({ db, id });
  assert.deepEqual([task.state, task.result], ['succeeded', pieces]);
  const { rows } = await db.pages.query(
    `select count(distinct item)::int as items, count(*)::int as times, (select count(*)::int from ${db.t.task}) as tasks from public.dealt`,
  );
  assert.deepEqual(rows[0], { items: 200, times: 200, tasks: 21 });
});
