import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { PrismaClient } from '../generated/sample/client.ts';
import { createTaskManager } from './create-task-manager.ts';
import { transaction } from './db/transaction.ts';
import type { AppError } from './errors.ts';
import { clientOver } from './resources/client-over.ts';
import { defineTask } from './task-definitions/define-task.ts';
import { TaskManager, type TaskManagerAccess, TaskNotSucceeded } from './task-manager.ts';
import { startWorker } from './tasks/worker/worker.ts';
import { ada, eve, insertPrincipals, testContext } from './testing/context.ts';
import { testDatabase } from './testing/database.ts';
import { holding, ownTasksAdmin, single } from './testing/own-tasks-admin.ts';
import { insertPlaces } from './testing/places.ts';

test('code launches, follows, waits for and cancels tasks over the database of pages and workers', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPrincipals(db);
  await insertPlaces(db, 30);
  const tasks = await createTaskManager({ admin: ownTasksAdmin, databaseUrl: connectionString });
  defer(() => tasks.close());
  const waiting = await tasks.launch(holding, { country: 'ESP', ms: 10 });
  assert.deepEqual(
    [waiting.state, waiting.name, waiting.title, waiting.resource, waiting.isFinished],
    ['queued', 'holding', 'Hold ESP', null, false],
  );
  await assert.rejects(tasks.wait(waiting, { timeoutMs: 50 }), {
    code: 'not-finished',
    status: 409,
  });
  const { rows } = await db.pages.query(`select principal_id from ${db.t.task}`);
  assert.deepEqual(rows, [{ principal_id: 'system:code' }]);

  const context = testContext(db, {}, {}, ownTasksAdmin);
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  assert.equal(await tasks.wait(waiting), 1);

  const operationId = '00000000-0000-4000-8000-000000000999';
  const params = { country: 'FRA', ms: 60_000 };
  const long = await tasks.launch(holding, params, { principal: ada, operationId });
  const again = await tasks.launch(holding, params, { principal: ada, operationId });
  assert.equal(again.id, long.id);
  const asked = await tasks.cancel(long.id);
  assert.ok(asked.state === 'cancelling' || asked.state === 'cancelled');
  await assert.rejects(tasks.wait(long), (error) => {
    assert.ok(error instanceof TaskNotSucceeded);
    assert.deepEqual([error.task.id, error.task.state], [long.id, 'cancelled']);
    return true;
  });
  await assert.rejects(tasks.cancel(long.id), { code: 'task-finished', status: 409 });
  await assert.rejects(tasks.get(4_711), { status: 404 });

  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    where: { status: { not: 'archived' } },
    parameters: { status: 'archived' },
  });
  await tasks.wait(bulk);
  const done = await tasks.get(bulk.id);
  assert.deepEqual(
    [done.state, done.done, done.total, done.resource],
    ['succeeded', 30, 30, 'cities'],
  );
});

async function setUp(t: Parameters<typeof testDatabase>[0], admin = ownTasksAdmin) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPrincipals(db);
  await insertPlaces(db, 30);
  const tasks = await createTaskManager({ admin, databaseUrl: connectionString });
  defer(() => tasks.close());
  const context = testContext(db, {}, {}, admin);
  const begin = async (queues: readonly string[] | null = null) => {
    const options = { connectionString, concurrency: 1, places: 2, queues };
    const worker = await startWorker(context, options);
    defer(() => worker.stop());
  };
  const counted = async () => {
    const { rows } = await db.pages.query(`select count(*)::int as n from ${db.t.task}`);
    return rows[0]?.n as number;
  };
  return { db, tasks, context, begin, counted };
}

const params = { country: 'ESP', ms: 1 };

