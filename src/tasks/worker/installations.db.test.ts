import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { openDatabase } from '../../db/database.ts';
import { migrate } from '../../db/migrations.ts';
import { queueBackend } from '../../queue/graphile.ts';
import { testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import type { TaskContext } from '../context.ts';
import { readHealth } from '../looking/health.ts';
import { recover } from './recovery.ts';
import { startWorker } from './worker.ts';

const ours = join(import.meta.dirname, '../../../prisma/bulkhead');
const workersOf = async (context: TaskContext) => (await readHealth(context)).workers;

test('two schemas of ours in one database have workers of their own, and neither is kept from starting or taken for the other', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await migrate(connectionString, { folder: ours, schema: 'second' });
  await queueBackend('second_queue').migrate?.(db.pages);
  const other = await openDatabase({
    connectionString,
    schema: 'second',
    queueSchema: 'second_queue',
  });
  defer(() => other.close());
  const contexts = [testContext(db), testContext(other)] as const;
  for (const context of contexts) {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
  }
  const alive = () =>
    Promise.all(contexts.map(async (context) => (await workersOf(context)).length));
  assert.deepEqual(await alive(), [1, 1]);

  // One that has died is seen to have, whatever number its schema's sequence gave others.
  const dead = '00000000-0000-4000-8000-0000000000dd';
  await other.pages.query(
    `insert into ${other.t.worker} (id, host, pid) values ($1, 'elsewhere', 1)`,
    [dead],
  );
  assert.deepEqual(await alive(), [1, 1]);
  await recover(contexts[1]);
  const left = await other.pages.query(`select id from ${other.t.worker} where id = $1`, [dead]);
  assert.equal(left.rowCount, 0);
});

test('a worker goes on under another id when somebody migrates a queue in its database, and stops when asked meanwhile', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const begins: string[] = [];
  const heard = { ...context, log: (_: unknown, message: string) => void begins.push(message) };
  const worker = await startWorker(heard, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const [first] = await workersOf(context);

  await queueBackend('one_queue').migrate?.(db.pages);
  const isAnew = async () => {
    const [now] = await workersOf(context);
    return now !== undefined && now.id !== first?.id;
  };
  for (const end = Date.now() + 20_000; !(await isAnew()); await wait(20))
    assert.ok(Date.now() < end, 'no worker has come after it');

  begins.length = 0;
  await queueBackend('two_queue').migrate?.(db.pages);
  for (const end = Date.now() + 20_000; begins.length === 0; await wait(1))
    assert.ok(Date.now() < end, 'it does not stop for the migration');
  await worker.stop();
  assert.deepEqual(await workersOf(context), []);
  assert.equal(process.exitCode, undefined);
});
