import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import { transaction } from '../../db/transaction.ts';
import { insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { takeSlot } from '../running/slots.ts';
import { startJudgement } from './judgement.ts';
import { endConnections, listLost } from './lost-workers.ts';
import { recover } from './recovery.ts';
import { startRecovery } from './worker.ts';

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const logged: string[] = [];
  let silent = 0;
  const context = { ...testContext(db), log: (_: unknown, said: string) => void logged.push(said) };
  /** A connection of a worker, in a transaction that holds a row. */
  const connect = async (workerId: string) => {
    const client = new pg.Client({ connectionString, application_name: workerId });
    client.on('error', () => undefined);
    await client.connect();
    defer(() => client.end().catch(() => undefined));
    return client;
  };
  const count = async (workerId: string) =>
    (await db.pages.query('select from pg_stat_activity where application_name = $1', [workerId]))
      .rows.length;
  /** One that was last heard of a while ago, and is alive. */
  const insertSilent = async (workerId: string, client: pg.Client) => {
    const lockId = 4_242 + ++silent;
    await client.query('select pg_advisory_lock($1, $2)', [0x42_4c_4b_02, lockId]);
    await db.pages.query(
      `insert into ${db.t.worker} (id, host, pid, lock_id, heartbeat_at, stale_after_ms) values ($1, 'elsewhere', 1, $2, now() - interval '1 minute', 1000)`,
      [workerId, lockId],
    );
  };
  return { db, context, logged, connect, count, insertSilent };
}

test('the connections of a worker that hangs are ended, and those of no other', async (t) => {
  const { db, context, connect, count, insertSilent } = await setUp(t);
  const [hung, other] = [randomUUID(), randomUUID()];
  await insertSilent(hung, await connect(hung));
  const holding = await connect(hung);
  await holding.query('begin');
  await holding.query(`select from ${db.t.worker} for update`);
  await connect(other);
  // The row that it holds itself is not waited for: first that transaction is ended, once it is old.
  await until(async () => {
    await recover(context);
    return (await count(hung)) === 0;
  });
  assert.equal(await count(other), 1);
  assert.equal((await db.pages.query(`select from ${db.t.worker}`)).rowCount, 0);
});

test('where a role may not end the connections of a worker, that is said, and the rest is done', async (t) => {
  const { db, context, logged, connect, count } = await setUp(t);
  const workerId = randomUUID();
  await connect(workerId);
  const role = `bulkhead_test_${randomBytes(6).toString('hex')}`;
  await db.pages.query(`create role ${role}`);
  try {
    await transaction(db.pages, async (client) => {
      await client.query(`set local role ${role}`);
      await endConnections(client, context, workerId);
      assert.equal((await client.query('select 1')).rowCount, 1);
    });
  } finally {
    await db.pages.query(`drop role ${role}`);
  }
  assert.equal(await count(workerId), 1);
  assert.match(logged.join(), /may not be ended by this role/);
});

test('whoever stood still itself judges nobody by silence until the others have had time to speak', async (t) => {
  const { context, connect, insertSilent } = await setUp(t);
  const workerId = randomUUID();
  await insertSilent(workerId, await connect(workerId));
  const judgement = startJudgement({ staleAfterMs: 1_000 });
  try {
    const lost = async () => (await listLost(context, judgement)).map(({ id }) => id);
    assert.deepEqual(await lost(), [workerId]);
    for (const end = performance.now() + 700; performance.now() < end; );
    assert.deepEqual(await lost(), []);
    await until(async () => (await lost()).length === 1);
    judgement.distrust();
    assert.deepEqual(await lost(), []);
    // Nobody is taken for its own self.
    assert.deepEqual(await listLost(context, { ...judgement, isSound: () => true }, workerId), []);
  } finally {
    judgement.stop();
  }
});