test('a launch in one’s own transaction is there when that commits, and not otherwise', async (t) => {
  const { db, tasks, begin, counted } = await setUp(t);
  const prisma = clientOver(ownTasksAdmin.createClient)(db.pages) as unknown as PrismaClient;
  const inPrisma = (fail: boolean) =>
    prisma.$transaction(async (tx) => {
      await tx.city.updateMany({ data: { status: 'reviewed' } });
      const task = await tasks.launch(holding, params, { tx, meta: { order: 7 } });
      assert.equal(await counted(), 0, 'nobody sees it yet');
      if (fail) throw new Error('back');
      return task;
    });
  await assert.rejects(inPrisma(true), /back/);
  assert.equal(await counted(), 0);
  await begin();
  const task = await inPrisma(false);
  assert.deepEqual([task.state, task.meta], ['queued', { order: 7 }]);
  assert.ok(task.createdAt instanceof Date);
  assert.equal(await tasks.wait(task), 1);

  const [one, same] = await prisma.$transaction(async (tx) => [
    await tasks.launch(single, params, { tx }),
    await tasks.launch(single, params, { tx }),
  ]);
  assert.equal(one?.id, same?.id, 'it is asked there what may not be under way twice');
  await tasks.cancel(one?.id as number);
  await assert.rejects(
    prisma.$transaction((tx) => tasks.launch(single, params, { tx }), {
      isolationLevel: 'RepeatableRead',
    }),
    { code: 'wrong-isolation' },
  );

  await assert.rejects(
    transaction(db.pages, async (client) => {
      await tasks.launchMany(holding, [params, params], { tx: client });
      throw new Error('back');
    }),
    /back/,
  );
  assert.equal(await counted(), 2);
});

test('many are launched by one statement, all of them or none', async (t) => {
  const { db, tasks, counted } = await setUp(t);
  const many = Array.from({ length: 500 }, (_, n) => ({ country: `C${n}`, ms: 1 }));
  const launched = await tasks.launchMany(holding, many, { priority: 3 });
  assert.deepEqual(
    launched.map(({ title }) => title),
    many.map(({ country }) => `Hold ${country}`),
  );
  const { rows } = await db.pages.query(
    `select count(distinct created_at)::int as statements, min(priority) as priority from ${db.t.task}`,
  );
  assert.deepEqual(rows, [{ statements: 1, priority: 3 }]);
  const wrong = [...many.slice(0, 3), { country: 7 as unknown as string, ms: 1 }];
  await assert.rejects(tasks.launchMany(holding, wrong), (error) => {
    const { code, details } = error as AppError;
    assert.deepEqual(
      [code, Object.keys(details?.fieldErrors ?? {})],
      ['invalid-params', ['3.country']],
    );
    return true;
  });
  assert.equal(await counted(), 500);
  assert.deepEqual(await tasks.launchMany(holding, []), []);
});

test('tasks are listed, moved to another time, paused, tried again and undone from code', async (t) => {
  const { tasks, begin, db } = await setUp(t);
  const later = await tasks.launch(holding, params, { delayMs: 3_600_000 });
  assert.equal(later.state, 'scheduled');
  const moved = await tasks.reschedule(later.id, new Date(Date.now() + 7_200_000));
  assert.ok((moved.dueAt as Date).getTime() > Date.now() + 7_000_000);
  await begin();
  await tasks.reschedule(later.id, new Date(0));
  assert.equal(await tasks.wait(later), 1);
  await assert.rejects(tasks.reschedule(later.id, new Date()), { code: 'task-finished' });

  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    where: { status: { not: 'archived' } },
    parameters: { status: 'archived' },
  });
  await tasks.wait(bulk);
  const undone = await tasks.undo(bulk.id);
  await tasks.wait(undone);
  const { rows } = await db.pages.query(`select distinct status::text from gazetteer.city`);
  assert.ok(!rows.some(({ status }) => status === 'archived'), JSON.stringify(rows));
  const cancelled = await tasks.launch(holding, params, { delayMs: 60_000 });
  await tasks.cancel(cancelled.id);
  const again = await tasks.retry(cancelled.id);
  assert.equal(await tasks.wait(again), 1);
  await assert.rejects(tasks.pause(again.id), { code: 'task-finished' });

  const ids = async (wanted: Parameters<typeof tasks.list>[0]) =>
    (await tasks.list(wanted)).map(({ id }) => id);
  assert.deepEqual(await ids({}), [again.id, cancelled.id, undone.id, bulk.id, later.id]);
  assert.deepEqual(await ids({ states: ['cancelled'] }), [cancelled.id]);
  assert.deepEqual(await ids({ name: 'holding', before: again.id }), [cancelled.id, later.id]);
  assert.deepEqual(await ids({ resource: 'cities', limit: 1 }), [undone.id]);
  await assert.rejects(tasks.list({ limit: 0 }), TypeError);
  const eves = tasks.as(eve);
  await assert.rejects(eves.get(again.id), { status: 404 });
});

