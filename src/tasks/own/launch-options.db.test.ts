import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { transaction } from '../../db/transaction.ts';
import type { AppError } from '../../errors.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { managersOf } from '../../task-managers.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { getTask } from '../looking/queries.ts';
import { moveTask } from '../move-task.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';

const params = z.object({ name: z.string() });

let open: () => void = () => undefined;
let opened: Promise<void>;
const ran: string[] = [];
const calls = new Map<string, number>();

/** Returns when it is let through, or as its name says. */
const gated = defineTask({
  name: 'gated',
  params,
  title: ({ name }) => `Gated ${name}`,
  attempts: 1,
  async run({ name }, task) {
    ran.push(name);
    calls.set(name, (calls.get(name) ?? 0) + 1);
    if (name === 'fails') throw new Error('it fails');
    if (name !== 'at once') {
      await Promise.race([
        opened,
        once(task.signal, 'abort').then(() => task.signal.throwIfAborted()),
      ]);
    }
    return { name, by: task.principal.name };
  },
});
const restricted = defineTask({ ...gated.options, name: 'restricted', allowed: () => false });
const unique = defineTask({ ...gated.options, name: 'unique', unique: {} });
const replacing = defineTask({
  ...unique.options,
  name: 'replacing',
  unique: { policy: 'replace' },
});

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
const tasks: TaskDefinition<any, any>[] = [gated, restricted, unique, replacing];

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  opened = new Promise((resolve) => {
    open = resolve;
  });
  ran.length = 0;
  calls.clear();
  const context = testContext(
    db,
    { recoveryIntervalMs: 50 },
    {},
    { ...sample, schedules: [], tasks },
  );
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 4 });
    // Also after a test that failed: a worker waits for its runs.
    defer(() => {
      open();
      return worker.stop();
    });
  };
  const manager = managersOf({}, context)(null, ada);
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    for (const end = Date.now() + 20_000; !(await isSo()); await wait(20))
      assert.ok(Date.now() < end, 'it does not come to be so');
  };
  const stateOf = async (id: number) => (await getTask(context, ada, id)).state;
  const codeOf = (work: Promise<unknown>) =>
    work.then(
      () => 'launched',
      (error: AppError) => error.code,
    );
  return { db, context, manager, begin, until, stateOf, codeOf };
}

