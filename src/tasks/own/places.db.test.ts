import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
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
