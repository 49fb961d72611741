import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { pause, resume } from '../control/pause.ts';
import { retry } from '../follow-ups/retry.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask, listEvents } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const quick = { firstMs: 20, maxMs: 100 };
const nothing = z.object({});
const operationId = '00000000-0000-4000-8000-000000000456';

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  await db.pages.query('create table public.dealt (item int, times int default 1)');
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  const launch = async (definition: TaskDefinition<any, any>) =>
    (await launchOwn(context, definition, {}, { principal: ada })).id;
  return { db, context, launch };
}

const numbers = (to: number) => async (after: unknown, limit: number) => {
  const from = after === null ? 1 : Number(after) + 1;
  return Array.from({ length: Math.max(0, Math.min(limit, to - from + 1)) }, (_, index) => ({
    item: from + index,
    position: from + index,
  }));
};

test('what a step gave is given again at the next attempt, and one that failed is done again by the same key', async (t) => {
  const calls: string[] = [];
  const charge = defineTask({
    name: 'charge',
    params: nothing,
    backoff: quick,
    async run(_, task) {
      const [one, two] = await Promise.all([
        task.step('one', ({ key }) => {
          calls.push(`one ${key.split(':')[1]}`);
          return { at: calls.length };
        }),
        task.step('two', () => 'second'),
      ]);
      const last = await task.step('last', ({ key }) => {
        calls.push(key);
        if (calls.length === 2) throw new Error('the line is busy');
      });
      return { one, two, last: last ?? null };
    },
  });
  const { db, launch } = await setUp(t, charge);
  const id = await launch(charge);
  const task = await finished(db, id);
  assert.deepEqual(
    [task.state, task.result, calls],
    [
      'succeeded',
      { one: { at: 1 }, two: 'second', last: null },
      ['one one', `${id}:last`, `${id}:last`],
    ],
  );
});

test('of 2,000 items each is dealt with once, however often the run fails between', async (t) => {
  let failures = 0;
  let calls = 0;
  const count = defineTask({
    name: 'count',
    params: nothing,
    attempts: 2,
    backoff: quick,
    async run(_, task) {
      const dealt = await task.each(
        'items',
        numbers(2_000),
        async (items, tx) => {
          await tx.$executeRawUnsafe(
            'insert into public.dealt (item) select unnest($1::int[])',
            items,
          );
          if (++calls % 3 === 0) {
            failures++;
            throw new Error('half-way');
          }
        },
        { size: 100 },
      );
      return dealt;
    },
  });
  const { db, launch } = await setUp(t, count);
  const task = await finished(db, await launch(count));
  assert.deepEqual([task.message, task.state, task.result], [null, 'succeeded', 2_000]);
  assert.ok(failures > 5, 'what was kept between let it be tried more often than twice');
  const { rows } = await db.pages.query(
    'select count(*)::int as count, count(distinct item)::int as items from public.dealt',
  );
  assert.deepEqual(rows[0], { count: 2_000, items: 2_000 });
});

test('a run that sleeps holds no place, goes on past what is kept, and its first moment stays', async (t) => {
  const passes: number[] = [];
  const sleeper = defineTask({
    name: 'sleeper',
    params: nothing,
    async run(_, task) {
      passes.push(Date.now());
      await task.step('before', () => 'done');
      await task.sleep('a while', 1_500);
      return passes.length;
    },
  });
  const catching = defineTask({
    name: 'catching',
    params: nothing,
    async run(_, task) {
      await task.sleep('never mind', 1_200).catch(() => undefined);
      return 'not yet';
    },
  });
  const { db, context, launch } = await setUp(t, sleeper, catching);
  const id = await launch(sleeper);
  const caught = await launch(catching);
  while ((await getTask(context, ada, id)).waitsFor !== 'sleep') await wait(20);
  const asleep = await getTask(context, ada, id);
  assert.equal(asleep.state, 'queued');
  while ((await getTask(context, ada, caught)).waitsFor !== 'sleep') await wait(20);
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
  const task = await finished(db, id);
  assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', 2, 0]);
  const [first = 0, second = 0] = passes;
  assert.ok(second - first >= 1_450, `${second - first} ms between`);
  assert.deepEqual(
    (await listEvents(db, id)).map(({ state }) => state),
    ['queued', 'running', 'queued', 'running', 'succeeded'],
  );
  assert.equal((await finished(db, caught)).result, 'not yet');
});

