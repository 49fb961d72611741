import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { transaction } from '../../db/transaction.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import {
  checkTaskHooks,
  type TaskEvent,
  type TaskHook,
  taskEventNames,
} from '../../task-definitions/task-hooks.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { cancel } from '../control/cancel.ts';
import { pause, resume } from '../control/pause.ts';
import { retry } from '../follow-ups/retry.ts';
import { undo } from '../follow-ups/undo.ts';
import { launchOwn } from '../own/launch-own.ts';
import { purge } from '../worker/retention.ts';
import { startWorker } from '../worker/worker.ts';
import { deliverNext } from './deliver.ts';
import { announceHooks, fanOut } from './fan-out.ts';
import { startTelling } from './tell.ts';

const params = z.object({});
const slow = defineTask({
  name: 'slow',
  params,
  async run(_, task) {
    for (let done = 1; done <= 200; done++) {
      task.progress(done, 200);
      await wait(20, null, { signal: task.signal });
    }
  },
});
const quick = defineTask({ name: 'quick', params, title: 'Quick', run: () => 'done' });
const failing = defineTask({
  name: 'failing',
  params,
  attempts: 1,
  run: () => {
    throw new Error('no');
  },
});

async function setUp(t: Parameters<typeof testDatabase>[0], ...taskHooks: TaskHook[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const admin = { ...sample, schedules: [], tasks: [slow, quick, failing], taskHooks };
  const context = testContext(db, {}, {}, admin);
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    defer(() => worker.stop());
  };
  return { db, context, begin, defer };
}

async function until(isSo: () => boolean | Promise<boolean>, what = ''): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await wait(20))
    assert.ok(Date.now() < end, `it does not come to be so ${what}`);
}

test('a hook is told what becomes of tasks, in order, with who did it', async (t) => {
  const events: TaskEvent[] = [];
  const everything: TaskHook = {
    name: 'everything',
    on: taskEventNames.filter((name) => name !== 'task:progressed'),
    run: (event) => void events.push(event),
  };
  const { db, context, begin } = await setUp(t, everything);
  await insertPlaces(db, 40);
  await begin();
  const of = (id: number) => events.filter(({ task }) => task.id === id);
  const namesOf = (id: number) => of(id).map(({ name }) => name.replace('task:', ''));
  const own = await launchOwn(context, quick, {}, { principal: ada, meta: { order: 7 } });
  await until(() => namesOf(own.id).length === 3);
  assert.deepEqual(namesOf(own.id), ['created', 'started', 'succeeded']);
  const [created, , succeeded] = of(own.id) as [TaskEvent, TaskEvent, TaskEvent];
  assert.deepEqual(
    [created.by, created.task.title, created.task.operation, created.task.meta, created.task.state],
    [{ id: ada.id, name: 'Ada' }, 'Quick', 'quick', { order: 7 }, 'queued'],
  );
  assert.deepEqual([succeeded.by, succeeded.task.state], [null, 'succeeded']);
  assert.ok(succeeded.at >= created.at && typeof created.id === 'string');

  const long = await launchOwn(context, slow, {}, { principal: ada });
  await until(() => namesOf(long.id).includes('started'));
  await cancel(context, ada, long.id);
  await until(() => namesOf(long.id).includes('cancelled'));
  const again = await retry(context, ada, long.id, {
    operationId: '00000000-0000-4000-8000-000000000001',
    code: null,
  });
  await until(() => namesOf(long.id).includes('retried'));
  assert.deepEqual(namesOf(long.id), ['created', 'started', 'cancelled', 'retried']);
  assert.equal(of(long.id)[2]?.by?.name, 'Ada', 'who asked for it, though a worker ended it');
  await cancel(context, ada, again.task.id);
  const failed = await launchOwn(context, failing, {}, { principal: eve });
  await until(() => namesOf(failed.id).length === 3);
  assert.deepEqual(namesOf(failed.id), ['created', 'started', 'failed']);
  assert.deepEqual(of(failed.id)[2]?.task.message, 'no');

  const cities = context.registry.get('cities');
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', {
    field: 'status',
    'value.status': 'archived',
  });
  await until(() => namesOf(task.id).includes('succeeded'));
  const done = of(task.id).at(-1)?.task;
  assert.deepEqual(
    [done?.done, done?.total, done?.changed, done?.resource],
    [40, 40, 40, 'cities'],
  );
  const back = await undo(context, ada, task.id, {
    operationId: '00000000-0000-4000-8000-000000000002',
    chosen: null,
  });
  await finished(db, back.task.id);
  await until(() => namesOf(task.id).includes('undone'));
  await until(
    async () => (await db.pages.query(`select from ${db.t.task_delivery}`)).rowCount === 0,
  );
});

