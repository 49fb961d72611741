import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPool } from '../db/pool.ts';
import { transaction } from '../db/transaction.ts';
import { testDatabase } from '../testing/database.ts';
import { until } from '../testing/until.ts';
import { inProcessBackend } from './in-process.ts';

test('a call is heard once its transaction commits, in its time, and as many are answered at a time as may be', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const pool = openPool({ connectionString, name: 'in-process of a test', max: 2 });
  defer(() => pool.end());
  const backend = inProcessBackend(db.queueSchema);
  const heard: { taskId: number; at: number }[] = [];
  let running = 0;
  let max = 0;
  const started = await backend.start({
    pool,
    concurrency: 2,
    async run(taskId) {
      heard.push({ taskId, at: performance.now() });
      max = Math.max(max, ++running);
      await new Promise((resolve) => setTimeout(resolve, 2));
      running--;
      if (taskId === 1) throw new Error('this one cannot be answered');
    },
    log: () => undefined,
  });
  const call = (taskIds: number[], delayMs = 0) =>
    transaction(db.background, (client) =>
      backend.call(client, { taskIds, kind: 'bulk', delayMs }),
    );
  const rolledBack = transaction(db.background, async (client) => {
    await backend.call(client, { taskIds: [99], kind: 'bulk', delayMs: 0 });
    throw new Error('rolled back');
  });
  await assert.rejects(rolledBack, /rolled back/);
  const since = performance.now();
  await call([50], 400);
  const many = Array.from({ length: 1_200 }, (_, index) => index + 100);
  await call([1, 2, ...many]);
  await until(async () => heard.length === many.length + 3);
  assert.deepEqual(
    heard.map(({ taskId }) => taskId).sort((a, b) => a - b),
    [1, 2, 50, ...many],
  );
  assert.ok((heard.find(({ taskId }) => taskId === 50)?.at ?? 0) - since >= 399);
  assert.equal(max, 2);
  await call([3], 60_000);
  await started.stop();
  await started.ended;
  assert.equal(running, 0);
});
