import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { undo } from '../follow-ups/undo.ts';
import { deliverNext } from '../hooks/deliver.ts';
import { fanOut } from '../hooks/fan-out.ts';
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