test('code is told who holds records, and sees to it that nobody does before it writes', async (t) => {
  const { tasks, db, begin } = await setUp(t);
  await begin();
  const long = await tasks.launch(holding, { country: 'ESP', ms: 60_000 });
  const asked = [{ resource: 'countries', keys: ['ESP', 'FRA'] }];
  for (let looks = 0; (await tasks.conflicts(asked)).length === 0; looks++) {
    assert.ok(looks < 500, 'it is not held');
    await wait(20);
  }
  const [conflict] = await tasks.conflicts(asked);
  assert.deepEqual(
    [conflict?.resource, conflict?.key, conflict?.holder.taskId],
    ['countries', 'ESP', long.id],
  );
  const write = (level: string, key: string) =>
    transaction(db.pages, async (client) => {
      await client.query(`set transaction isolation level ${level}`);
      await tasks.assertFree(client, 'countries', [key]);
    });
  await assert.rejects(write('read committed', 'ESP'), { code: 'locked', status: 423 });
  await write('read committed', 'FRA');
  for (const level of ['repeatable read', 'serializable'])
    await assert.rejects(write(level, 'FRA'), { code: 'wrong-isolation' });
  await tasks.cancel(long.id);
});

test('code is told who holds each record, of several resources at once', async (t) => {
  const surveying = defineTask({
    name: 'surveying',
    params: z.object({ cities: z.array(z.number()) }),
    async run({ cities }, task) {
      await task.lock('cities', cities);
      await wait(60_000, null, { signal: task.signal });
    },
  });
  const admin = { ...ownTasksAdmin, tasks: [holding, surveying] };
  const { tasks, begin } = await setUp(t, admin);
  const asked = [
    { resource: 'countries', keys: ['FRA', 'ESP'] },
    { resource: 'cities', keys: [1, 2, 3, 4] },
  ];
  assert.deepEqual(await tasks.conflicts(asked), []);
  const survey = await tasks.launch(surveying, { cities: [2, 4] });
  const hold = await tasks.launch(holding, { country: 'ESP', ms: 60_000 });
  await begin();
  for (let looks = 0; (await tasks.conflicts(asked)).length < 3; looks++) {
    assert.ok(looks < 500, 'they are not held');
    await wait(20);
  }
  const found = await tasks.conflicts(asked);
  assert.deepEqual(
    found.map(({ resource, key, holder }) => [resource, key, holder.taskId, holder.title]).sort(),
    [
      ...[2, 4].map((id) => ['cities', String(id).padStart(20, '0'), survey.id, 'surveying']),
      ['countries', 'ESP', hold.id, 'Hold ESP'],
    ],
  );
  for (const { id } of [survey, hold]) await tasks.cancel(id);
});

test('code is told by what tasks are run: a worker that is alive and listens to their queue, or the call itself', async (t) => {
  const { db, tasks, begin } = await setUp(t);
  const backends = async () =>
    (await tasks.backends()).map((one) => [one.name, one.isAvailable, one.isChosen]);
  assert.deepEqual(await backends(), [
    ['queue', false, true],
    ['in-process', false, false],
    ['inline', true, false],
  ]);
  const alive = () =>
    Promise.all(['mail', 'default', undefined].map((queue) => tasks.isWorkerAlive(queue)));
  assert.deepEqual(await alive(), [false, false, false]);
  await db.pages.query(
    `insert into ${db.t.worker} (id, host, pid, lock_id) values ('00000000-0000-4000-8000-00000000dead', 'x', 1, 123456)`,
  );
  assert.deepEqual(await alive(), [false, false, false], 'whoever died has left a row');
  await begin(['mail']);
  assert.deepEqual(await alive(), [true, false, true]);
  await begin();
  assert.deepEqual(await alive(), [true, true, true]);
});

