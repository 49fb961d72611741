import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { buildTaskDefinitions } from '../../task-definitions/task-definitions.ts';
import { testApp } from '../../testing/app.ts';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { ownTasksAdmin, spinning } from '../../testing/own-tasks-admin.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { cancel } from '../control/cancel.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask, listEvents } from '../looking/queries.ts';
import { startRecovery, startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const file = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');
const quick = { firstMs: 20, maxMs: 50 };
const nothing = z.object({});

test('a run that never gives way is past its hard limit told of by process, holds its records until that is gone, and has failed then', async (t) => {
  const app = await testApp(t, { admin: ownTasksAdmin });
  const { db, context } = app;
  await insertPrincipals(db);
  const admin = await app.signIn('admin');
  const recovery = startRecovery(context);
  const worker = await startWorkerProcess(app.connectionString, {}, file);
  try {
    const { id } = await launchOwn(context, spinning, {}, { principal: ada });
    while ((await getTask(context, ada, id)).state !== 'cancelling') await wait(20);
    const { reason, message } = await getTask(context, ada, id);
    assert.deepEqual([reason, message], ['hard-limit', 'It ran longer than it may.']);
    const page = (await admin.get(`/tasks/${id}`)).body;
    assert.match(page, new RegExp(`restart the worker, process ${worker.child.pid} on`));
    const holder = async () => (await findHolder(db.pages, db.t, 'Country', 'ESP'))?.taskId;
    await wait(500);
    assert.equal(await holder(), id);
    await worker.kill('SIGKILL');
    const task = await finished(db, id, 10_000);
    assert.deepEqual([task.state, task.reason, task.failedAttempts], ['failed', 'hard-limit', 1]);
    assert.equal(await holder(), undefined);
    assert.doesNotMatch((await admin.get(`/tasks/${id}`)).body, /restart the worker/);
  } finally {
    await recovery.stop();
    await worker.kill('SIGKILL');
  }
});

test('a run deaf to its signal writes nothing more past its hard limit, and is tried again when it has returned', async (t) => {
  const refused: string[] = [];
  const reasons: unknown[] = [];
  let runs = 0;
  let maxRunning = 0;
  const deaf = defineTask({
    name: 'deaf',
    params: nothing,
    attempts: 2,
    hardLimitMs: 400,
    backoff: quick,
    async run(_, task) {
      maxRunning = Math.max(maxRunning, ++runs);
      await task.lock('countries', ['ESP']);
      if (task.attempt === 1) {
        const say = (call: Promise<unknown>) =>
          call.then(
            () => refused.push('done'),
            (error: Error) => refused.push(error.name),
          );
        await say(task.step('late', () => wait(1_600)));
        await say(task.lock('countries', ['FRA']));
        reasons.push(task.signal.reason);
      }
      runs--;
      return task.attempt;
    },
  });
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(
    db,
    { recoveryIntervalMs: 50 },
    {},
    { ...sample, schedules: [], tasks: [deaf] },
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  const { id } = await launchOwn(context, deaf, {}, { principal: ada });
  while ((await getTask(context, ada, id)).state !== 'cancelling') await wait(20);
  assert.equal((await findHolder(db.pages, db.t, 'Country', 'ESP'))?.taskId, id);
  const task = await finished(db, id, 10_000);
  assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', 2, 1]);
  assert.deepEqual([refused, reasons, maxRunning], [['RunLost', 'Error'], ['hard-limit'], 1]);
  assert.deepEqual(
    (await listEvents(db, id)).map(({ state }) => state),
    ['queued', 'running', 'cancelling', 'queued', 'running', 'succeeded'],
  );

  runs = 0;
  const cancelled = (await launchOwn(context, deaf, {}, { principal: ada })).id;
  while ((await getTask(context, ada, cancelled)).state !== 'cancelling') await wait(20);
  assert.equal(await cancel(context, ada, cancelled), 'cancelling');
  assert.equal((await finished(db, cancelled, 10_000)).state, 'cancelled');
});

test('past its soft limit a run is asked to stop: what it throws then is an attempt that failed, what it returns is success', async (t) => {
  const softly = (name: string, throws: boolean) =>
    defineTask({
      name,
      params: nothing,
      attempts: 2,
      softLimitMs: 150,
      backoff: quick,
      async run(_, { signal }) {
        await wait(10_000, null, { signal }).catch((error) => {
          if (throws) throw error;
        });
        return signal.reason;
      },
    });
  const [throwing, returning] = [softly('throwing', true), softly('returning', false)];
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], tasks: [throwing, returning] },
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  const end = async (definition: typeof throwing) =>
    finished(db, (await launchOwn(context, definition, {}, { principal: ada })).id, 10_000);
  const failed = await end(throwing);
  assert.deepEqual(
    [failed.state, failed.reason, failed.failedAttempts],
    ['failed', 'soft-limit', 2],
  );
  const returned = await end(returning);
  assert.deepEqual([returned.state, returned.result], ['succeeded', 'soft-limit']);
});

test('limits of time that are none are refused at start', () => {
  const refuse = (limits: { softLimitMs?: number; hardLimitMs?: number }) =>
    assert.throws(
      () =>
        buildTaskDefinitions([
          defineTask({
            name: 'limited',
            params: nothing,
            run: () => null,
            ...limits,
          }) as unknown as TaskDefinition,
        ]),
      /softLimitMs|hardLimitMs/,
    );
  refuse({ softLimitMs: 0 });
  refuse({ hardLimitMs: 1.5 });
  refuse({ softLimitMs: 100, hardLimitMs: 100 });
  refuse({ softLimitMs: 1_800_000 });
});
