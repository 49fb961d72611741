import assert from 'node:assert/strict';
import { close as closeInspector, open as openInspector } from 'node:inspector';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { advisoryClass } from '../../db/advisory-class.ts';
import { openDatabase } from '../../db/database.ts';
import { brakeBefore, holdBrake } from '../../testing/brake.ts';
import { finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { makeKeeper } from '../../testing/keeper.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { startWorker } from './worker.ts';

interface Beats {
  heartbeatAt: string | null;
  loopAt: string | null;
}

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { staleAfterMs: 1_000, recoveryIntervalMs: 60_000 });
  const read = async (): Promise<Beats> => {
    const { rows } = await db.pages.query(
      `select heartbeat_at::text as "heartbeatAt", loop_at::text as "loopAt" from ${db.t.worker}`,
    );
    return rows[0];
  };
  return {
    read,
    async begin() {
      const worker = await startWorker(context, { connectionString, concurrency: 1 });
      defer(() => worker.stop());
    },
    /** Both have moved on since. */
    async moved(before: Beats): Promise<Beats> {
      let now = before;
      await until(async () => {
        now = await read();
        return now.heartbeatAt !== before.heartbeatAt && now.loopAt !== before.loopAt;
      });
      return now;
    },
  };
}

test('a worker whose main loop is busy goes on saying that it is there, and since when it is busy', async (t) => {
  const { read, begin, moved } = await setUp(t);
  await begin();
  const first = await read();
  assert.ok(first.heartbeatAt && first.loopAt);
  await moved(first);
  for (const end = performance.now() + 3_000; performance.now() < end; );
  const busy = await read();
  // The loop had moved until it was busy; the thread has gone on.
  assert.ok(busy.heartbeatAt && busy.loopAt);
  const silentMs = Date.parse(busy.heartbeatAt) - Date.parse(busy.loopAt);
  assert.ok(silentMs > 1_000, `the loop stood still for ${silentMs} ms`);
  await moved(busy);
});

test('nobody judges a worker that somebody looks into', async (t) => {
  const { read, begin } = await setUp(t);
  openInspector(0, '127.0.0.1');
  try {
    await begin();
    assert.deepEqual(await read(), { heartbeatAt: null, loopAt: null });
  } finally {
    closeInspector();
  }
  await until(async () => (await read()).heartbeatAt !== null);
  openInspector(0, '127.0.0.1');
  try {
    await until(async () => (await read()).heartbeatAt === null);
    assert.equal((await read()).loopAt, null);
  } finally {
    closeInspector();
  }
});

test('the end of each worker is noticed by another at once, long before anybody looks', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { recoveryIntervalMs: 60_000 });
  await insertPrincipals(db);
  await insertPlaces(db, 40);
  await brakeBefore(db, 'update', 'gazetteer.city');
  const brake = await holdBrake(db, connectionString);
  defer(() => brake.letGo());
  // What it is at when it is killed the server may end; there is more.
  const env = {
    BULKHEAD_RECOVERY_INTERVAL_MS: '60000',
    BULKHEAD_CHUNK_SIZE: '10',
    BULKHEAD_LOG_LEVEL: 'silent',
  };
  const killed = await startWorkerProcess(connectionString, env);
  const body = { field: 'notes', 'value.notes': 'changed' };
  const all = { kind: 'matching', filter: '' } as const;
  const { task } = await launchOn(context, context.registry.get('cities'), all, 'update', body);
  await brake.isReached();
  const { rows: workers } = await db.pages.query(`select lock_id as "lockId" from ${db.t.worker}`);
  const beside = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => beside.stop());
  const waitsForIt = async () => {
    const { rows } = await db.pages.query(
      `select from pg_locks where locktype = 'advisory' and not granted and classid = ${advisoryClass.liveness}::int::oid and objid = $1::int::oid
         and database = (select oid from pg_database where datname = current_database())`,
      [workers[0].lockId],
    );
    return rows.length > 0;
  };
  await until(waitsForIt);
  await killed.kill('SIGKILL');
  await brake.letGo();
  // Whoever looks by the clock has looked when it began, and looks again in a minute.
  const { state, changed } = await finished(db, task.id, 45_000);
  assert.deepEqual([state, changed], ['succeeded', 40]);
});

test('a worker whose thread gets no connection any more, and that reaches the database itself, goes on as it is', async (t) => {
  const { db: owner, connectionString: asOwner, defer } = await testDatabase(t);
  const connectionString = await makeKeeper(owner.pages, asOwner, ['gazetteer']);
  const db = await openDatabase({ connectionString });
  defer(() => db.close());
  const staleAfterMs = 1_000;
  const context = testContext(db, { staleAfterMs, recoveryIntervalMs: 100 });
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const ofThread = `from pg_stat_activity where datname = current_database() and application_name = 'bulkhead heartbeat'`;
  const hasConnection = async () =>
    ((await owner.pages.query(`select ${ofThread}`)).rowCount ?? 0) > 0;
  await until(hasConnection);
  const { id } = worker.now();
  const name = new URL(asOwner).pathname.slice(1);
  await owner.pages.query(`alter database ${name} connection limit 0`);
  await owner.pages.query(`select pg_terminate_backend(pid) ${ofThread}`);
  await wait(staleAfterMs * 4);
  assert.equal(await hasConnection(), false);
  assert.deepEqual(worker.now(), { id, isAlive: true });
  // It says so by its own pool.
  await until(async () => {
    const { rows } = await owner.pages.query(
      `select id from ${db.t.worker} where heartbeat_at > clock_timestamp() - make_interval(secs => ${staleAfterMs / 1_000})`,
    );
    return rows[0]?.id === id;
  });
  await owner.pages.query(`alter database ${name} connection limit -1`);
  await until(hasConnection);
});
