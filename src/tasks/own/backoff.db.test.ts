import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import {
  type Backoff,
  defineTask,
  type TaskDefinition,
} from '../../task-definitions/define-task.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { getTask } from '../looking/queries.ts';
import { advance } from '../worker/advance.ts';
import { startWorker } from '../worker/worker.ts';
import { launchManyOwn } from './launch-own.ts';

const minuteMs = 60_000;
const params = z.object({ n: z.number() });

/** Always fails. */
const failing = (name: string, backoff: Partial<Backoff>) =>
  defineTask({
    name,
    params,
    attempts: 9,
    backoff,
    run: () => {
      throw new Error('not yet');
    },
  });

test('a task that failed is tried again later each time, as its definition says or twice as late, and not with all others', async (t) => {
  const steep = failing('steep', { firstMs: minuteMs, factor: 10, maxMs: 20 * minuteMs });
  const usual = failing('usual', { firstMs: minuteMs });
  const tasks = [steep, usual] as unknown as TaskDefinition[];
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], taskHooks: [], tasks });
  const many = Array.from({ length: 8 }, (_, n) => ({ n }));
  const launch = async (definition: typeof steep) =>
    (await launchManyOwn(context, definition, many, { principal: ada })).map(({ id }) => id);
  const ids = { steep: await launch(steep), usual: await launch(usual) };
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 16 });
  defer(() => worker.stop());

  /** Milliseconds until its next attempt, when so many have failed. */
  const waitOf = async (id: number, failed: number) => {
    for (const end = Date.now() + 20_000; ; await wait(20)) {
      const task = await getTask(context, ada, id);
      if (task.state === 'queued' && task.failedAttempts === failed)
        return Number(task.dueAt) - Number(task.restedAt);
      assert.ok(Date.now() < end, `${task.state}, failed ${task.failedAttempts} times`);
    }
  };
  const minutes = { steep: [1, 10, 20, 20, 20], usual: [1, 2, 4, 8, 10] };
  for (let failed = 1; failed <= 5; failed++) {
    for (const name of ['steep', 'usual'] as const) {
      const waits = await Promise.all(ids[name].map((id) => waitOf(id, failed)));
      const whole = (minutes[name][failed - 1] as number) * minuteMs;
      const [shortest, longest] = [Math.min(...waits), Math.max(...waits)];
      assert.ok(
        shortest >= 0.749 * whole && longest <= 1.251 * whole,
        `${name} ${failed}: ${waits}`,
      );
      assert.ok(longest - shortest > 0.02 * whole, `${name} ${failed}: ${waits}`);
    }
    await advance(context, 30 * minuteMs);
  }
});
