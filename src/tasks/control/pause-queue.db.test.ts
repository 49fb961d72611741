import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { transaction } from '../../db/transaction.ts';
import { bulkQueue } from '../../queue-names.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { refusalOf } from '../../testing/refusal-of.ts';
import { until } from '../../testing/until.ts';
import { isHeldUp } from '../looking/progress.ts';
import { getTask } from '../looking/queries.ts';
import { launchOwn } from '../own/launch-own.ts';
import { drain } from '../worker/drain.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';
import { pauseQueue, resumeQueue } from './pause-queue.ts';

type Context = Parameters<typeof testDatabase>[0];

async function setUp(t: Context, settings: Parameters<typeof testContext>[1] = {}) {
  const database = await testDatabase(t);
  const { db, connectionString, defer } = database;
  const held = Promise.withResolvers<void>();
  const runs: number[] = [];
  const mail = defineTask({
    name: 'mail',
    params: z.object({ n: z.number(), waits: z.boolean().optional() }),
    queue: 'mail',
    async run({ n, waits }) {
      runs.push(n);
      if (waits) await held.promise;
    },
  });
  const other = defineTask({ name: 'other', params: z.object({}), run: () => null });
  const admin = { ...sample, schedules: [], taskHooks: [], tasks: [mail, other] };
  const context = testContext(db, settings, {}, admin);
  const pause = (name: string, principal: Principal = ada, reason: string | null = null) =>
    transaction(db.pages, (client) => pauseQueue(client, context, principal, name, reason));
  const resume = (name: string, principal: Principal = ada) =>
    transaction(db.pages, (client) => resumeQueue(client, context, principal, name));
  const begin = async (places = 2) => {
    const worker = await startWorker(context, { connectionString, concurrency: 2, places });
    defer(() => worker.stop());
    return worker;
  };
  const stateOf = async (id: number) => (await getTask(context, ada, id)).state;
  return { ...database, context, held, runs, mail, other, pause, resume, begin, stateOf };
}

test('of a queue that is paused nothing is taken, what runs goes on, and resumed all of it is done exactly once', async (t) => {
  const { db, context, held, runs, mail, other, pause, resume, begin, stateOf } = await setUp(t);
  await begin();
  const launch = (n: number, waits = false) =>
    launchOwn(context, mail, { n, waits }, { principal: ada });
  const running = await launch(0, true);
  await until(() => runs.length === 1);
  await pause('mail', ada, 'the server is down');
  const waiting = [];
  for (let n = 1; n <= 20; n++) waiting.push(await launch(n));
  // Of another queue is taken meanwhile, again and again: the worker has looked, and passed over these.
  for (let n = 0; n < 3; n++) {
    const { id } = await launchOwn(context, other, {}, { principal: ada });
    assert.equal((await finished(db, id)).state, 'succeeded');
  }
  held.resolve();
  assert.equal((await finished(db, running.id)).state, 'succeeded');
  assert.deepEqual(runs, [0]);
  const [first] = waiting;
  const task = await getTask(context, ada, first?.id as number);
  assert.equal(isHeldUp(task), true);
  assert.deepEqual([task.queuePause?.by, task.queuePause?.reason], ['Ada', 'the server is down']);
  await resume('mail');
  for (const { id } of waiting) assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(
    runs.toSorted((one, next) => one - next),
    Array.from({ length: 21 }, (_, n) => n),
  );
  assert.equal(await stateOf(running.id), 'succeeded');
});