test('names that cannot be kept apart are errors', async (t) => {
  const messages: string[] = [];
  const doubled = defineTask({
    name: 'doubled',
    params: nothing,
    attempts: 1,
    async run(_, task) {
      const say = async (call: Promise<unknown>) => {
        await call.catch((error: Error) => messages.push(`${error.name}: ${error.message}`));
      };
      await task.step('one', () => 1);
      await say(task.step('one', () => 2));
      await say(task.sleep('', 1));
      await say(task.step('date', () => new Date(0)));
    },
  });
  const { db, launch } = await setUp(t, doubled);
  await finished(db, await launch(doubled));
  assert.deepEqual(messages, [
    'TypeError: step: this run has used the name “one” already.',
    'TypeError: sleep: a name is a text of 1 to 200 characters.',
    'TypeError: step “date” is a Date, which is not plain JSON.',
  ]);
});

test('a task that is tried again by hand goes on after the steps that are kept, one at a time', async (t) => {
  let isBroken = true;
  const done: string[] = [];
  const keys: string[] = [];
  const order = defineTask({
    name: 'order',
    params: nothing,
    attempts: 1,
    async run(_, task) {
      await task.step('reserve', ({ key }) => {
        done.push('reserve');
        keys.push(key);
      });
      await task.step('pay', async ({ key }) => {
        keys.push(key);
        if (isBroken) throw new Error('declined');
        await wait(500);
        done.push('pay');
      });
    },
  });
  const { db, context, launch } = await setUp(t, order);
  const id = await launch(order);
  assert.equal((await finished(db, id)).state, 'failed');
  isBroken = false;
  const { task, outcome } = await retry(context, ada, id, { operationId, code: null });
  const other = await retry(context, ada, id, {
    operationId: operationId.replace('456', '457'),
    code: null,
  });
  assert.deepEqual([outcome, other.outcome, other.task.id], ['queued', 'same', task.id]);
  assert.equal((await finished(db, task.id)).state, 'succeeded');
  assert.deepEqual(done, ['reserve', 'pay']);
  assert.deepEqual(keys, [`${id}:reserve`, `${id}:pay`, `${id}:pay`]);
});

test('a task of which something is kept is paused with what it holds, and goes on after it when it is resumed', async (t) => {
  const reasons: unknown[] = [];
  const count = defineTask({
    name: 'count',
    params: nothing,
    attempts: 1,
    async run(_, task) {
      task.signal.addEventListener('abort', () => reasons.push(task.signal.reason));
      await task.lock('countries', ['ESP']);
      await task.each(
        'items',
        numbers(100),
        async (items, tx) => {
          const statement = 'insert into public.dealt (item) select unnest($1::int[])';
          await tx.$executeRawUnsafe(statement, items);
          await wait(20);
        },
        { size: 2 },
      );
      await task.sleep('a while', 1_100);
    },
  });
  const { db, context, launch } = await setUp(t, count);
  const dealt = async () => {
    const sums =
      'select count(*)::int as count, count(distinct item)::int as items from public.dealt';
    return (await db.pages.query(sums)).rows[0];
  };
  const id = await launch(count);
  const until = async (isSo: (task: Awaited<ReturnType<typeof getTask>>) => boolean) => {
    while (!isSo(await getTask(context, ada, id))) await wait(10);
  };
  while ((await dealt()).count < 10) await wait(5);
  assert.equal(await pause(context, ada, id), 'pausing');
  await until(({ state }) => state === 'paused');
  const paused = await getTask(context, ada, id);
  assert.deepEqual([paused.failedAttempts, reasons], [0, ['paused']]);
  assert.equal((await findHolder(db.pages, db.t, 'Country', 'ESP'))?.taskId, id);
  const { count: before } = await dealt();
  await wait(300);
  assert.deepEqual(await dealt(), { count: before, items: before });
  assert.ok(before < 100);

  assert.equal(await resume(context, ada, id), 'queued');
  await until(({ waitsFor }) => waitsFor === 'sleep');
  assert.equal(await pause(context, ada, id), 'paused', 'while it sleeps: at once');
  await wait(1_500);
  assert.equal((await getTask(context, ada, id)).state, 'paused');
  assert.equal(await resume(context, ada, id), 'queued');
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(await dealt(), { count: 100, items: 100 });
});