test('pausing and going on are told, and by whom', async (t) => {
  const events: TaskEvent[] = [];
  const { db, context } = await setUp(t, {
    name: 'pauses',
    on: ['task:paused', 'task:resumed', 'task:started'],
    run: (event) => void events.push(event),
  });
  await insertPlaces(db, 40);
  await announceHooks(db.pages, context);
  const cities = context.registry.get('cities');
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', {
    field: 'status',
    'value.status': 'archived',
  });
  await db.pages.query(`update ${db.t.task} set state = 'running' where id = $1`, [task.id]);
  await pause(context, ada, task.id);
  await resume(context, eve, task.id).catch(() => resume(context, ada, task.id));
  await fanOut(db.pages, context);
  while (await deliverNext(context, db.pages));
  assert.deepEqual(events.map(({ name, by }) => [name, by?.name ?? null]).slice(0, 1), [
    ['task:paused', 'Ada'],
  ]);
  assert.deepEqual(events[1]?.name, 'task:resumed');
});

test('what a hook throws changes nothing, and it is told again, up to ten times, then shown', async (t) => {
  let calls = 0;
  const { db, context } = await setUp(t, {
    name: 'broken',
    on: 'task:created',
    run: () => {
      calls++;
      throw new Error('not today');
    },
  });
  await announceHooks(db.pages, context);
  const first = await launchOwn(context, quick, {}, { principal: ada });
  await fanOut(db.pages, context);
  for (let n = 1; n <= 10; n++) {
    assert.equal(await deliverNext(context, db.pages), true);
    assert.equal(await deliverNext(context, db.pages), false, 'not before its time');
    await db.pages.query(`update ${db.t.task_delivery} set due_at = now()`);
  }
  assert.equal(await deliverNext(context, db.pages), false);
  const { rows } = await db.pages.query(
    `select task_id, attempts, error, parked_at is not null as parked from ${db.t.task_delivery}`,
  );
  assert.deepEqual(rows, [
    { task_id: first.id, attempts: 10, error: 'Error: not today', parked: true },
  ]);
  assert.equal(calls, 10);
  const task = await db.pages.query(`select state from ${db.t.task}`);
  assert.deepEqual(task.rows, [{ state: 'queued' }]);
});

test('of one task nothing is told before what came first, of another it is', async (t) => {
  const names: string[] = [];
  let isBroken = true;
  const { db, context } = await setUp(t, {
    name: 'ordered',
    on: ['task:created', 'task:cancelled'],
    run: ({ name, task }) => {
      if (isBroken && task.meta === 'first') throw new Error('not yet');
      names.push(`${task.meta} ${name}`);
    },
  });
  await announceHooks(db.pages, context);
  const first = await launchOwn(context, quick, {}, { principal: ada, meta: 'first' });
  await launchOwn(context, quick, {}, { principal: ada, meta: 'second' });
  await cancel(context, ada, first.id);
  await fanOut(db.pages, context);
  while (await deliverNext(context, db.pages));
  assert.deepEqual(names, ['second task:created']);
  isBroken = false;
  await db.pages.query(`update ${db.t.task_delivery} set due_at = now()`);
  while (await deliverNext(context, db.pages));
  assert.deepEqual(names, ['second task:created', 'first task:created', 'first task:cancelled']);
});

test('an event of a transaction that commits late is not passed over', async (t) => {
  const ids: number[] = [];
  const { db, context } = await setUp(t, {
    name: 'late',
    on: 'task:created',
    run: ({ task }) => void ids.push(task.id),
  });
  await announceHooks(db.pages, context);
  const late = await transaction(db.pages, async (client) => {
    const task = await launchOwn(context, quick, {}, { principal: ada }, client);
    await launchOwn(context, quick, {}, { principal: ada });
    await fanOut(db.pages, context);
    while (await deliverNext(context, db.pages));
    assert.equal(ids.length, 1);
    return task;
  });
  await fanOut(db.pages, context);
  while (await deliverNext(context, db.pages));
  assert.equal(ids[1], late.id);
  await fanOut(db.pages, context);
  assert.equal(await deliverNext(context, db.pages), false, 'each is told once');
});

