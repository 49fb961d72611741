import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { AppError } from '../../errors.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { TaskGiveUp, TaskRetryLater } from '../../task-definitions/task-run.ts';
import { ada, eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { cancel } from '../control/cancel.ts';
import { pause } from '../control/pause.ts';
import { retry } from '../follow-ups/retry.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask, listEvents } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const quick = { firstMs: 50, maxMs: 200 };
const nothing = z.object({});

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks });
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 3 });
    defer(() => worker.stop());
    return worker;
  };
  return { db, defer, context, begin };
}

test('a task of one’s own is launched, told of, and kept with its result', async (t) => {
  const recount = defineTask({
    name: 'places.recount',
    params: z.object({ country: z.string(), times: z.coerce.number() }),
    title: ({ country }) => `Recount ${country}`,
    async run({ country, times }, task) {
      for (let done = 1; done <= times; done++) task.progress(done, times, `Counting ${country}`);
      return { country, times, by: task.principal.name, attempt: task.attempt };
    },
  });
  const { db, context, begin } = await setUp(t, recount);
  const { id, title, state } = await launchOwn(
    context,
    recount,
    { country: 'Spain', times: '40' },
    { principal: ada },
  );
  assert.deepEqual([title, state], ['Recount Spain', 'queued']);
  await begin();
  const task = await finished(db, id);
  assert.deepEqual(
    [task.state, task.result, task.done, task.total, task.progressMessage, task.failedAttempts],
    [
      'succeeded',
      { country: 'Spain', times: 40, by: 'Ada', attempt: 1 },
      40,
      40,
      'Counting Spain',
      0,
    ],
  );
  assert.deepEqual(task.parameters, { country: 'Spain', times: '40' }, 'what was given is kept');
  assert.deepEqual(
    (await listEvents(db, id)).map((event) => event.state),
    ['queued', 'running', 'succeeded'],
  );
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});

test('what throws before the run is called is an attempt that failed, and leaves no place taken', async (t) => {
  let calls = 0;
  const odd = defineTask({
    name: 'odd',
    params: z.object({ country: z.string() }).transform((params) => {
      if (++calls > 1) throw new Error('This validator is broken.');
      return params;
    }),
    attempts: 2,
    backoff: quick,
    run: () => null,
  });
  const { db, context, begin } = await setUp(t, odd);
  const { id } = await launchOwn(context, odd, { country: 'ESP' }, { principal: ada });
  await begin();
  const task = await finished(db, id);
  assert.deepEqual(
    [task.state, task.reason, task.message, task.failedAttempts],
    ['failed', 'error', 'This validator is broken.', 2],
  );
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});

test('a task’s last sign of life is when it last moved, or said how far it is', async (t) => {
  const counting = defineTask({
    name: 'counting',
    params: nothing,
    async run(_, task) {
      task.progress(1, 3);
      await wait(60_000, null, { signal: task.signal });
    },
  });
  const { db, context, begin } = await setUp(t, counting);
  const { id } = await launchOwn(context, counting, {}, { principal: ada });
  const read = () => getTask(context, ada, id);
  const launched = (await read()).updatedAt;
  await begin();
  while ((await read()).state !== 'running') await wait(5);
  const begun = (await read()).updatedAt;
  while ((await read()).done === 0) await wait(5);
  const progressed = (await read()).updatedAt;
  await cancel(context, ada, id);
  const ended = await finished(db, id);
  const times = [launched, begun, progressed, ended.updatedAt].map(Number);
  assert.deepEqual(
    times,
    [...new Set(times)].sort((one, other) => one - other),
    'ever later',
  );
});

test('what cannot be launched is refused by name, and nothing is written', async (t) => {
  const known = defineTask({
    name: 'known',
    params: z.object({ day: z.string(), range: z.object({ from: z.number() }) }),
    allowed: ({ roles }) => roles.includes('admin'),
    run: () => null,
  });
  const other = defineTask({ name: 'known', params: nothing, run: () => null });
  const { db, context } = await setUp(t, known);
  const good = { day: 'monday', range: { from: 1 } };
  const refused = async (launching: Promise<unknown>) => {
    const error = (await launching.then(
      () => assert.fail('it was launched'),
      (reason) => reason,
    )) as AppError;
    return [error.code, error.status, error.details?.fieldErrors ?? null];
  };
  assert.deepEqual(await refused(launchOwn(context, other, {}, { principal: ada })), [
    'unknown-task',
    422,
    null,
  ]);
  assert.deepEqual(await refused(launchOwn(context, known, good, { principal: eve })), [
    'forbidden',
    403,
    null,
  ]);
  const wrong = { day: 'monday', range: { from: 'one' } } as unknown as typeof good;
  assert.deepEqual(await refused(launchOwn(context, known, wrong, { principal: ada })), [
    'invalid-params',
    422,
    { 'range.from': 'Invalid input: expected number, received string' },
  ]);
  const odd = { ...good, day: new Date(0) } as unknown as typeof good;
  assert.deepEqual(await refused(launchOwn(context, known, odd, { principal: ada })), [
    'invalid-params',
    422,
    { params: 'params.day is a Date, which is not plain JSON.' },
  ]);
  const round: Record<string, unknown> = { ...good };
  round.self = round;
  const [code, status] = await refused(
    launchOwn(context, known, round as unknown as typeof good, { principal: ada }),
  );
  assert.deepEqual([code, status], ['invalid-params', 422]);
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
});