test('code is told how tasks fare: who is at work, how many wait, and how long the longest has', async (t) => {
  const { db, tasks, begin } = await setUp(t);
  const faring = async () => {
    const { at: _, parts: __, findings: ___, ...rest } = await tasks.health();
    return rest;
  };
  assert.deepEqual(await faring(), { workers: [], tasks: {}, longestWaitMs: null });
  const [first] = await tasks.launchMany(holding, [params, params]);
  await tasks.launch(holding, params, { delayMs: 3_600_000 });
  await db.pages.query(
    `update ${db.t.task_event} set at = at - interval '1 hour' where task_id = $1`,
    [first?.id],
  );
  const waiting = await tasks.health();
  assert.deepEqual(waiting.tasks, { queued: 2, scheduled: 1 });
  assert.ok((waiting.longestWaitMs as number) >= 3_600_000, `${waiting.longestWaitMs}`);
  await begin(['mail', 'default']);
  await tasks.wait(first as { id: number });
  const { workers } = await tasks.health();
  assert.deepEqual(
    workers.map(({ pid, queues }) => [pid, queues]),
    [[process.pid, ['mail', 'default']]],
  );
});

test('code reads the settings that hold, and forgets at once what is older than they say', async (t) => {
  const name = 'BULKHEAD_HISTORY_RETENTION_DAYS';
  const given = process.env[name];
  process.env[name] = '30';
  const { db, tasks } = await setUp(t, { ...ownTasksAdmin, taskHooks: [] }).finally(() => {
    if (given === undefined) delete process.env[name];
    else process.env[name] = given;
  });
  assert.equal(tasks.settings.historyRetentionDays, 30);
  const [old, ended, waiting] = await tasks.launchMany(holding, [params, params, params]);
  for (const task of [old, ended]) await tasks.cancel(task?.id as number);
  await db.pages.query(`update ${db.t.task_event} set is_fanned = true`);
  await db.pages.query(
    `update ${db.t.task} set finished_at = finished_at - interval '31 days' where id = $1`,
    [old?.id],
  );
  assert.equal((await tasks.cleanup()).tasks, 1);
  assert.deepEqual(
    (await tasks.list()).map(({ id }) => id),
    [waiting?.id, ended?.id],
  );
});

test('code is told how far a task is, and how long the longest waits that could have begun', async (t) => {
  const { tasks, begin } = await setUp(t);
  const { id } = await tasks.launch(holding, { country: 'ESP', ms: 60_000 });
  const young = await tasks.launch(holding, { country: 'FRA', ms: 60_000 }, { delayMs: 60_000 });
  const notYet = { done: 0, total: null, progressMessage: null, isFinished: false };
  assert.deepEqual(await tasks.progress(id), { ...notYet, state: 'queued' });
  await new Promise((done) => setTimeout(done, 50));
  const waiting = await tasks.health();
  assert.deepEqual(waiting.tasks, { queued: 1, scheduled: 1 });
  const launchedMs = Date.now() - Number((await tasks.get(id)).createdAt);
  assert.ok(waiting.longestWaitMs !== null && waiting.longestWaitMs >= 50);
  assert.ok(waiting.longestWaitMs <= launchedMs + 1_000);
  await begin();
  while ((await tasks.progress(id)).done === 0) await new Promise((done) => setTimeout(done, 20));
  assert.deepEqual(await tasks.progress(id), {
    done: 1,
    total: 2,
    progressMessage: 'Holding ESP',
    state: 'running',
    isFinished: false,
  });
  assert.equal((await tasks.health()).longestWaitMs, null, 'what waits for its time could not');
  await tasks.cancel(young.id);
  await tasks.cancel(id);
});

test('a manager of one’s own is used, with what its constructor takes beside', async (t) => {
  class Named extends TaskManager {
    readonly suffix: string;
    constructor(access: TaskManagerAccess, suffix: string) {
      super(access, suffix);
      this.suffix = suffix;
    }
  }
  const admin = { ...ownTasksAdmin, taskManager: Named, taskManagerArguments: ['!'] };
  const { tasks } = await setUp(t, admin);
  assert.ok(tasks instanceof Named && tasks.suffix === '!');
  const as = tasks.as(ada);
  assert.ok(as instanceof Named && as.suffix === '!');
  assert.deepEqual((await as.launch(holding, params)).principal, { id: ada.id, name: 'Ada' });
  class Other {}
  await assert.rejects(
    createTaskManager({
      admin: { ...ownTasksAdmin, taskManager: Other as never },
      databaseUrl: 'postgresql://127.0.0.1:1/none',
    }),
    /taskManager must be a class that extends TaskManager/,
  );
});
