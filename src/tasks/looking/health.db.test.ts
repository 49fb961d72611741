import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { cancel } from '../control/cancel.ts';
import { pause, resume } from '../control/pause.ts';
import { launchOwn } from '../own/launch-own.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';
import { readHealth } from './health.ts';
import { getTask } from './queries.ts';

const nothing = z.object({});
const long = defineTask({
  name: 'long',
  params: nothing,
  async run(_, task) {
    await task.step('first', () => 1);
    await wait(60_000, null, { signal: task.signal });
  },
});
const whole = defineTask({
  name: 'whole',
  params: nothing,
  run: async (_, task) => task.all([await task.launch('part', long, {})]),
});

test('a task waits since it last could have begun: not for its children, and not while it is paused', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const tasks = [long, whole] as unknown as TaskDefinition[];
  const context = testContext(db, {}, {}, { ...sample, schedules: [], taskHooks: [], tasks });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  const until = async (id: number, isSo: (task: TaskRow) => boolean) => {
    for (const end = Date.now() + 20_000; !isSo(await getTask(context, ada, id)); await wait(10))
      assert.ok(Date.now() < end, 'it does not come to be so');
  };
  const databaseMs = async () => {
    const now = 'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms';
    return Number((await db.pages.query(now)).rows[0]?.ms);
  };
  const parent = await launchOwn(context, whole, {}, { principal: ada });
  const child = parent.id + 1;
  await until(parent.id, ({ waitsFor }) => waitsFor === 'children');
  await until(child, ({ state, canGoOn }) => state === 'running' && canGoOn);
  const { longestWaitMs, tasks: counts } = await readHealth(context);
  assert.deepEqual([longestWaitMs, counts], [null, { queued: 1, running: 1 }]);

  await pause(context, ada, child);
  await until(child, ({ state }) => state === 'paused');
  await worker.stop();
  assert.equal((await readHealth(context)).longestWaitMs, null);
  await wait(300);
  const before = await databaseMs();
  await resume(context, ada, child);
  const resumed = await readHealth(context);
  const sinceMs = (await databaseMs()) - before;
  const waitedMs = resumed.longestWaitMs ?? 0;
  assert.ok(waitedMs > 0 && waitedMs <= sinceMs, `${waitedMs} of ${sinceMs} ms`);
  await cancel(context, ada, parent.id);
});