test('a failed attempt is tried again, later each time, and the last one ends the task', async (t) => {
  const attempts: number[] = [];
  const failing = defineTask({
    name: 'failing',
    params: nothing,
    attempts: 3,
    backoff: quick,
    run: (_, { attempt }) => {
      attempts.push(attempt);
      throw new Error(`attempt ${attempt} failed`);
    },
  });
  const second = defineTask({
    name: 'second',
    params: nothing,
    backoff: quick,
    run: (_, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
      return 'there';
    },
  });
  const vain = defineTask({
    name: 'vain',
    params: nothing,
    run: () => {
      throw new TaskGiveUp('there is no such address');
    },
  });
  const hopeless = defineTask({
    name: 'hopeless',
    params: nothing,
    retryOn: (error) => !(error instanceof RangeError),
    run: () => {
      throw new RangeError('out of range');
    },
  });
  const { db, context, begin } = await setUp(t, failing, second, vain, hopeless);
  await begin();
  const end = async (definition: typeof failing) =>
    finished(db, (await launchOwn(context, definition, {}, { principal: ada })).id);
  const outcome = ({
    state,
    reason,
    message,
    failedAttempts,
    attempts: taken,
  }: Awaited<ReturnType<typeof end>>) => [state, reason, message, failedAttempts, taken];
  assert.deepEqual(outcome(await end(failing)), ['failed', 'error', 'attempt 3 failed', 3, 3]);
  assert.deepEqual(attempts, [1, 2, 3]);
  const there = await end(second as typeof failing);
  assert.deepEqual([...outcome(there), there.result], ['succeeded', null, null, 1, 2, 'there']);
  assert.deepEqual(outcome(await end(vain as typeof failing)), [
    'failed',
    'gave-up',
    'there is no such address',
    0,
    1,
  ]);
  assert.deepEqual(outcome(await end(hopeless as typeof failing)), [
    'failed',
    'error',
    'out of range',
    1,
    1,
  ]);
});

test('what asks to be tried later waits, holds no place, and no attempt is counted', async (t) => {
  let calls = 0;
  const later = defineTask({
    name: 'later',
    params: nothing,
    attempts: 1,
    run: () => {
      calls++;
      if (calls < 3) throw new TaskRetryLater({ afterMs: 100, reason: 'The office is closed.' });
      return calls;
    },
  });
  const { db, context, begin } = await setUp(t, later);
  await begin();
  const task = await finished(db, (await launchOwn(context, later, {}, { principal: ada })).id);
  assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', 3, 0]);
  assert.deepEqual(
    (await listEvents(db, task.id)).map(({ state }) => state),
    ['queued', 'running', 'queued', 'running', 'queued', 'running', 'succeeded'],
  );
});

test('a run that heeds its signal is cancelled, one that is deaf to it and returns has succeeded', async (t) => {
  const heeding = defineTask({
    name: 'heeding',
    params: nothing,
    run: async (_, { signal }) => wait(60_000, null, { signal }),
  });
  const deaf = defineTask({
    name: 'deaf',
    params: nothing,
    run: async () => {
      await wait(800);
      return 'done all the same';
    },
  });
  const { db, context, begin } = await setUp(t, heeding, deaf);
  const early = await launchOwn(context, heeding, {}, { principal: ada });
  assert.equal(await cancel(context, ada, early.id), 'cancelled', 'before it began: at once');
  await begin();
  const running = async (definition: typeof heeding) => {
    const { id } = await launchOwn(context, definition, {}, { principal: ada });
    while ((await getTask(context, ada, id)).state === 'queued') await wait(20);
    return id;
  };
  const id = await running(heeding);
  await assert.rejects(pause(context, ada, id), { code: 'not-pausable', status: 409 });
  await assert.rejects(cancel(context, eve, id), { status: 404 }, 'somebody else’s');
  assert.equal(await cancel(context, ada, id), 'cancelling');
  const cancelled = await finished(db, id, 5_000);
  assert.deepEqual([cancelled.state, cancelled.message], ['cancelled', 'Cancelled by Ada.']);
  const other = await running(deaf as unknown as typeof heeding);
  assert.equal(await cancel(context, ada, other), 'cancelling');
  const late = await finished(db, other, 5_000);
  assert.deepEqual([late.state, late.result], ['succeeded', 'done all the same']);
});

