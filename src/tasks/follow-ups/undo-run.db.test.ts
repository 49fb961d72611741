import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { AppError } from '../../errors.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import type { TaskHook } from '../../task-definitions/task-hooks.ts';
import type { TaskRun } from '../../task-definitions/task-run.ts';
import { managersOf } from '../../task-managers.ts';
import { ada, eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { listFailures } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';

const nothing = z.object({});

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
type AnyTask = TaskDefinition<any, any>;

async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: AnyTask[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 50);
  await db.pages.query('create table public.dealt (item int)');
  const events: string[] = [];
  const hook: TaskHook = {
    name: 'undos',
    on: ['task:undone', 'task:retried'],
    run: ({ name, task }) => void events.push(`${name} ${task.id}`),
  };
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks, taskHooks: [hook] });
  const worker = await startWorker(context, { connectionString, concurrency: 2, places: 3 });
  defer(() => worker.stop());
  const manager = managersOf({}, context)(null, ada);
  const run = async (definition: AnyTask, params = {}) =>
    finished(db, (await manager.launch(definition, params)).id, 20_000);
  const undos = async (id: number) => {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from ${db.t.task} where follows_id = $1 order by id`,
      [id],
    );
    return Promise.all(rows.map((row) => finished(db, row.id, 20_000)));
  };
  const places = async () =>
    (
      await db.pages.query<{ text: string }>(
        `select concat_ws(' ', id, notes, population) as text from gazetteer.city where notes is not null or id <= 3 order by id`,
      )
    ).rows.map(({ text }) => text);
  const refusal = (id: number, as = ada) =>
    manager
      .as(as)
      .undo(id)
      .then(
        () => 'launched',
        (error: AppError) => error.code,
      );
  return { db, events, manager, run, undos, places, refusal };
}

test('what a run changed is put back, of each resource and each record once; what was changed since is left and named', async (t) => {
  const changing = defineTask({
    name: 'changing',
    params: nothing,
    title: 'Change places',
    async run(_, task) {
      await task.change('cities', [1, 2], { notes: 'first' });
      await task.change('countries', ['ESP'], { name: 'España' });
      await task.tx(async () => {
        await task.change('cities', [1], { notes: 'second', population: 900 });
        await task.change('cities', [3], { population: 800 });
      });
      const source = async (after: unknown) => (after === null ? [{ item: 1, position: 1 }] : []);
      await task.each('once', source, async () => {
        await task.change('cities', [1], { notes: 'third' });
      });
      const [{ count } = { count: 0 }] = await task.tx((tx) =>
        tx.$queryRawUnsafe<{ count: number }[]>('select count(*)::int from gazetteer.city'),
      );
      return count;
    },
  });
  const { db, manager, run, undos, places } = await setUp(t, changing);
  const task = await run(changing);
  assert.deepEqual([task.state, task.result], ['succeeded', 50]);
  assert.deepEqual(await places(), ['1 third 900', '2 first 2', '3 800']);
  await db.pages.query(`update gazetteer.city set notes = 'since' where id = 2`);
  const launched = await manager.undo(task.id);
  assert.equal(launched.title, 'Undo: Change places');
  const done = await undos(task.id);
  assert.deepEqual(
    done.map(({ resource, state, changed, failed, expected }) => [
      resource,
      state,
      changed,
      failed,
      expected,
    ]),
    [
      ['cities', 'partial', 2, 1, 3],
      ['countries', 'succeeded', 1, 0, 1],
    ],
  );
  assert.deepEqual(await places(), ['1 1', '2 since 2', '3 3']);
  const names = await db.pages.query('select name from gazetteer.country order by code limit 1');
  assert.equal(names.rows[0]?.name, 'Spain');
  const [failure] = await listFailures(db, done[0]?.id as number);
  assert.match(failure?.message ?? '', /Edited since: Notes/);
  await manager.undo(done[0]?.id as number);
  await undos(done[0]?.id as number);
  assert.deepEqual(await places(), ['1 third 900', '2 since 2', '3 800'], 'and back again');
});

test('a run that wrote otherwise is not taken back, one that only read is, and none whose person may not', async (t) => {
  const change = (task: TaskRun, id: number) => task.change('cities', [id], { notes: 'changed' });
  const insert = 'insert into public.dealt values (1)';
  const ways: Record<string, (task: TaskRun) => Promise<unknown>> = {
    nothing: async () => null,
    reads: async (task) => {
      await task.tx((tx) => tx.$queryRawUnsafe('select 1'));
      await change(task, 1);
    },
    'writes before': (task) =>
      task.tx(async (tx) => {
        await tx.$executeRawUnsafe(insert);
        await change(task, 2);
      }),
    'writes after': (task) =>
      task.tx(async (tx) => {
        await change(task, 3);
        await tx.$executeRawUnsafe('update gazetteer.city set population = 0 where id = 4');
      }),
    'writes apart': async (task) => {
      await change(task, 5);
      await task.tx((tx) => tx.$executeRawUnsafe(insert));
    },
    'writes each': async (task) => {
      const source = async (after: unknown) => (after === null ? [{ item: 1, position: 1 }] : []);
      await task.each('items', source, async (_, tx) => {
        await tx.$executeRawUnsafe(insert);
      });
      await change(task, 6);
    },
  };
  const writing = defineTask({
    name: 'writing',
    params: z.object({ way: z.string() }),
    attempts: 1,
    run: async ({ way }, task) => void (await ways[way]?.(task)),
  });
  const { run, refusal } = await setUp(t, writing);
  const said: Record<string, string> = {};
  for (const way of Object.keys(ways)) {
    const task = await run(writing, { way });
    assert.equal(task.state, 'succeeded', task.message ?? way);
    if (way === 'reads') assert.notEqual(await refusal(task.id, eve), 'launched');
    said[way] = await refusal(task.id);
  }
  assert.deepEqual(said, {
    nothing: 'nothing-to-undo',
    reads: 'launched',
    'writes before': 'not-undoable',
    'writes after': 'not-undoable',
    'writes apart': 'not-undoable',
    'writes each': 'not-undoable',
  });
});

test('the code of a task takes back what it did: with its result, steps of its own, tried again as any task', async (t) => {
  const log: unknown[] = [];
  let isBroken = true;
  const booking = defineTask({
    name: 'booking',
    params: z.object({ order: z.number() }),
    title: ({ order }) => `Book ${order}`,
    unique: {},
    attempts: 1,
    affects: () => ({ resource: 'cities', keys: [7] }),
    async run({ order }, task) {
      log.push(await task.step('charge', ({ key }) => `charged ${key}`));
      await task.tx((tx) => tx.$executeRawUnsafe('insert into public.dealt values (1)'));
      return { order, receipt: 5 };
    },
    async undo({ order }, result, task) {
      log.push(await task.step('charge', ({ key }) => `refunded ${key}`), [order, result]);
      await task.lock('cities', [7]);
      if (isBroken) throw new Error('not today');
      return 'refunded';
    },
  });
  const { db, events, manager, run, undos, refusal } = await setUp(t, booking);
  const task = await run(booking, { order: 1 });
  const launched = await manager.undo(task.id);
  assert.deepEqual([launched.title, launched.name], ['Undo: Book 1', 'booking']);
  const [failed] = await undos(task.id);
  assert.deepEqual([failed?.state, failed?.message], ['failed', 'not today']);
  isBroken = false;
  const again = await finished(db, (await manager.retry(launched.id)).id, 20_000);
  assert.deepEqual(
    [again.state, again.result, again.title],
    ['succeeded', 'refunded', 'Undo: Book 1'],
  );
  assert.deepEqual(log, [
    `charged ${task.id}:charge`,
    `refunded ${launched.id}:charge`,
    [1, { order: 1, receipt: 5 }],
    `refunded ${launched.id}:charge`,
    [1, { order: 1, receipt: 5 }],
  ]);
  const wanted = [`task:undone ${task.id}`, `task:undone ${launched.id}`];
  for (let tries = 0; events.length < 2 && tries < 200; tries++) await wait(20);
  assert.deepEqual(events, wanted);
  assert.equal(await refusal(again.id), 'nothing-to-undo', 'an undo is not undone by that code');
  const later = await manager.launch(booking, { order: 2 }, { delayMs: 60_000 });
  await manager.cancel(later.id);
  assert.equal(await refusal(later.id), 'nothing-to-undo', 'it had not begun');
});