test('whoever dies while it tells is followed by another', async (t) => {
  const tellings: string[] = [];
  const { db, context } = await setUp(t, {
    name: 'again',
    on: 'task:created',
    run: (event) => void tellings.push(event.id as string),
  });
  await announceHooks(db.pages, context);
  await launchOwn(context, quick, {}, { principal: ada });
  await fanOut(db.pages, context);
  // As one that died within the hook leaves it.
  await db.pages.query(
    `update ${db.t.task_delivery} set attempts = 1, due_at = now() + interval '60 s'`,
  );
  assert.equal(await deliverNext(context, db.pages), false);
  await db.pages.query(`update ${db.t.task_delivery} set due_at = now()`);
  assert.equal(await deliverNext(context, db.pages), true);
  assert.equal(tellings.length, 1);
});

test('progress is told as it is, a task that is forgotten is told of, and only after all else', async (t) => {
  const counts: number[] = [];
  const cleaned: TaskEvent[] = [];
  const { db, context, begin } = await setUp(
    t,
    { name: 'counts', on: 'task:progressed', run: ({ task }) => void counts.push(task.done) },
    {
      name: 'cleaned',
      on: ['task:cleaned', 'task:succeeded'],
      run: (event) => void cleaned.push(event),
    },
  );
  await begin();
  const long = await launchOwn(context, slow, {}, { principal: ada });
  await until(() => counts.length >= 3, 'progressed');
  assert.ok(counts.every((count, n) => n === 0 || count > (counts[n - 1] as number)));
  await cancel(context, ada, long.id);
  const id = (await launchOwn(context, quick, {}, { principal: ada })).id;
  await until(() => cleaned.length === 1);
  await db.pages.query(
    `update ${db.t.task} set finished_at = now() - interval '400 days' where id = $1`,
    [id],
  );
  await db.pages.query(
    `insert into ${db.t.task_delivery} (event_id, hook, name, task_id, payload) values (0, 'gone', 'task:created', $1, '{}')`,
    [id],
  );
  await purge(context);
  assert.equal((await db.pages.query(`select from ${db.t.task} where id = $1`, [id])).rowCount, 1);
  await db.pages.query(`delete from ${db.t.task_delivery} where hook = 'gone'`);
  await purge(context);
  assert.equal((await db.pages.query(`select from ${db.t.task} where id = $1`, [id])).rowCount, 0);
  await until(() => cleaned.length === 2);
  assert.deepEqual(
    [cleaned[1]?.name, cleaned[1]?.task.id, cleaned[1]?.task.title],
    ['task:cleaned', id, 'Quick'],
  );
  const events = `select from ${db.t.task_event} where task_id = $1`;
  assert.equal((await db.pages.query(events, [id])).rowCount, 0);
});

test('pages tell while no worker is alive, and leave it to workers otherwise', async (t) => {
  const tellings: string[] = [];
  const { db, context, begin, defer } = await setUp(t, {
    name: 'pages',
    on: 'task:created',
    run: ({ task }) => void tellings.push(String(task.meta)),
  });
  const telling = startTelling(context, db.pages, null);
  defer(() => telling.stop());
  await launchOwn(context, quick, {}, { principal: ada, meta: 'pages' });
  await until(() => tellings.length === 1);
  await begin();
  await launchOwn(context, quick, {}, { principal: ada, meta: 'worker' });
  await until(() => tellings.length === 2);
  assert.deepEqual(tellings, ['pages', 'worker']);
});

test('hooks that cannot be called refuse the start in a sentence', () => {
  const run = () => undefined;
  for (const [hooks, said] of [
    [[{ name: 'a b', on: 'task:created', run }], /Hook a b: its name begins with a letter/],
    [
      [{ name: 'a', on: 'task:create', run }],
      /"task:create" is no event. Did you mean "task:created"\?/,
    ],
    [[{ name: 'a', on: [], run }], /on must be events: task:created/],
    [[{ name: 'a', on: 'task:created' }], /run must be a function/],
    [[{ name: 'a', on: 'task:created', run, when: 1 }], /when is no option/],
    [
      [
        { name: 'a', on: 'task:created', run },
        { name: 'a', on: 'task:created', run },
      ],
      /another hook has this name/,
    ],
  ] as const)
    assert.throws(() => checkTaskHooks(hooks as unknown as TaskHook[]), said);
});