test('what a run locks is held until it ends, whatever becomes of it', async (t) => {
  const held = defineTask({
    name: 'held',
    params: z.object({ isReleased: z.boolean() }),
    attempts: 1,
    async run({ isReleased }, task) {
      const lock = await task.lock('countries', ['ESP']);
      if (isReleased) await lock.release();
      const { id } = task;
      task.progress(1, 2);
      await wait(600);
      throw new TaskGiveUp(`task ${id} has seen enough`);
    },
  });
  const { db, context, begin } = await setUp(t, held);
  await begin();
  for (const isReleased of [false, true]) {
    const { id } = await launchOwn(context, held, { isReleased }, { principal: ada });
    while ((await getTask(context, ada, id)).done === 0) await wait(20);
    const holder = await findHolder(db.pages, db.t, 'Country', 'ESP');
    assert.equal(holder?.taskId ?? null, isReleased ? null : id);
    await finished(db, id);
    assert.equal(await findHolder(db.pages, db.t, 'Country', 'ESP'), null);
  }
});

test('tasks wait for a place and their time, the most urgent first', async (t) => {
  const order: string[] = [];
  const noted = defineTask({
    name: 'noted',
    params: z.object({ name: z.string() }),
    run: async ({ name }) => {
      order.push(name);
    },
  });
  const { db, context } = await setUp(t, noted);
  const launch = (name: string, launching: { priority?: number; delayMs?: number }) =>
    launchOwn(context, noted, { name }, { principal: ada, ...launching });
  const tasks = [
    await launch('plain', {}),
    await launch('late', { delayMs: 1_200, priority: 100 }),
    await launch('urgent', { priority: 10 }),
    await launch('unhurried', { priority: -1 }),
  ];
  const { connectionString } = (db.pages as unknown as { options: { connectionString: string } })
    .options;
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  for (const { id } of tasks) await finished(db, id);
  await worker.stop();
  assert.deepEqual(order, ['urgent', 'plain', 'unhurried', 'late']);
});

test('a worker that stops hands its runs on, without counting an attempt', async (t) => {
  let calls = 0;
  const long = defineTask({
    name: 'long',
    params: nothing,
    attempts: 1,
    run: async (_, { signal }) => {
      calls++;
      if (calls === 1) await wait(60_000, null, { signal });
      return calls;
    },
  });
  const { db, context, begin } = await setUp(t, long);
  const first = await begin();
  const { id } = await launchOwn(context, long, {}, { principal: ada });
  while ((await getTask(context, ada, id)).state === 'queued') await wait(20);
  await first.stop();
  const between = await getTask(context, ada, id);
  assert.deepEqual([between.state, between.failedAttempts], ['queued', 0]);
  await begin();
  const task = await finished(db, id);
  assert.deepEqual([task.state, task.result, task.attempts], ['succeeded', 2, 2]);
});

test('a task that failed is tried again by hand as one of its own, once for a form', async (t) => {
  let isBroken = true;
  const mended = defineTask({
    name: 'mended',
    params: z.object({ n: z.number() }),
    attempts: 1,
    run: ({ n }) => {
      if (isBroken) throw new Error('broken');
      return n;
    },
  });
  const { db, context, begin } = await setUp(t, mended);
  await begin();
  const { id } = await launchOwn(context, mended, { n: 7 }, { principal: ada });
  await finished(db, id);
  isBroken = false;
  const operationId = '00000000-0000-4000-8000-000000000123';
  const { task } = await retry(context, ada, id, { operationId, code: null });
  const again = await retry(context, ada, id, { operationId, code: null });
  assert.equal(again.task.id, task.id, 'the same form');
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.result, end.followsId], ['succeeded', 7, id]);
  await assert.rejects(retry(context, ada, task.id, { operationId, code: null }), {
    code: 'nothing-to-retry',
  });
});

