import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { cancel } from '../control/cancel.ts';
import { retry } from '../follow-ups/retry.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask } from '../looking/queries.ts';
import type { TaskState } from '../states.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const nothing = z.object({});
const operationId = '00000000-0000-4000-8000-000000000876';

/** Waits so long, deaf to its signal or not, and gives its number; some fail. */
const part = defineTask({
  name: 'part',
  params: z.object({
    n: z.number(),
    ms: z.number().default(0),
    fails: z.boolean().default(false),
    isDeaf: z.boolean().default(false),
  }),
  title: ({ n }) => `Part ${n}`,
  attempts: 1,
  async run({ n, ms, fails, isDeaf }, task) {
    task.progress(1, 10);
    await wait(ms, null, isDeaf ? {} : { signal: task.signal });
    if (fails) throw new Error(`part ${n} is broken`);
    task.progress(10, 10);
    return n;
  },
});

async function setUp(
  t: Parameters<typeof testDatabase>[0],
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  tasks: TaskDefinition<any, any>[],
  places = 2,
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, tasks: [part, ...tasks] });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places });
  defer(() => worker.stop());
  // biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
  const launch = async (definition: TaskDefinition<any, any>) =>
    (await launchOwn(context, definition, {}, { principal: ada })).id;
  const childrenOf = async (id: number) => {
    const { rows } = await db.pages.query<{ id: number; title: string; state: TaskState }>(
      `select id, title, state from ${db.t.task} where parent_id = $1 order by id`,
      [id],
    );
    return rows;
  };
  const until = async (id: number, isSo: (states: string[]) => boolean) => {
    while (!isSo((await childrenOf(id)).map(({ state }) => state))) await wait(10);
  };
  return { db, context, launch, childrenOf, until };
}

test('a task gives what its children gave, which run in the one place that it does not hold, each launched once', async (t) => {
  let passes = 0;
  const whole = defineTask({
    name: 'whole',
    params: nothing,
    async run(_, task) {
      passes++;
      const children = [];
      for (const n of [1, 2, 3])
        children.push(await task.launch(`part ${n}`, part, { n, ms: 100 }));
      const numbers: number[] = await task.all(children);
      const last = await task.launch('last', part, { n: numbers.length });
      const [four] = await task.all([last]);
      return [...numbers, four + 1];
    },
  });
  const { db, context, launch, childrenOf } = await setUp(t, [whole], 1);
  const id = await launch(whole);
  while ((await getTask(context, ada, id)).waitsFor !== 'children') await wait(5);
  assert.equal((await getTask(context, ada, id)).state, 'queued');
  const task = await finished(db, id, 10_000);
  assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', [1, 2, 3, 4], 0]);
  assert.deepEqual([task.done, task.total], [40, 40], 'what its children told, summed');
  assert.equal(passes, 3);
  assert.deepEqual(
    (await childrenOf(id)).map(({ title }) => title),
    ['Part 1', 'Part 2', 'Part 3', 'Part 3'],
  );
});

test('a child that fails ends the task and its other children, or is told of where every one is waited for', async (t) => {
  const whole = (name: string, onFailure: 'fail' | 'collect') =>
    defineTask({
      name,
      params: nothing,
      async run(_, task) {
        const long = await task.launch('long', part, {
          n: 1,
          ms: onFailure === 'fail' ? 60_000 : 50,
        });
        const broken = await task.launch('broken', part, { n: 2, fails: true });
        if (onFailure === 'fail') return task.all([long, broken]);
        const outcomes = await task.all([long, broken], { onFailure: 'collect' });
        return outcomes.map(({ name, state, result, message }) => [name, state, result, message]);
      },
    });
  const [failing, collecting] = [whole('failing', 'fail'), whole('collecting', 'collect')];
  const { db, launch, childrenOf } = await setUp(t, [failing, collecting]);
  const id = await launch(failing);
  const failed = await finished(db, id, 10_000);
  const states = (await childrenOf(id)).map(({ state }) => state);
  assert.deepEqual(
    [failed.state, failed.reason, failed.message, states],
    [
      'failed',
      'child-failed',
      `“Part 2” (task ${id + 2}) has failed: part 2 is broken`,
      ['cancelled', 'failed'],
    ],
  );
  const collected = await finished(db, await launch(collecting), 10_000);
  assert.deepEqual(collected.result, [
    ['long', 'succeeded', 1, null],
    ['broken', 'failed', null, 'part 2 is broken'],
  ]);
});

