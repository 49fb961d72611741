import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import {
  computing,
  computingAlone,
  holding,
  ownTasksAdmin,
} from '../../testing/own-tasks-admin.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { listConflicts } from '../looking/conflicts.ts';
import { getTask } from '../looking/queries.ts';
import { advance } from '../worker/advance.ts';
import { recover } from '../worker/recovery.ts';
import { launchOwn } from './launch-own.ts';

const worker = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');
/**
 * They pass for whoever asks how long it has taken; by the clock they do by command:
 * `BULKHEAD_TEST_COMPUTING_MS=120000`.
 */
const twoMinutesMs = 120_000;
const computingMs = Number(process.env.BULKHEAD_TEST_COMPUTING_MS ?? 1_000);

test('two minutes of computing are one attempt, in a worker or in a process of its own, and another worker goes on', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-computing-'));
  defer(() => rm(folder, { recursive: true }));
  const file = join(folder, 'enough');
  const start = async (places: number) => {
    const started = await startWorkerProcess(
      connectionString,
      { BULKHEAD_PLACES: String(places) },
      worker,
    );
    defer(() => started.kill('SIGKILL'));
  };
  const countries = ['ESP', 'FRA'];
  const holders = async () => {
    const conflicts = await listConflicts(context, [{ resource: 'countries', keys: countries }]);
    return conflicts.map(({ holder }) => holder.taskId);
  };
  const launch = async (definition: typeof computing, country: string) =>
    (await launchOwn(context, definition, { country, file }, { principal: ada })).id;
  const untilHeld = async (count: number) => {
    for (const end = Date.now() + 60_000; (await holders()).length < count; await wait(20))
      assert.ok(Date.now() < end, 'it does not come to hold its record');
  };
  const ids = [await launch(computing, 'ESP')];
  await start(1);
  await untilHeld(1);
  ids.push(await launch(computingAlone, 'FRA'));
  await start(2);
  await untilHeld(2);

  await wait(computingMs);
  await advance(context, twoMinutesMs);
  for (const [table, column] of [
    [db.t.task, 'woken_at'],
    [db.t.task_slot, 'taken_at'],
  ])
    await db.pages.query(`update ${table} set ${column} = ${column} - interval '2 minutes'`);
  for (let looks = 0; looks < 3; looks++) await recover(context);
  const small = { country: 'PRT', ms: 1 };
  for (let n = 0; n < 3; n++) {
    const { id } = await launchOwn(context, holding, small, { principal: ada });
    assert.equal((await finished(db, id)).state, 'succeeded');
  }
  for (const id of ids) assert.equal((await getTask(context, ada, id)).state, 'running');
  assert.deepEqual(await holders(), ids);

  await writeFile(file, '');
  for (const id of ids) {
    const task = await finished(db, id);
    assert.deepEqual(
      [task.state, task.result, task.attempts, task.failedAttempts, task.deaths],
      ['succeeded', true, 1, 0, 0],
    );
  }
  assert.deepEqual(await holders(), []);
});