test('a task becomes a part of one that goes on: that ends after it, and cancels it', async (t) => {
  const { db, context, manager, begin, until, stateOf, codeOf } = await setUp(t);
  await begin();
  const parent = await manager.launch(gated, { name: 'parent' });
  await until(() => ran.length === 1);
  const [one, two] = await manager.launchMany(gated, [{ name: 'one' }, { name: 'at once' }], {
    parent: parent.id,
  });
  await until(() => ran.length === 3);
  const row = await getTask(context, ada, one?.id as number);
  assert.equal(row.parentId, parent.id);
  await finished(db, two?.id as number);
  await manager.cancel(parent.id);
  await until(async () => (await stateOf(parent.id)) === 'cancelled');
  assert.equal(await stateOf(one?.id as number), 'cancelled');

  const other = await manager.launch(gated, { name: 'other' });
  await until(() => ran.includes('other'));
  await transaction(db.pages, async (tx) => {
    await manager.launch(gated, { name: 'late' }, { parent: other.id, tx });
    open();
    await wait(500);
    assert.equal(await stateOf(other.id), 'running', 'it waits for the transaction');
  });
  const ended = await finished(db, other.id);
  const late = await finished(db, other.id + 1);
  assert.deepEqual([ended.state, late.state], ['succeeded', 'succeeded']);
  assert.ok((late.finishedAt as Date) <= (ended.finishedAt as Date), 'the part ends first');

  assert.equal(
    await codeOf(manager.launch(gated, { name: 'no' }, { parent: other.id })),
    'task-finished',
  );
  const eves = await manager.as(eve).launch(gated, { name: 'eve' }, { delayMs: 60_000 });
  await manager.as(eve).launch(gated, { name: 'at once' }, { parent: eves.id });
  const foreign = await manager.launch(gated, { name: 'mine' }, { delayMs: 60_000 });
  assert.equal(
    await codeOf(manager.as(eve).launch(gated, { name: 'no' }, { parent: foreign.id })),
    'not-found',
  );
  await insertPlaces(db, 30);
  const bulk = await launchOn(
    context,
    context.registry.for(ada, 'cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'bulk' },
  );
  assert.equal(
    await codeOf(manager.launch(gated, { name: 'no' }, { parent: bulk.task.id })),
    'task-finished',
  );
});

test('one that has not begun by its time takes its parts with it', async (t) => {
  const { context, manager, stateOf } = await setUp(t);
  const parent = await manager.launch(
    gated,
    { name: 'parent' },
    { startAt: new Date(Date.now() + 60_000), expiresAt: new Date(Date.now() + 1_000) },
  );
  const part = await manager.launch(
    gated,
    { name: 'part' },
    { parent: parent.id, delayMs: 60_000 },
  );
  await wait(1_100);
  await recover(context);
  assert.deepEqual([await stateOf(parent.id), await stateOf(part.id)], ['cancelled', 'cancelled']);
});

test('the end of a task launches another, whatever the end is, once and in the same transaction', async (t) => {
  const { db, context, manager, begin, until } = await setUp(t);
  const onFinished = (name: string) => ({ task: gated, params: { name } });
  const nextOf = async (id: number) => (await manager.get(id)).onFinished;
  const succeeds = await manager.launch(
    gated,
    { name: 'at once' },
    { onFinished: onFinished('after success'), principal: eve },
  );
  const fails = await manager.launch(
    gated,
    { name: 'fails' },
    { onFinished: onFinished('after failure') },
  );
  const cancelled = await manager.launch(
    gated,
    { name: 'never' },
    { onFinished: onFinished('after cancel'), delayMs: 60_000 },
  );
  assert.deepEqual(await nextOf(cancelled.id), { title: 'Gated after cancel', taskId: null });
  open();
  await begin();
  await finished(db, succeeds.id);
  await finished(db, fails.id);
  await manager.cancel(cancelled.id);
  for (const [id, name, by] of [
    [succeeds.id, 'after success', 'Eve'],
    [fails.id, 'after failure', 'Ada'],
    [cancelled.id, 'after cancel', 'Ada'],
  ] as const) {
    const next = await nextOf(id);
    assert.equal(next?.title, `Gated ${name}`);
    const task = await finished(db, next?.taskId as number);
    assert.deepEqual(
      [task.state, task.result, task.title],
      ['succeeded', { name, by }, next?.title],
    );
    assert.equal(calls.get(name), 1);
    assert.equal(task.onFinished, null);
  }
  const { rows } = await db.pages.query(`select count(*)::int from ${db.t.task}`);
  assert.equal(rows[0]?.count, 6);

  // What ends in a transaction that is taken back launches nothing.
  const taken = await manager.launch(
    gated,
    { name: 'at once' },
    { delayMs: 60_000, onFinished: onFinished('taken back') },
  );
  await until(async () => (await getTask(context, ada, taken.id)).state === 'scheduled');
  await assert.rejects(
    transaction(db.pages, async (client) => {
      await moveTask(client, db.t, taken.id, 'cancelled');
      throw new Error('taken back');
    }),
  );
  assert.deepEqual(await nextOf(taken.id), { title: 'Gated taken back', taskId: null });
});

test('what a launch names for its end is asked at the launch, and has its turn as any', async (t) => {
  const { db, manager, begin, codeOf } = await setUp(t);
  const launch = (task: (typeof tasks)[number], params: unknown) =>
    codeOf(manager.launch(gated, { name: 'at once' }, { onFinished: { task, params } }));
  assert.equal(await launch(gated, { name: 5 }), 'invalid-params');
  assert.equal(await launch(defineTask({ ...gated.options, name: 'new' }), {}), 'unknown-task');
  assert.equal(
    await codeOf(
      manager
        .as(eve)
        .launch(gated, { name: 'x' }, { onFinished: { task: restricted, params: { name: 'x' } } }),
    ),
    'forbidden',
  );
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
  const same = { task: unique, params: { name: 'same' } };
  const [one, two] = await manager.launchMany(gated, [{ name: 'at once' }, { name: 'at once' }], {
    onFinished: same,
  });
  await begin();
  for (const launched of [one, two]) await finished(db, launched?.id as number);
  const nexts: number[] = [];
  for (const launched of [one, two]) {
    const { onFinished } = await manager.get(launched?.id as number);
    nexts.push(onFinished?.taskId as number);
  }
  const isSettled = async () => {
    const { rows } = await db.pages.query<{ state: string; reason: string | null }>(
      `select state, reason from ${db.t.task} where id = any($1) order by state`,
      [nexts],
    );
    return rows.map(({ state, reason }) => `${state} ${reason}`).join();
  };
  for (let tries = 0; (await isSettled()) !== 'cancelled duplicate,running null'; tries++) {
    assert.ok(tries < 300, await isSettled());
    await wait(20);
  }
});

test('a worker that dies at the end of a task launches what follows it, once', async (t) => {
  const { db, context, manager, begin, until } = await setUp(t);
  const lost = await manager.launch(
    gated,
    { name: 'lost' },
    { onFinished: { task: gated, params: { name: 'at once' } } },
  );
  // As a worker leaves it that dies while it runs: a slot of nobody's.
  await db.pages.query(
    `update ${db.t.task} set state = 'running', started_at = now() where id = $1`,
    [lost.id],
  );
  await db.pages.query(
    `insert into ${db.t.worker} (id, host, pid, lock_id) values ('00000000-0000-4000-8000-00000000dead', 'x', 1, 123456)`,
  );
  await db.pages.query(
    `insert into ${db.t.task_slot} (task_id, slot, worker_id, token, ends_at) values ($1, 0, '00000000-0000-4000-8000-00000000dead', gen_random_uuid(), now() + interval '1 h')`,
    [lost.id],
  );
  await Promise.all([recover(context), recover(context), recover(context)]);
  const ended = await finished(db, lost.id);
  assert.deepEqual([ended.state, ended.reason], ['failed', 'worker-died']);
  await begin();
  await until(async () => (await manager.list({ states: ['succeeded'] })).length === 1);
  const { rows } = await db.pages.query(`select count(*)::int from ${db.t.task}`);
  assert.equal(rows[0]?.count, 2);
});

test('one that has not begun, but whose parts may, gives its place to none', async (t) => {
  const { manager, stateOf } = await setUp(t);
  const parent = await manager.launch(replacing, { name: 'parent' });
  await manager.launch(gated, { name: 'part' }, { parent: parent.id });
  const later = await manager.launch(replacing, { name: 'parent' });
  assert.deepEqual(
    [await stateOf(parent.id), (await manager.get(later.id)).blockedBy],
    ['queued', parent.id],
  );
});
