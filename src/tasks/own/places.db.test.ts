import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { openPool } from '../../db/pool.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { until } from '../../testing/until.ts';
import { getTask } from '../looking/queries.ts';
import { launchOwn } from './launch-own.ts';
import { startPlaces } from './places.ts';

test('a place that is called while it looks looks again: it never has to find a task by itself', async (t) => {
  const noop = defineTask({ name: 'noop', params: z.object({}), run: () => null });
  const { db, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks: [noop] });
  const workerId = randomUUID();
  await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'here', 1)`, [
    workerId,
  ]);
  const places = startPlaces(context, {
    workerId,
    pool: db.background,
    concurrency: 2,
    queues: null,
    backends: ['queue'],
    tokens: new Set(),
    lookEveryMs: 3_600_000,
  });
  defer(() => places.stop());
  for (let round = 0; round < 150; round++) {
    const { id } = await launchOwn(context, noop, {}, { principal: ada });
    places.call();
    assert.equal((await finished(db, id, 20_000)).state, 'succeeded');
  }
});

test('what is taken at the very moment at which places stop is handed on before they have', async (t) => {
  const noop = defineTask({
    name: 'noop',
    params: z.object({}),
    attempts: 1,
    run: (_, { signal }) => wait(60_000, null, { signal }),
  });
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks: [noop] });
  const workerId = randomUUID();
  await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'here', 1)`, [
    workerId,
  ]);
  const pool = openPool({ connectionString, name: workerId, max: 4 });
  defer(() => pool.end());
  // Answers take their time on the way.
  const ask = pool.query.bind(pool) as (...given: unknown[]) => Promise<unknown>;
  pool.query = (async (...given: unknown[]) => {
    const answer = await ask(...given);
    await wait(200);
    return answer;
  }) as typeof pool.query;
  const { id } = await launchOwn(context, noop, {}, { principal: ada });
  const places = startPlaces(context, {
    workerId,
    pool,
    concurrency: 2,
    queues: null,
    backends: ['queue'],
    tokens: new Set(),
  });
  await until(async () => (await getTask(context, ada, id)).state === 'running');
  await places.stop();
  const task = await getTask(context, ada, id);
  assert.deepEqual([task.state, task.failedAttempts], ['queued', 0]);
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});
