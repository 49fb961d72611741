import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { advisoryClass } from '../../db/advisory-class.ts';
import { transaction } from '../../db/transaction.ts';
import type { AppError } from '../../errors.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import type { DuplicatePolicy } from '../../unique.ts';
import { cancel } from '../control/cancel.ts';
import { getTask } from '../looking/queries.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';
import type { OwnLaunch } from './own-launch.ts';
import { takeOwn } from './take-own.ts';

const params = z.object({ tenant: z.string() });

const gates: (() => void)[] = [];

/** A gate at which runs stand until it is opened, and who stood there at a time. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  gates.push(() => open());
  const log: string[] = [];
  let standing = 0;
  let peak = 0;
  return {
    open: () => open(),
    log,
    peak: () => peak,
    standing: () => standing,
    async pass(name: string) {
      log.push(name);
      peak = Math.max(peak, ++standing);
      await opened;
      standing--;
    },
  };
}

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks });
  const begin = async (queues: string[] | null = null, places = 4) => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places, queues });
    // Also after a test that failed: a worker waits for its runs.
    defer(() => {
      for (const open of gates) open();
      return worker.stop();
    });
  };
  const launch = async (
    definition: TaskDefinition<typeof params, unknown>,
    tenant = 'a',
    options: Partial<OwnLaunch> = {},
  ) => (await launchOwn(context, definition, { tenant }, { principal: ada, ...options })).id;
  const stateOf = async (id: number) => (await getTask(context, ada, id)).state;
  return { db, context, begin, launch, stateOf };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await wait(20))
    assert.ok(Date.now() < end, 'it does not come to be so');
}

const unique = (policy: DuplicatePolicy, gated: ReturnType<typeof gate>) =>
  defineTask({
    name: policy,
    params,
    unique: { policy },
    run: ({ tenant }) => gated.pass(tenant),
  });

test('the same that is under way is given again, and another is not the same', async (t) => {
  const gated = gate();
  const once = unique('existing', gated);
  const { context, db, begin, launch } = await setUp(t, once);
  const ids = await Promise.all(Array.from({ length: 12 }, () => launch(once)));
  assert.equal(new Set(ids).size, 1, 'twelve at once are one task');
  const other = await launch(once, 'b');
  assert.notEqual(other, ids[0]);
  await begin();
  await until(() => gated.standing() === 2);
  assert.equal(await launch(once), ids[0], 'also while it runs');
  gated.open();
  await finished(db, ids[0] as number);
  assert.notEqual(await launch(once), ids[0], 'what has ended is not under way');
  const keyed = defineTask({
    name: 'keyed',
    params: z.object({ tenant: z.string(), note: z.string() }),
    unique: { key: ({ tenant }) => tenant },
    run: () => null,
  });
  const keyedContext = { ...context, definitions: new Map([['keyed', keyed as never]]) };
  const [one, two] = await Promise.all(
    ['x', 'y'].map((note) =>
      launchOwn(keyedContext, keyed, { tenant: 'a', note }, { principal: ada }),
    ),
  );
  assert.equal(one?.id, two?.id, 'the key alone says what is the same');
});

test('the same is refused, by name of the task that is under way', async (t) => {
  const strict = unique('refuse', gate());
  const { db, launch } = await setUp(t, strict);
  const id = await launch(strict);
  const error = (await launch(strict).catch((reason) => reason)) as AppError;
  assert.deepEqual([error.code, error.status, error.details], ['duplicate', 409, { taskId: id }]);
  // Eve does not see what Ada launched.
  const hidden = (await launch(strict, 'a', { principal: eve }).catch(
    (reason) => reason,
  )) as AppError;
  assert.deepEqual([hidden.code, hidden.details], ['duplicate', {}]);
  assert.doesNotMatch(hidden.message, new RegExp(`${id}|Ada`));
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 1);
});

test('the same waits for the end of the one before, each for its own', async (t) => {
  const gated = gate();
  const behind = unique('after', gated);
  const { db, begin, launch, context, stateOf } = await setUp(t, behind);
  const ids = [await launch(behind), await launch(behind), await launch(behind)];
  assert.equal((await getTask(context, ada, ids[2] as number)).blockedBy, ids[1]);
  await begin();
  await until(() => gated.standing() === 1);
  await wait(300);
  assert.deepEqual(await Promise.all(ids.map(stateOf)), ['running', 'queued', 'queued']);
  gated.open();
  for (const id of ids) assert.equal((await finished(db, id)).state, 'succeeded');
  assert.equal(gated.peak(), 1, 'never two at a time');
});

test('a later launch takes the place of what has not begun', async (t) => {
  const gated = gate();
  const debounced = unique('replace', gated);
  const { db, begin, launch, context } = await setUp(t, debounced);
  const [first, second] = [await launch(debounced), await launch(debounced)];
  assert.deepEqual(
    [(await getTask(context, ada, first)).state, (await getTask(context, ada, first)).reason],
    ['cancelled', 'replaced'],
  );
  await begin();
  await until(() => gated.standing() === 1);
  const third = await launch(debounced);
  const fourth = await launch(debounced);
  assert.equal((await getTask(context, ada, third)).state, 'cancelled');
  assert.equal((await getTask(context, ada, fourth)).blockedBy, second, 'what runs goes on');
  gated.open();
  assert.equal((await finished(db, second)).state, 'succeeded');
  assert.equal((await finished(db, fourth)).state, 'succeeded');
  assert.equal(gated.peak(), 1);
});

test('who asks for a turn in a transaction sees who was faster, or is told that it cannot', async (t) => {
  const once = unique('existing', gate());
  const { db, context, launch } = await setUp(t, once);
  const inTransaction = (level: string) =>
    transaction(db.pages, async (client) => {
      await client.query(`set transaction isolation level ${level}`);
      return launchOwn(context, once, { tenant: 'a' }, { principal: ada }, client);
    });
  await assert.rejects(inTransaction('repeatable read'), { code: 'wrong-isolation' });
  let other: Promise<number> | undefined;
  const { id } = await transaction(db.pages, async (client) => {
    const task = await launchOwn(context, once, { tenant: 'a' }, { principal: ada }, client);
    other = launch(once);
    await wait(200);
    return task;
  });
  assert.equal(await other, id);
});

test('what is to begin later holds nothing until then, and has its turn when it has come', async (t) => {
  const gated = gate();
  const once = unique('existing', gated);
  const behind = unique('after', gated);
  const { db, begin, launch, stateOf } = await setUp(t, once, behind);
  const later = await launch(once, 'a', { delayMs: 700 });
  const laterBehind = await launch(behind, 'a', { delayMs: 700 });
  assert.deepEqual([await stateOf(later), await stateOf(laterBehind)], ['scheduled', 'scheduled']);
  const now = await launch(once);
  const nowBehind = await launch(behind);
  assert.notEqual(now, later, 'what waits for its time is not under way');
  await begin();
  const ended = await finished(db, later);
  assert.deepEqual([ended.state, ended.reason], ['cancelled', 'duplicate']);
  await until(async () => (await stateOf(laterBehind)) === 'queued');
  gated.open();
  for (const id of [now, nowBehind, laterBehind])
    assert.equal((await finished(db, id)).state, 'succeeded');
});

test('one that waits for its time begins then, and can be cancelled before', async (t) => {
  const at: number[] = [];
  const plain = defineTask({ name: 'plain', params, run: () => void at.push(Date.now()) });
  const { db, context, begin, launch } = await setUp(t, plain);
  await begin();
  const from = Date.now();
  const id = await launch(plain, 'a', { delayMs: 1_200 });
  const dropped = await launch(plain, 'b', { delayMs: 1_200 });
  await cancel(context, ada, dropped);
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.equal((await finished(db, dropped)).state, 'cancelled');
  await wait(300);
  assert.equal(at.length, 1);
  assert.ok((at[0] as number) - from >= 1_150, `${(at[0] as number) - from} ms`);
});

test('what has not begun in time is not begun, what has begun goes on', async (t) => {
  const gated = gate();
  const brief = defineTask({
    name: 'brief',
    params,
    expireAfterMs: 300,
    run: ({ tenant }) => gated.pass(tenant),
  });
  const { db, context, begin, launch, stateOf } = await setUp(t, brief);
  const late = await launch(brief, 'late');
  const patient = await launch(brief, 'patient', { expiresAt: null });
  const soon = await launch(brief, 'soon', { expiresAt: new Date(Date.now() + 60_000) });
  const never = await launch(brief, 'never', { delayMs: 60_000 });
  await wait(350);
  await begin();
  await until(() => gated.standing() === 2);
  // The worker may be at one of them itself, which is passed over then.
  await recover(context);
  for (const id of [late, never]) {
    await until(async () => (await stateOf(id)) === 'cancelled');
    const task = await getTask(context, ada, id);
    assert.deepEqual([task.state, task.reason], ['cancelled', 'expired']);
  }
  assert.deepEqual([...gated.log].sort(), ['patient', 'soon']);
  await db.pages.query(`update ${db.t.task} set expires_at = now() where id = $1`, [soon]);
  await recover(context);
  assert.equal(await stateOf(soon), 'running');
  gated.open();
  for (const id of [soon, patient]) assert.equal((await finished(db, id)).state, 'succeeded');
});

test('what has not begun in time is taken by no place, also before somebody has cancelled it', async (t) => {
  const brief = defineTask({ name: 'brief', params, expireAfterMs: 1, run: () => 'done' });
  const { db, context, launch, stateOf } = await setUp(t, brief);
  const [late, lasting] = [await launch(brief), await launch(brief, 'a', { expiresAt: null })];
  const workerId = randomUUID();
  await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'here', 1)`, [
    workerId,
  ]);
  await wait(5);
  const taken = await takeOwn(
    context,
    { workerId, pool: db.background, queues: null, backends: ['queue'] },
    5,
  );
  assert.deepEqual(
    taken.map(({ task }) => task.id),
    [lasting],
  );
  assert.equal(await stateOf(late), 'queued');
});

test('the greatest priority is taken first, that of a launch before that of its definition', async (t) => {
  const order: string[] = [];
  const ranked = (name: string, priority?: number) =>
    defineTask({
      name,
      params,
      ...(priority !== undefined && { priority }),
      run: ({ tenant }) => void order.push(tenant),
    });
  const [plain, last, first] = [ranked('plain'), ranked('last', -5), ranked('first', 10)];
  const { db, begin, launch } = await setUp(t, plain, last, first);
  const ids = [
    await launch(last, 'last'),
    await launch(plain, 'plain'),
    await launch(first, 'first'),
    await launch(last, 'raised', { priority: 5 }),
  ];
  await begin(null, 1);
  for (const id of ids) await finished(db, id);
  assert.deepEqual(order, ['first', 'raised', 'plain', 'last']);
});

test('a worker takes of the queues that it listens to', async (t) => {
  const mail = defineTask({ name: 'mail', params, queue: 'mail', run: () => 'sent' });
  const other = defineTask({ name: 'other', params, run: () => 'done' });
  const { db, begin, launch, stateOf } = await setUp(t, mail, other);
  await begin(['mail']);
  const [one, two] = [await launch(other), await launch(mail)];
  await finished(db, two);
  await wait(300);
  assert.equal(await stateOf(one), 'queued');
  await begin(['default', 'reports']);
  assert.equal((await finished(db, one)).state, 'succeeded');
});

test('no more run at a time than may, in all workers together, counted by key', async (t) => {
  const gated = gate();
  const limited = defineTask({
    name: 'limited',
    params,
    concurrency: { max: 2, key: ({ tenant }) => tenant },
    run: ({ tenant }) => gated.pass(tenant),
  });
  const free = defineTask({ name: 'free', params, run: () => 'done' });
  const { db, begin, launch } = await setUp(t, limited, free);
  const ids: number[] = [];
  for (let i = 0; i < 6; i++) ids.push(await launch(limited, 'a'));
  ids.push(await launch(limited, 'b'));
  await Promise.all([begin(null, 8), begin(null, 8)]);
  await until(() => gated.standing() === 3);
  await finished(db, await launch(free));
  await wait(300);
  assert.deepEqual([...gated.log].sort(), ['a', 'a', 'b'], 'two of one tenant, one of the other');
  gated.open();
  for (const id of ids) assert.equal((await finished(db, id)).state, 'succeeded');
});

test('eight places of two workers that take at the same time keep to the limit', async (t) => {
  let standing = 0;
  let peak = 0;
  const one = defineTask({
    name: 'one',
    params,
    concurrency: 1,
    async run() {
      peak = Math.max(peak, ++standing);
      await wait(5);
      standing--;
    },
  });
  const { db, begin, launch } = await setUp(t, one);
  const ids: number[] = [];
  await Promise.all([begin(null, 4), begin(null, 4)]);
  for (let i = 0; i < 40; i++) ids.push(await launch(one));
  for (const id of ids) assert.equal((await finished(db, id)).state, 'succeeded');
  assert.equal(peak, 1);
});

test('no more are started in a span than may be, counted by key', async (t) => {
  const starts = new Map<string, number[]>();
  const mail = defineTask({
    name: 'mail',
    params,
    rate: { max: 3, perMs: 1_500, key: ({ tenant }) => tenant },
    run: ({ tenant }) => void starts.set(tenant, [...(starts.get(tenant) ?? []), Date.now()]),
  });
  const { db, begin, launch } = await setUp(t, mail);
  await begin(null, 8);
  const ids: number[] = [];
  for (let i = 0; i < 7; i++) ids.push(await launch(mail, 'a'));
  ids.push(await launch(mail, 'b'));
  for (const id of ids) await finished(db, id);
  const of = starts.get('a') as number[];
  for (let i = 3; i < of.length; i++)
    assert.ok((of[i] as number) - (of[i - 3] as number) >= 1_400, `${of.join(' ')}`);
  assert.ok(((starts.get('b') as number[])[0] as number) < (of[3] as number), 'b has its own');
  await wait(1_600);
  await recover(testContext(db, {}, {}, { ...sample, schedules: [], tasks: [mail] }));
  assert.equal((await db.pages.query(`select from ${db.t.task_start}`)).rowCount, 0);
});

test('who does not come to an end with a launch keeps nobody waiting for long', async (t) => {
  const once = unique('existing', gate());
  const limited = defineTask({ name: 'limited', params, concurrency: 1, run: () => 'done' });
  const free = defineTask({ name: 'free', params, run: () => 'done' });
  const { db, context, begin, launch, stateOf } = await setUp(t, once, limited, free);
  const scheduled = await launch(once, 'a', { delayMs: 100 });
  const plain = await launch(free, 'a', { delayMs: 100 });
  await transaction(db.pages, async (client) => {
    await launchOwn(context, once, { tenant: 'a' }, { principal: ada }, client);
    await assert.rejects(launch(once), { code: 'busy', status: 503 });
    await wait(100);
    const from = Date.now();
    await recover(context);
    assert.ok(Date.now() - from < 5_000);
    assert.deepEqual([await stateOf(scheduled), await stateOf(plain)], ['scheduled', 'queued']);
    await client.query('select pg_advisory_xact_lock($1, hashtext($2))::text', [
      advisoryClass.limits,
      db.t.task,
    ]);
    const waiting = await launch(limited);
    await begin();
    assert.equal((await finished(db, plain)).state, 'succeeded');
    assert.equal(await stateOf(waiting), 'queued');
    await client.query('rollback; begin');
    assert.equal((await finished(db, waiting)).state, 'succeeded');
  });
});

for (const policy of ['existing', 'refuse', 'after', 'replace'] as const)
  test(`the same launch sent six times at once is one task that runs: ${policy}`, async (t) => {
    const sent = unique(policy, gate());
    const { db, context, launch } = await setUp(t, sent);
    const operationId = randomUUID();
    const ids = await Promise.all(
      Array.from({ length: 6 }, () => launch(sent, 'a', { operationId })),
    );
    assert.equal(new Set(ids).size, 1);
    assert.equal((await getTask(context, ada, ids[0] as number)).state, 'queued');
    assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 1);
  });
