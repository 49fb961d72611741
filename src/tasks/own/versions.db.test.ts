import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { cancel } from '../control/cancel.ts';
import { retry } from '../follow-ups/retry.ts';
import { getTask } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const before = defineTask({
  name: 'counting',
  params: z.object({ country: z.string() }),
  run: ({ country }) => ({ before: country }),
});
const after = defineTask({
  name: 'counting',
  version: 3,
  params: z.object({ countries: z.array(z.string()) }),
  title: ({ countries }) => `Count ${countries.join()}`,
  migrate(params, from) {
    if (from === 1) return { countries: [(params as { country: string }).country] };
    throw new Error(`nobody launched version ${from}`);
  },
  run: ({ countries }) => ({ after: countries }),
});

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const as = (definition: unknown) =>
    testContext(db, {}, {}, { ...sample, schedules: [], tasks: [definition as TaskDefinition] });
  const work = async (definition: unknown) => {
    const context = as(definition);
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    defer(() => worker.stop());
  };
  return { db, as, work };
}

test('a task that was launched with a version before runs with what is migrated and validated', async (t) => {
  const { db, as, work } = await setUp(t);
  const { id } = await launchOwn(as(before), before, { country: 'ESP' }, { principal: ada });
  const stopped = await launchOwn(as(before), before, { country: 'FRA' }, { principal: ada });
  await cancel(as(before), ada, stopped.id);
  const { rows } = await db.pages.query<{ id: number }>(
    `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, parameters_version, state, queued_at)
     select kind, operation, title, backend, principal_id, principal_name, principal, parameters, 2, 'queued', now() from ${db.t.task} where id = $1 returning id`,
    [id],
  );
  await work(after);
  const task = await finished(db, id);
  assert.deepEqual([task.state, task.result], ['succeeded', { after: ['ESP'] }]);
  assert.deepEqual([task.parameters, task.parametersVersion], [{ country: 'ESP' }, 1], 'as it was');
  const unknown = await finished(db, rows[0]?.id as number);
  assert.deepEqual([unknown.state, unknown.reason], ['failed', 'invalid-params']);
  assert.match(unknown.message ?? '', /cannot be migrated from version 2.*nobody launched/);

  const operationId = '00000000-0000-4000-8000-000000000001';
  const again = await retry(as(after), ada, stopped.id, { operationId, code: null });
  assert.equal(again.task.title, 'Count FRA');
  const tried = await finished(db, again.task.id);
  assert.deepEqual([tried.result, tried.parametersVersion], [{ after: ['FRA'] }, 1]);
});

test('a task of a later version waits for a worker that knows it', async (t) => {
  const { db, as, work } = await setUp(t);
  const launch = async (delayMs: number) =>
    (await launchOwn(as(after), after, { countries: ['ESP'] }, { principal: ada, delayMs })).id;
  const [due, later] = [await launch(0), await launch(1)];
  await work(before);
  const known = await launchOwn(as(before), before, { country: 'FRA' }, { principal: ada });
  assert.deepEqual((await finished(db, known.id)).result, { before: 'FRA' });
  await wait(1_200);
  const states = async (...ids: number[]) =>
    Promise.all(ids.map(async (id) => (await getTask(as(before), ada, id)).state));
  assert.deepEqual(await states(due, later), ['queued', 'scheduled']);
  const operationId = '00000000-0000-4000-8000-000000000002';
  const cancelled = await launch(0);
  await cancel(as(after), ada, cancelled);
  await assert.rejects(
    retry(as(before), ada, cancelled, { operationId, code: null }),
    /“counting” is not known here in version 3/,
  );
  await work(after);
  for (const id of [due, later])
    assert.deepEqual((await finished(db, id)).result, { after: ['ESP'] });
});