test('a task that is cancelled is cancelled with its children and theirs, and lets nothing go before the last of them has stopped', async (t) => {
  const middle = defineTask({
    name: 'middle',
    params: nothing,
    async run(_, task) {
      await task.lock('countries', ['ESP']);
      await task.all([await task.launch('deaf', part, { n: 1, ms: 1_000, isDeaf: true })]);
    },
  });
  const whole = defineTask({
    name: 'whole',
    params: nothing,
    async run(_, task) {
      await task.lock('countries', ['ESP', 'FRA']);
      await task.all([
        await task.launch('middle', middle, {}),
        await task.launch(
          'later',
          part,
          { n: 2 },
          {
            delayMs: 60_000,
          },
        ),
      ]);
    },
  });
  const { db, context, launch, childrenOf, until } = await setUp(t, [middle, whole]);
  await insertPlaces(db, 1);
  const id = await launch(whole);
  await until(id, (states) => states.length === 2);
  const [{ id: inner = 0 } = {}] = await childrenOf(id);
  await until(inner, (states) => states[0] === 'running');
  await wait(100);
  const holder = async () => (await findHolder(db.pages, db.t, 'Country', 'FRA'))?.taskId;
  assert.equal(await cancel(context, ada, id), 'cancelling');
  assert.deepEqual(
    (await childrenOf(id)).map(({ state }) => state),
    ['cancelling', 'cancelled'],
  );
  assert.equal(await holder(), id);
  const task = await finished(db, id, 10_000);
  assert.deepEqual([task.state, task.message], ['cancelled', 'Cancelled by Ada.']);
  assert.deepEqual(
    [...(await childrenOf(id)), ...(await childrenOf(inner))].map(({ state }) => state),
    ['cancelled', 'cancelled', 'succeeded'],
  );
  assert.equal(await holder(), undefined);
  const { message } = await getTask(context, ada, inner);
  assert.equal(message, `Cancelled with task ${id}, which it is a part of.`);
});

test('a task that returns while its children go on ends after them', async (t) => {
  const careless = defineTask({
    name: 'careless',
    params: nothing,
    async run(_, task) {
      await task.launch('part', part, { n: 1, ms: 300 });
      return 'done';
    },
  });
  const { db, launch, childrenOf } = await setUp(t, [careless]);
  const id = await launch(careless);
  const task = await finished(db, id, 10_000);
  assert.deepEqual([task.state, task.result], ['succeeded', 'done']);
  assert.deepEqual((await childrenOf(id))[0]?.state, 'succeeded');
});

test('tried again by hand, a task keeps the children that succeeded and launches the others again', async (t) => {
  let isBroken = true;
  const fragile = defineTask({
    name: 'fragile',
    params: nothing,
    attempts: 1,
    run: () => {
      if (isBroken) throw new Error('broken');
      return 'mended';
    },
  });
  const whole = defineTask({
    name: 'whole',
    params: nothing,
    async run(_, task) {
      const children = [
        await task.launch('good', part, { n: 1 }),
        await task.launch('bad', fragile, {}),
      ] as const;
      await task.all([children[0]]);
      return task.all(children);
    },
  });
  const { db, context, launch, childrenOf } = await setUp(t, [fragile, whole]);
  const id = await launch(whole);
  assert.equal((await finished(db, id, 10_000)).state, 'failed');
  isBroken = false;
  const { task } = await retry(context, ada, id, { operationId, code: null });
  const again = await finished(db, task.id, 10_000);
  assert.deepEqual([again.state, again.result], ['succeeded', [1, 'mended']]);
  assert.deepEqual(
    [(await childrenOf(id)).length, (await childrenOf(task.id)).map(({ state }) => state)],
    [2, ['succeeded']],
  );
});

test('a task that is to stop ends after its last child, also where nobody was there to say so', async (t) => {
  const { db, context } = await setUp(t, [], 1);
  const launch = async (state: string, parentId: number | null) => {
    const launching = { principal: ada, delayMs: 60_000, parentId };
    const { id } = await launchOwn(context, part, { n: 1 }, launching);
    await db.pages.query(
      `update ${db.t.task} set state = $2, reason = $3, finished_at = case when $2 = 'cancelled' then now() end where id = $1`,
      [id, state, parentId === null ? 'error' : 'cancelled'],
    );
    return id;
  };
  const id = await launch('cancelling', null);
  await launch('cancelled', await launch('cancelling', id));
  await recover(context);
  const { rows } = await db.pages.query(`select state, reason from ${db.t.task} order by id`);
  assert.deepEqual(
    rows.map(({ state, reason }) => `${state} ${reason}`),
    ['failed error', 'cancelled cancelled', 'cancelled cancelled'],
  );
});
