import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { bulkQueue } from '../../queue-names.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { launchOwn } from '../own/launch-own.ts';
import { startWorker } from './worker.ts';

test('bulk work is done by a worker that listens to its queue, and by no other', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const mail = defineTask({ name: 'mail', params: z.object({}), queue: 'mail', run: () => 'sent' });
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks: [mail] });
  await insertPlaces(db, 30);
  const begin = async (queue: string) => {
    const options = { connectionString, concurrency: 1, places: 1, queues: [queue] };
    const worker = await startWorker(context, options);
    defer(() => worker.stop());
  };
  const cities = context.registry.get('cities');
  const selected = { kind: 'matching', filter: '' } as const;
  const body = { field: 'status', 'value.status': 'published' };
  await begin('mail');
  const { task } = await launchOn(context, cities, selected, 'update', body);
  const { id } = await launchOwn(context, mail, {}, { principal: ada });
  assert.equal((await finished(db, id)).state, 'succeeded');
  await wait(300);
  const { rows } = await db.pages.query(`select state from ${db.t.task} where id = $1`, [task.id]);
  assert.deepEqual(rows, [{ state: 'queued' }]);
  await begin(bulkQueue);
  assert.equal((await finished(db, task.id, 20_000)).state, 'succeeded');
});
