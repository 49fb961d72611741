import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import { z } from 'zod';
import { openDatabase } from '../../db/database.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { buildTaskDefinitions } from '../../task-definitions/task-definitions.ts';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { alone, aloneForAWhile, growing, ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { startTransactionPooler } from '../../testing/transaction-pooler.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { cancel } from '../control/cancel.ts';
import { findHolder } from '../looking/holders.ts';
import { startRecovery, startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const file = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { recoveryIntervalMs: 50 }, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const launch = async (way: 'return' | 'heed' | 'exit' | 'spin' | 'throw', definition = alone) =>
    (await launchOwn(context, definition, { way }, { principal: ada })).id;
  const pidOf = async (id: number): Promise<number> => {
    for (const end = Date.now() + 120_000; Date.now() < end; ) {
      const { rows } = await db.pages.query(
        `select result from ${db.t.task_step} where line_id = $1 and name = 'pid'`,
        [id],
      );
      if (rows[0]) return rows[0].result;
      await wait(20);
    }
    throw new Error(`the process of task ${id} has not begun`);
  };
  const holder = async () => (await findHolder(db.pages, db.t, 'Country', 'ESP'))?.taskId ?? null;
  return { db, connectionString, defer, context, launch, pidOf, holder };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** On a busy machine its thread waits for its turn. */
async function gone(pid: number, withinMs = 30_000): Promise<boolean> {
  for (const end = Date.now() + withinMs; isAlive(pid); ) {
    if (Date.now() > end) return false;
    await wait(10);
  }
  return true;
}

test('a task that is isolated runs in a process of its own, which ends with it however it ends', async (t) => {
  const { db, connectionString, defer, context, launch, pidOf, holder } = await setUp(t);
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
  defer(() => worker.stop());
  const end = async (way: Parameters<typeof launch>[0]) => {
    const id = await launch(way);
    const pid = await pidOf(id);
    assert.notEqual(pid, process.pid);
    const task = await finished(db, id, 30_000);
    assert.ok(await gone(pid), `${way}: its process is still there`);
    assert.equal(await holder(), null);
    return [task.state, task.reason, task.message ?? task.result === pid];
  };
  assert.deepEqual(await end('return'), ['succeeded', null, true]);
  assert.deepEqual(await end('throw'), ['failed', 'error', 'thrown alone']);
  assert.deepEqual(await end('exit'), ['failed', 'process-died', 'Its process ended by code 3.']);

  const late = await finished(db, await launch('spin', aloneForAWhile));
  assert.deepEqual([late.state, late.reason], ['failed', 'hard-limit']);

  // Its own thread never gives way: another of its process sees how much it takes.
  const { id: grown } = await launchOwn(context, growing, {}, { principal: ada });
  const large = await finished(db, grown, 120_000);
  assert.deepEqual(
    [large.state, large.reason, large.message],
    ['failed', 'process-died', 'Its process took more than 400 MB of memory.'],
  );

  for (const way of ['heed', 'spin'] as const) {
    const id = await launch(way);
    const pid = await pidOf(id);
    assert.equal(await cancel(context, ada, id), 'cancelling');
    assert.equal((await finished(db, id, 30_000)).state, 'cancelled', way);
    assert.ok(await gone(pid), way);
  }
});

test('no process is left of a task that is isolated when its worker is killed', async (t) => {
  const { db, connectionString, context, launch, pidOf, holder } = await setUp(t);
  const recovery = startRecovery(context);
  const worker = await startWorkerProcess(connectionString, {}, file);
  try {
    const id = await launch('spin');
    const pid = await pidOf(id);
    assert.ok(isAlive(pid));
    await worker.kill('SIGKILL');
    assert.ok(await gone(pid));
    const task = await finished(db, id, 30_000);
    assert.deepEqual([task.state, task.reason], ['failed', 'worker-died']);
    assert.equal(await holder(), null);
  } finally {
    await recovery.stop();
    await worker.kill('SIGKILL');
  }
});

test('a worker that was begun under a debugger which it waited for has isolated tasks that wait for none', async (t) => {
  const { db, connectionString, defer, context, launch } = await setUp(t);
  process.execArgv.push('--inspect-brk=127.0.0.1:0');
  defer(() => process.execArgv.pop());
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(() => worker.stop());
  assert.equal((await finished(db, await launch('return'), 30_000)).state, 'succeeded');
});

test('where pages go through a pooler, a task that is isolated works past it, as its worker does, and leaves nothing on the sessions of others', async (t) => {
  const { db: direct, connectionString, defer } = await testDatabase(t);
  const size = 3;
  const pooler = await startTransactionPooler(connectionString, size);
  defer(() => pooler.stop());
  const through = pooler.through(connectionString);
  const db = await openDatabase({ connectionString: through });
  defer(() => db.close());
  const context = testContext(db, {}, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  defer(() => worker.stop());
  const { id } = await launchOwn(context, alone, { way: 'return' }, { principal: ada });
  assert.equal((await finished(direct, id)).state, 'succeeded');
  const clients = Array.from({ length: size }, () => new pg.Client({ connectionString: through }));
  for (const client of clients) {
    await client.connect();
    // So that each is answered by another.
    await client.query('begin');
    const { rows } = await client.query(
      `select current_setting('tcp_user_timeout') as timeout, (select count(*)::int from pg_prepared_statements) as prepared`,
    );
    assert.deepEqual(rows, [{ timeout: '0', prepared: 0 }]);
  }
  for (const client of clients) {
    await client.query('rollback');
    await client.end();
  }
});

test('a task cannot be isolated where nobody says which file its process loads', () => {
  const isolated = defineTask({
    name: 'isolated',
    params: z.object({}),
    isolate: true,
    run: () => null,
  }) as unknown as TaskDefinition;
  assert.throws(() => buildTaskDefinitions([isolated]), /definition: import\.meta\.url/);
  assert.equal(buildTaskDefinitions([isolated], import.meta.url).size, 1);
});
