import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { undo } from '../follow-ups/undo.ts';
import { deliverNext } from '../hooks/deliver.ts';
import { fanOut } from '../hooks/fan-out.ts';
import { launchOwn } from '../own/launch-own.ts';
import { purge } from './retention.ts';
import { startWorker } from './worker.ts';

test('after its days a task can no longer be undone, its history stays, and later it is forgotten', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  await insertPlaces(db, 50);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const change = async (notes: string) => {
    const { task } = await launchOn(context, cities, { kind: 'matching', filter: '' }, 'update', {
      field: 'notes',
      'value.notes': notes,
    });
    return finished(db, task.id);
  };
  const [old, young] = [await change('old'), await change('young')];
  const age = (days: number) =>
    db.pages.query(
      `update ${db.t.change} set at = now() - make_interval(days => $2) where task_id = $1`,
      [old.id, days],
    );

  await age(6);
  assert.equal((await purge(context)).images, 0);
  await age(8);
  assert.equal((await purge(context)).images, 1);
  await assert.rejects(undo(context, ada, old.id, { operationId: randomUUID(), chosen: null }), {
    code: 'images-gone',
    status: 409,
  });
  const { rows } = await db.pages.query(
    `select before, after, fields, cardinality(keys) as keys from ${db.t.change} where task_id = $1`,
    [old.id],
  );
  assert.deepEqual(rows, [{ before: null, after: null, fields: ['notes', 'updatedAt'], keys: 50 }]);
  const undone = await undo(context, ada, young.id, { operationId: randomUUID(), chosen: null });
  assert.equal((await finished(db, undone.task.id)).changed, 50);

  await age(366);
  // Nothing is forgotten before hooks were told of it.
  while ((await fanOut(db.pages, context)).isFull);
  while (await deliverNext(context, db.pages));
  await db.pages.query(
    `update ${db.t.task} set finished_at = now() - interval '366 days' where id = $1`,
    [old.id],
  );
  await db.pages.query(`update ${db.t.selection} set updated_at = now() - interval '8 days'`);
  await db.pages.query(`update ${db.t.preview} set created_at = now() - interval '8 days'`);
  const { changes, tasks, selections, previews } = await purge(context);
  assert.deepEqual(
    { changes, tasks, selections, previews },
    { changes: 1, tasks: 1, selections: 2, previews: 2 },
  );
  const { rows: left } = await db.pages.query(
    `select count(*)::int as chunks from ${db.t.chunk} where task_id = $1`,
    [old.id],
  );
  assert.equal(left[0].chunks, 0);
});

test('of finished tasks so many are kept, the newest, with what one under way goes on from; those can be undone', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const settings = { historyRetentionCount: 2 };
  const brief = defineTask({
    name: 'brief',
    params: z.object({}),
    keepMs: 86_400_000,
    run: () => null,
  });
  const definition = { ...sample, notify: 'none', schedules: [], taskHooks: [], tasks: [brief] };
  const context = testContext(db, settings, {}, definition as typeof sample);
  const cities = context.registry.get('cities');
  await insertPlaces(db, 30);
  const begin = () => startWorker(context, { connectionString, concurrency: 1, places: 1 });
  let worker = await begin();
  defer(() => worker.stop());
  const change = async (filter: string, notes: string) => {
    const { task } = await launchOn(context, cities, { kind: 'matching', filter }, 'update', {
      field: 'notes',
      'value.notes': notes,
    });
    return (await finished(db, task.id)).id;
  };
  const left = async () => {
    await db.pages.query(`update ${db.t.task_event} set is_fanned = true`);
    // Any number of them at once.
    await Promise.all([purge(context), purge(context), purge(context)]);
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from ${db.t.task} order by id`,
    );
    return rows.map(({ id }) => id);
  };
  const [few, others] = ['population-max=10', 'population-min=11'];
  const first = await change(few, 'a');
  const second = await change(others, 'b');
  const third = await change(others, 'c');
  // It says itself how long it is kept, and is not counted.
  const own = await launchOwn(context, brief, {}, { principal: ada });
  await finished(db, own.id);
  await worker.stop();
  // Not begun: nobody is there.
  const undoing = await undo(context, ada, first, { operationId: randomUUID(), chosen: null });
  assert.deepEqual(await left(), [first, second, third, own.id, undoing.task.id]);

  worker = await begin();
  assert.equal((await finished(db, undoing.task.id)).changed, 10);
  assert.deepEqual(await left(), [third, own.id, undoing.task.id]);
  const undone = await undo(context, ada, third, { operationId: randomUUID(), chosen: null });
  assert.equal((await finished(db, undone.task.id)).changed, 20);
  const { rows } = await db.pages.query(
    `select distinct notes from gazetteer.city where population > 10`,
  );
  assert.deepEqual(rows, [{ notes: 'b' }]);
});