test('what may not run any more, cannot be read, or returns what cannot be kept, ends at once and says why', async (t) => {
  let may = true;
  let calls = 0;
  const guarded = defineTask({
    name: 'guarded',
    params: z.object({ n: z.number() }).refine(() => calls < 100, 'not today'),
    allowed: () => may,
    run: ({ n }) => {
      calls++;
      return n === 0 ? 'a\0b' : n;
    },
  });
  const { db, context, begin } = await setUp(t, guarded);
  const launch = (n: number) => launchOwn(context, guarded, { n }, { principal: ada });
  const [forbidden, odd] = [await launch(1), await launch(0)];
  may = false;
  const first = await begin();
  const { state, reason, message } = await finished(db, forbidden.id);
  assert.deepEqual(
    [state, reason, message, calls],
    ['failed', 'forbidden', 'Ada may not do this any more.', 0],
  );
  await finished(db, odd.id);
  await first.stop();

  may = true;
  const [nul, unread] = [await launch(0), await launch(2)];
  await begin();
  const kept = await finished(db, nul.id);
  assert.deepEqual([kept.state, kept.reason, kept.failedAttempts], ['failed', 'gave-up', 0]);
  assert.match(String(kept.message), /^What the run returned cannot be kept: /);
  await finished(db, unread.id);
  calls = 100;
  const late = await launchOwn(context, guarded, { n: 3 }, { principal: ada }).catch(
    (error) => error,
  );
  assert.equal((late as AppError).code, 'invalid-params');
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
});

test('a run whose slot was taken from it locks nothing more, and its result is not written', async (t) => {
  let locking: Promise<unknown> = Promise.resolve();
  const zombie = defineTask({
    name: 'zombie',
    params: nothing,
    async run(_, task) {
      task.progress(1);
      await new Promise((resolve) => task.signal.addEventListener('abort', resolve));
      locking = task.lock('countries', ['ESP']);
      await locking.catch(() => undefined);
      return 'too late';
    },
  });
  const { db, context, begin } = await setUp(t, zombie);
  await begin();
  const { id } = await launchOwn(context, zombie, {}, { principal: ada });
  while ((await getTask(context, ada, id)).done === 0) await wait(20);
  await db.pages.query(`delete from ${db.t.task_slot}`);
  await db.pages.query(
    `update ${db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
    [id],
  );
  await wait(600);
  await assert.rejects(locking, /is to stop: lost/);
  const task = await finished(db, id);
  assert.deepEqual([task.state, task.result], ['cancelled', null]);
});

test('a cancel that waits for the row of a task that is being taken asks its run to stop', async (t) => {
  const idle = defineTask({ name: 'idle', params: nothing, run: () => null });
  const { db, defer, context } = await setUp(t, idle);
  const { id } = await launchOwn(context, idle, {}, { principal: ada });
  const client = await db.pages.connect();
  defer(() => client.release());
  await client.query('begin');
  await client.query(`select from ${db.t.task} where id = $1 for update`, [id]);
  const cancelling = cancel(context, ada, id);
  await wait(300);
  await client.query(
    `insert into ${db.t.task_slot} (task_id, slot, worker_id, token) values ($1, 0, gen_random_uuid(), gen_random_uuid())`,
    [id],
  );
  await client.query(`update ${db.t.task} set state = 'running' where id = $1`, [id]);
  await client.query('commit');
  assert.equal(await cancelling, 'cancelling');
});

test('every run goes through what the project puts around it, and what a run returns is kept only where it is to be', async (t) => {
  const tenant = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const traced = defineTask({
    name: 'traced',
    params: z.object({ n: z.number() }),
    attempts: 2,
    backoff: quick,
    keepResult: false,
    run: async ({ n }, task) => {
      seen.push([tenant.getStore(), n]);
      if (task.attempt === 1) throw new Error('not yet');
      return { secret: n };
    },
  });
  const skipped = defineTask({ ...traced.options, name: 'skipped', attempts: 1 });
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(
    db,
    {},
    {},
    {
      ...sample,
      schedules: [],
      tasks: [traced, skipped],
      async aroundTask({ name, attempt, principal, params }, next) {
        seen.push([name, attempt, principal.name, params]);
        if (name === 'skipped') return;
        await tenant.run('acme', next);
      },
    },
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(() => worker.stop());
  const end = async (definition: typeof traced) =>
    finished(db, (await launchOwn(context, definition, { n: 7 }, { principal: ada })).id);
  const task = await end(traced);
  assert.deepEqual([task.state, task.result], ['succeeded', null]);
  assert.deepEqual(seen, [
    ['traced', 1, 'Ada', { n: 7 }],
    ['acme', 7],
    ['traced', 2, 'Ada', { n: 7 }],
    ['acme', 7],
  ]);
  const { state, message } = await end(skipped);
  assert.deepEqual(
    [state, message],
    ['failed', 'aroundTask has not called next, or not waited for it.'],
  );
});