test('bulk work that is paused ends its slice and waits with its records, and goes on to its end, every record once', async (t) => {
  const { db, context, pause, resume, begin, stateOf } = await setUp(t, { sliceMs: 30 });
  await insertPlaces(db, 2_000);
  await countWrites(db);
  // Slow enough that somebody who looks now and then sees it in its middle.
  await db.pages.query(`
    create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.001); return null; end $$;
    create trigger dawdle after update on gazetteer.city for each row execute function gazetteer.dawdle();
  `);
  await begin();
  const cities = context.registry.get('cities');
  const nearly = { kind: 'matching', filter: 'population-max=1900' } as const;
  const body = { field: 'notes', 'value.notes': 'x' };
  const { task } = await launchOn(context, cities, nearly, 'update', body);
  const read = async () => {
    const { rows } = await db.pages.query<{ done: number; slots: number }>(
      `select done, (select count(*)::int from ${db.t.task_slot} where task_id = task.id) as slots from ${db.t.task} task where id = $1`,
      [task.id],
    );
    return rows[0] as { done: number; slots: number };
  };
  await until(async () => (await read()).done > 0);
  await pause(bulkQueue);
  // Whoever was about to take it when it was paused takes it once more.
  await until(async () => {
    if ((await read()).slots > 0) return false;
    await wait(500);
    return (await read()).slots === 0;
  });
  const { done } = await read();
  assert.ok(done > 0 && done < 1_900, `${done} are done`);
  assert.equal(isHeldUp(await getTask(context, ada, task.id)), true);
  // What looks after tasks that stand still leaves it alone.
  await db.pages.query(`update ${db.t.task} set woken_at = now() - interval '1 hour'`);
  await recover(context);
  const { rows } = await db.pages.query(
    `select woken_at < now() - interval '30 minutes' as "isLeft" from ${db.t.task}`,
  );
  assert.deepEqual(rows, [{ isLeft: true }]);
  const rest = { kind: 'matching', filter: 'population-min=1901' } as const;
  const next = await launchOn(context, cities, rest, 'update', body);
  assert.equal(await stateOf(next.task.id), 'queued');
  assert.equal((await read()).done, done);

  await resume(bulkQueue);
  assert.equal((await finished(db, task.id)).state, 'succeeded');
  assert.equal((await finished(db, next.task.id)).state, 'succeeded');
  const writes = await db.pages.query(
    'select writes, count(*)::int as n from gazetteer.city group by 1',
  );
  assert.deepEqual(writes.rows, [{ writes: 1, n: 2_000 }]);
});

test('a queue that is paused and resumed all the time loses nothing and does nothing twice', async (t) => {
  const { db, context, pause, resume, begin } = await setUp(t, { sliceMs: 20 });
  await insertPlaces(db, 3_000);
  await countWrites(db);
  await begin();
  await begin();
  const cities = context.registry.get('cities');
  const all = { kind: 'matching', filter: '' } as const;
  const body = { field: 'notes', 'value.notes': 'x' };
  const { task } = await launchOn(context, cities, all, 'update', body);
  for (let n = 0; n < 15; n++) {
    await pause(bulkQueue);
    await resume(bulkQueue);
  }
  // Nobody looks after what stands still: it was called for.
  assert.equal((await finished(db, task.id, 25_000)).state, 'succeeded');
  const writes = await db.pages.query(
    'select writes, count(*)::int as n from gazetteer.city group by 1',
  );
  assert.deepEqual(writes.rows, [{ writes: 1, n: 3_000 }]);
});

test('two admins at once: one of them pauses it, and one resumes it', async (t) => {
  const { db, pause, resume } = await setUp(t);
  const outcomes = async (act: () => Promise<void>) =>
    (await Promise.allSettled([act(), act(), act()]))
      .map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code))
      .sort();
  assert.deepEqual(await outcomes(() => pause('mail')), ['done', 'queue-paused', 'queue-paused']);
  assert.deepEqual(await outcomes(() => resume('mail')), [
    'done',
    'queue-not-paused',
    'queue-not-paused',
  ]);
  const { rows } = await db.pages.query(`select * from ${db.t.paused_queue}`);
  assert.deepEqual(rows, []);
});

test('whoever may not is refused, and a queue that there is not cannot be paused', async (t) => {
  const { pause, resume } = await setUp(t);
  const operator = { ...ada, roles: ['editor'] };
  for (const act of [pause, resume]) {
    assert.equal((await refusalOf(() => act('mail', operator))).status, 404);
    assert.equal((await refusalOf(() => act('mail', eve))).status, 404);
  }
  assert.equal((await refusalOf(() => pause('nowhere'))).status, 404);
  await pause('mail', systemPrincipal('nightly'));
  await resume('mail', systemPrincipal('nightly'));
});

test('in a test of a project’s what waits in a paused queue is not due', async (t) => {
  const { context, connectionString, mail, pause, resume } = await setUp(t);
  await pause('mail');
  await launchOwn(context, mail, { n: 1 }, { principal: ada });
  assert.deepEqual(await drain(context, connectionString, 20_000), []);
  await resume('mail');
  assert.equal((await drain(context, connectionString, 20_000)).length, 1);
});

test('what runs within the call that launches it waits for no queue', async (t) => {
  const { db, context, mail, pause } = await setUp(t, { background: false });
  await pause('mail');
  const { id } = await launchOwn(context, mail, { n: 1 }, { principal: ada });
  assert.equal((await finished(db, id)).state, 'succeeded');
});