test('whoever’s clock is set back judges again as soon as they would have', async (t) => {
  const real = Date.now;
  t.after(() => {
    Date.now = real;
  });
  const judgement = startJudgement({ staleAfterMs: 1_000 });
  try {
    // Set right after it had been days ahead.
    Date.now = () => real() + 3 * 24 * 3_600_000;
    assert.equal(judgement.isSound(), false);
    Date.now = real;
    await until(() => judgement.isSound());
  } finally {
    judgement.stop();
  }
});

test('a row that somebody holds keeps nobody from taking over from a worker that hangs', async (t) => {
  const { db, context, connect, count, insertSilent } = await setUp(t);
  await insertPrincipals(db);
  await insertPlaces(db, 40);
  const body = { field: 'notes', 'value.notes': 'changed' };
  const all = { kind: 'matching', filter: '' } as const;
  const { task } = await launchOn(context, context.registry.get('cities'), all, 'update', body);
  // One that the queue takes up, as nobody else does; and whoever looks waits for its row.
  await db.pages.query(
    `update ${db.t.task} set backend = 'gone', woken_at = now() - interval '1 minute', queued_at = now() - interval '1 minute', created_at = now() - interval '1 minute'`,
  );
  const holder = await connect('somebody');
  await holder.query('begin');
  await holder.query(`select from ${db.t.task} where id = ${task.id} for update`);
  const settings = { ...context.settings, staleAfterMs: 1_000, recoveryIntervalMs: 50 };
  const self = { workerId: randomUUID(), tokens: new Set<string>(), backends: ['queue'] };
  const recovery = startRecovery({ ...context, settings }, self);
  try {
    const isWaiting = async () =>
      (
        await db.background.query(
          `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        )
      ).rowCount === 1;
    await until(isWaiting);
    const hung = randomUUID();
    await insertSilent(hung, await connect(hung));
    await until(async () => (await count(hung)) === 0);
  } finally {
    await recovery.stop();
  }
});

test('what one of several workers that hang held is held by somebody else, too: the others are taken over all the same, it when that is free, and the log says so', async (t) => {
  const { db, context, logged, connect, count, insertSilent } = await setUp(t);
  await insertPrincipals(db);
  await insertPlaces(db, 40);
  const body = { field: 'notes', 'value.notes': 'changed' };
  const all = { kind: 'matching', filter: '' } as const;
  const { task } = await launchOn(context, context.registry.get('cities'), all, 'update', body);
  const [one, held, other] = [randomUUID(), randomUUID(), randomUUID()];
  for (const workerId of [one, held, other]) await insertSilent(workerId, await connect(workerId));
  await takeSlot(context, db.background, task.id, held);
  const holder = await connect('somebody');
  await holder.query('begin');
  await holder.query(`select from ${db.t.task} where id = ${task.id} for update`);
  const left = async () =>
    (await db.pages.query<{ id: string }>(`select id from ${db.t.worker}`)).rows.map(
      ({ id }) => id,
    );
  await recover(context);
  assert.deepEqual(await left(), [held]);
  assert.match(logged.join(), /what a worker held is held by somebody else, too/);
  await holder.query('rollback');
  await recover(context);
  assert.deepEqual(await left(), []);
  assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
  assert.equal(await count(held), 0);
});

test('a worker whose thread is not there says itself that it is, unless somebody looks into it', async (t) => {
  const { db, context, connect, insertSilent } = await setUp(t);
  const workerId = randomUUID();
  await insertSilent(workerId, await connect(workerId));
  const look = async () => {
    await recover(context, { workerId, tokens: new Set(), backends: [] });
    const { rows } = await db.pages.query(
      `select heartbeat_at > now() - interval '30 seconds' as "isHeard" from ${db.t.worker}`,
    );
    return rows;
  };
  assert.deepEqual(await look(), [{ isHeard: true }]);
  await db.pages.query(
    `update ${db.t.worker} set heartbeat_at = null, seen_at = now() - interval '1 minute'`,
  );
  assert.deepEqual(await look(), [{ isHeard: null }]);
});
