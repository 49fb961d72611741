import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { transaction } from '../../db/transaction.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { refusalOf } from '../../testing/refusal-of.ts';
import { until } from '../../testing/until.ts';
import { listEveryWorker, type WorkerInfo } from '../looking/list-workers.ts';
import { launchOwn } from '../own/launch-own.ts';
import { startWorker, type Worker } from '../worker/worker.ts';
import { quietWorker, resumeWorker, stopWorker } from './ask-worker.ts';

type Context = Parameters<typeof testDatabase>[0];

async function setUp(t: Context, settings: Parameters<typeof testContext>[1] = {}) {
  const database = await testDatabase(t);
  const { db, connectionString, defer } = database;
  const held = Promise.withResolvers<void>();
  const runs: number[] = [];
  const note = defineTask({
    name: 'note',
    params: z.object({ n: z.number(), waits: z.boolean().optional() }),
    async run({ n, waits }, task) {
      runs.push(n);
      if (!waits) return;
      await Promise.race([
        held.promise,
        new Promise((_, reject) =>
          task.signal.addEventListener('abort', () => reject(task.signal.reason)),
        ),
      ]);
    },
  });
  const admin = { ...sample, schedules: [], taskHooks: [], tasks: [note] };
  const context = testContext(db, settings, {}, admin);
  const list = () => listEveryWorker(db, 500);
  const begin = async (): Promise<{ worker: Worker; id: string }> => {
    const known = new Set((await list()).map(({ id }) => id));
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    defer(() => worker.stop());
    return { worker, id: (await list()).find(({ id }) => !known.has(id))?.id as string };
  };
  const infoOf = async (id: string) => (await list()).find((one) => one.id === id);
  const ask = (act: typeof quietWorker, id: string, principal = ada) =>
    transaction(db.pages, (client) => act(client, context, principal, id));
  const untilSo = (id: string, isSo: (worker: WorkerInfo | undefined) => boolean) =>
    until(async () => isSo(await infoOf(id)));
  const launch = (n: number, waits = false) =>
    launchOwn(context, note, { n, waits }, { principal: ada });
  return { ...database, context, held, runs, begin, infoOf, ask, untilWorker: untilSo, launch };
}

test('a quiet worker finishes what it is at and takes nothing, while another goes on; let go on it takes again', async (t) => {
  const { db, held, runs, begin, infoOf, ask, untilWorker, launch } = await setUp(t);
  const first = await begin();
  const long = await launch(0, true);
  await until(() => runs.length === 1);
  const second = await begin();
  await ask(quietWorker, first.id);
  await untilWorker(first.id, (worker) => worker?.quietAt !== null);
  const { rows } = await db.pages.query(`select worker_id from ${db.t.task_slot}`);
  assert.deepEqual(rows, [{ worker_id: first.id }]);
  for (let n = 1; n <= 10; n++) {
    const { id } = await launch(n);
    await until(async () => {
      const { rows: slots } = await db.pages.query(
        `select worker_id from ${db.t.task_slot} where task_id = $1`,
        [id],
      );
      assert.notEqual(slots[0]?.worker_id, first.id, 'a quiet worker has taken one');
      const ended = await db.pages.query(
        `select from ${db.t.task} where id = $1 and finished_at is not null`,
        [id],
      );
      return ended.rowCount === 1;
    });
  }
  assert.equal((await infoOf(first.id))?.isAlive, true);
  held.resolve();
  assert.equal((await finished(db, long.id)).state, 'succeeded');

  await ask(stopWorker, second.id);
  await second.worker.stoppedByPage;
  const waiting = await launch(11);
  await ask(resumeWorker, first.id);
  assert.equal((await finished(db, waiting.id)).state, 'succeeded');
  await untilWorker(first.id, (worker) => worker?.quietAt === null && worker.asked === null);
  assert.deepEqual(
    runs.toSorted((one, next) => one - next),
    Array.from({ length: 12 }, (_, n) => n),
  );
});

