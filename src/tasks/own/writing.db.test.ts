import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import type { AppError } from '../../errors.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskRun } from '../../task-definitions/task-run.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const nothing = z.object({});

async function setUp(
  t: Parameters<typeof testDatabase>[0],
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  ...tasks: TaskDefinition<any, any>[]
) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 50);
  await db.pages.query('create table public.dealt (item int)');
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 3 });
  defer(() => worker.stop());
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  const run = async (definition: TaskDefinition<any, any>, principal = ada) =>
    finished(db, (await launchOwn(context, definition, {}, { principal })).id, 20_000);
  const notes = async () => {
    const { rows } = await db.pages.query(
      `select id, notes from gazetteer.city where notes is not null order by id`,
    );
    return rows.map((row) => `${row.id} ${row.notes}`);
  };
  const dealt = async () =>
    (await db.pages.query('select item from public.dealt order by 1')).rows.map(({ item }) => item);
  return { db, context, run, notes, dealt };
}

const insert = 'insert into public.dealt (item) values ($1)';

test('a run changes records as a form does: all of them or none, past what it holds itself, kept in the history', async (t) => {
  const change = (task: TaskRun, keys: number[], data: Record<string, unknown>) =>
    task.change('cities', keys, data);
  const good = defineTask({
    name: 'good',
    params: nothing,
    async run(_, task) {
      await task.lock('cities', [1, 2, 3]);
      return change(task, [3, 1], { notes: 'by a run', population: 4_000 });
    },
  });
  const refused: unknown[] = [];
  const bad = defineTask({
    name: 'bad',
    params: nothing,
    async run(_, task) {
      const say = (work: Promise<unknown>) =>
        work.catch((error: AppError) => refused.push([error.code, error.message]));
      await say(change(task, [5, 9_999], { notes: 'never' }));
      await say(change(task, [5], { population: 'many', nothing: 1 }));
      await say(
        task.tx(async (tx) => {
          await tx.$executeRawUnsafe(insert, 1);
          await change(task, [6], { notes: 'never' });
          throw new RangeError('taken back');
        }),
      );
      await task.tx(async (tx) => {
        await tx.$executeRawUnsafe(insert, 2);
        await change(task, [7], { notes: 'together' });
      });
    },
  });
  const { db, run, notes, dealt } = await setUp(t, good, bad);
  const task = await run(good);
  assert.deepEqual([task.state, task.message, task.result], ['succeeded', null, 2]);
  assert.deepEqual(await notes(), ['1 by a run', '3 by a run']);
  const { rows } = await db.pages.query(
    `select task_id, principal_name, keys, fields from ${db.t.change} order by keys`,
  );
  assert.deepEqual(
    rows.map(({ task_id, principal_name, keys, fields }) => [
      task_id,
      principal_name,
      keys.length,
      fields.sort(),
    ]),
    [
      [task.id, 'Ada', 1, ['notes', 'population', 'updatedAt']],
      [task.id, 'Ada', 1, ['notes', 'population', 'updatedAt']],
    ],
  );
  assert.equal((await run(bad)).state, 'succeeded');
  assert.deepEqual(
    refused.map((one) => (one as string[])[0]),
    ['not-found', 'invalid-record', undefined],
  );
  assert.deepEqual(
    [await notes(), await dealt()],
    [['1 by a run', '3 by a run', '7 together'], [2]],
  );
});

test('a run changes nothing that another task holds, or that its person may not', async (t) => {
  const change = defineTask({
    name: 'change',
    params: nothing,
    attempts: 1,
    run: (_, task) => task.change('cities', [4], { notes: 'never' }),
  });
  const holding = defineTask({
    name: 'holding',
    params: nothing,
    attempts: 1,
    async run(_, task) {
      await task.lock('cities', [4]);
      await task.step('held', () => true);
      await wait(60_000, null, { signal: task.signal });
    },
  });
  const { db, context, run, notes } = await setUp(t, change, holding);
  const { id } = await launchOwn(context, holding, {}, { principal: ada });
  const held = `select from ${db.t.task_step} where line_id = $1`;
  while ((await db.pages.query(held, [id])).rowCount === 0) await wait(10);
  const refused = await run(change);
  assert.deepEqual([refused.state, refused.reason], ['failed', 'error']);
  assert.match(refused.message ?? '', /Ada is changing this record/);
  const viewer = { ...ada, id: '00000000-0000-4000-8000-0000000000ff', roles: ['viewer'] };
  const forbidden = await run(change, viewer);
  assert.match(forbidden.message ?? '', /may not change/);
  assert.deepEqual(await notes(), []);
});

test('no transaction of a run commits that has lost its task', async (t) => {
  const lost = defineTask({
    name: 'lost',
    params: nothing,
    attempts: 1,
    async run(_, task) {
      await task.tx(async (tx) => {
        await tx.$executeRawUnsafe(insert, 1);
        await tx.$executeRawUnsafe(
          `update bulkhead.task_slot set token = gen_random_uuid() where task_id = ${task.id}`,
        );
      });
    },
  });
  const { db, context, dealt } = await setUp(t, lost);
  const { id } = await launchOwn(context, lost, {}, { principal: systemPrincipal('nightly') });
  const taken = `select from ${db.t.task} where id = $1 and state <> 'queued'`;
  while ((await db.pages.query(taken, [id])).rowCount === 0) await wait(10);
  await wait(500);
  assert.deepEqual(await dealt(), []);
});
