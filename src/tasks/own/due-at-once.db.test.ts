import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { millisecondsUntilDue } from './due.ts';
import { launchOwn } from './launch-own.ts';

test('a task that has become due since somebody looked is looked for again', async (t) => {
  const noop = defineTask({ name: 'noop', params: z.object({}), run: () => null });
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks: [noop] });
  const { id } = await launchOwn(context, noop, {}, { principal: ada });
  const dueIn = async (ms: number) => {
    await db.pages.query(
      `update ${db.t.task} set due_at = clock_timestamp() + make_interval(secs => $2::float8 / 1000) where id = $1`,
      [id, ms],
    );
    return millisecondsUntilDue(context, db.background);
  };
  const soon = await dueIn(60_000);
  assert.ok(soon !== null && soon > 50_000 && soon <= 60_000);
  const justNow = await dueIn(0);
  assert.ok(justNow !== null && justNow <= 0, 'nobody would look before the next round');
  assert.equal(await dueIn(-10_000), null, 'what cannot be taken is not asked for again and again');
});