test('a quiet worker hands bulk work on after its chunk, and once it is let go on it takes that up', async (t) => {
  const { db, context, begin, ask, untilWorker } = await setUp(t);
  await insertPlaces(db, 3_000);
  await countWrites(db);
  const { id } = await begin();
  const cities = context.registry.get('cities');
  const all = { kind: 'matching', filter: '' } as const;
  const body = { field: 'notes', 'value.notes': 'x' };
  const { task } = await launchOn(context, cities, all, 'update', body);
  const done = async () =>
    (await db.pages.query(`select done from ${db.t.task} where id = $1`, [task.id])).rows[0].done;
  await until(async () => (await done()) > 0);
  await ask(quietWorker, id);
  await untilWorker(id, (worker) => worker?.quietAt !== null);
  const { rows } = await db.pages.query(`select from ${db.t.task_slot}`);
  assert.deepEqual(rows, []);
  await ask(resumeWorker, id);
  assert.equal((await finished(db, task.id)).state, 'succeeded');
  const writes = await db.pages.query(
    'select writes, count(*)::int as n from gazetteer.city group by 1',
  );
  assert.deepEqual(writes.rows, [{ writes: 1, n: 3_000 }]);
});

test('what a worker that is asked to stop was at is finished by another, every record once', async (t) => {
  const { db, context, runs, held, begin, infoOf, ask, launch } = await setUp(t);
  await insertPlaces(db, 3_000);
  await countWrites(db);
  const first = await begin();
  const own = await launch(0, true);
  const cities = context.registry.get('cities');
  const all = { kind: 'matching', filter: '' } as const;
  const body = { field: 'notes', 'value.notes': 'x' };
  const { task } = await launchOn(context, cities, all, 'update', body);
  await until(async () => {
    const { rows } = await db.pages.query(`select done from ${db.t.task} where id = $1`, [task.id]);
    return rows[0].done > 0 && runs.length === 1;
  });
  await ask(stopWorker, first.id);
  await first.worker.stoppedByPage;
  assert.equal(await infoOf(first.id), undefined);
  const { rows } = await db.pages.query(`select from ${db.t.task_slot}`);
  assert.deepEqual(rows, []);
  held.resolve();
  await begin();
  for (const id of [own.id, task.id]) assert.equal((await finished(db, id)).state, 'succeeded');
  const writes = await db.pages.query(
    'select writes, count(*)::int as n from gazetteer.city group by 1',
  );
  assert.deepEqual(writes.rows, [{ writes: 1, n: 3_000 }]);
});

test('a quiet worker that loses its session starts anew, and is quiet still', async (t) => {
  const { db, begin, ask, untilWorker, launch, runs } = await setUp(t);
  const { id } = await begin();
  await ask(quietWorker, id);
  await untilWorker(id, (worker) => worker?.quietAt !== null);
  await db.pages.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1`,
    [id],
  );
  let next: WorkerInfo | undefined;
  await until(async () => {
    next = (await listEveryWorker(db, 500)).find((one) => one.id !== id && one.isAlive);
    return next !== undefined;
  });
  assert.deepEqual([next?.asked, next?.askedBy], ['quiet', 'Ada']);
  const waiting = await launch(1);
  await ask(resumeWorker, next?.id as string);
  assert.equal((await finished(db, waiting.id)).state, 'succeeded');
  assert.deepEqual(runs, [1]);
});

test('what is asked of a worker that nobody calls is heard by the way', async (t) => {
  const { db, begin, untilWorker } = await setUp(t, { recoveryIntervalMs: 50 });
  const { id } = await begin();
  await db.pages.query(
    `update ${db.t.worker} set asked = 'quiet', asked_by = '{"name":"Ada"}', asked_at = now() where id = $1`,
    [id],
  );
  await untilWorker(id, (worker) => worker?.quietAt !== null);
});

test('two admins at once: one of them is heard, and what is asked of nobody is not found', async (t) => {
  const { db, begin, ask, untilWorker } = await setUp(t);
  const { id } = await begin();
  const outcomes = async (act: typeof quietWorker) =>
    (await Promise.allSettled([ask(act, id), ask(act, id)]))
      .map((one) => (one.status === 'fulfilled' ? 'done' : one.reason.code))
      .sort();
  assert.deepEqual(await outcomes(quietWorker), ['done', 'worker-asked']);
  await untilWorker(id, (worker) => worker?.quietAt !== null);
  assert.deepEqual(await outcomes(resumeWorker), ['done', 'worker-not-quiet']);
  await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'nowhere', 1)`, [
    randomUUID(),
  ]);
  const gone = (await listEveryWorker(db, 500)).find(({ isAlive }) => !isAlive)?.id as string;
  for (const none of ['1', randomUUID(), gone])
    for (const act of [quietWorker, stopWorker, resumeWorker])
      assert.equal((await refusalOf(() => ask(act, none))).status, 404);
  assert.equal((await refusalOf(() => ask(stopWorker, id, eve))).status, 404);
});
