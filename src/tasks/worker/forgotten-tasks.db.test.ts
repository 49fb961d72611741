import assert from 'node:assert/strict';
import { test } from 'node:test';
import { launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { recover } from './recovery.ts';

test('a task that waits while no worker is alive is called for once, however long; one whose wake-up was lost, again', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db);
  await insertPlaces(db, 120);
  const cities = context.registry.get('cities');
  const tasks: number[] = [];
  for (const filter of [
    'population-max=40',
    'population-min=41&population-max=80',
    'population-min=81',
  ]) {
    const { task } = await launchOn(context, cities, { kind: 'matching', filter }, 'update', {
      field: 'notes',
      'value.notes': filter,
    });
    tasks.push(task.id);
  }
  const calls = async () => {
    const { rows } = await db.pages.query<{ id: string; count: number }>(
      `select payload ->> 'taskId' as id, count(*)::int as count from "${db.queueSchema}"._private_jobs group by 1 order by 1`,
    );
    return rows.map(({ id, count }) => [Number(id), count]);
  };
  const halfAMinuteLater = async () => {
    await db.pages.query(
      `update ${db.t.task} set created_at = created_at - interval '31 s', queued_at = queued_at - interval '31 s', woken_at = woken_at - interval '31 s'`,
    );
    await recover(context);
  };
  const once = tasks.map((id) => [id, 1]);
  assert.deepEqual(await calls(), once);
  for (let times = 0; times < 5; times++) await halfAMinuteLater();
  assert.deepEqual(await calls(), once);

  // Lost, and taken by somebody who is gone without a trace.
  await db.pages.query(
    `delete from "${db.queueSchema}"._private_jobs where payload ->> 'taskId' = $1`,
    [tasks[0]],
  );
  await db.pages.query(
    `update "${db.queueSchema}"._private_jobs set locked_at = now(), locked_by = 'nobody' where payload ->> 'taskId' = $1`,
    [String(tasks[1])],
  );
  for (let times = 0; times < 5; times++) await halfAMinuteLater();
  assert.deepEqual(await calls(), [
    [tasks[0], 1],
    [tasks[1], 2],
    [tasks[2], 1],
  ]);
});
