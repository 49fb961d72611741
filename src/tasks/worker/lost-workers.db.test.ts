import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import { transaction } from '../../db/transaction.ts';
import { testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { until } from '../../testing/until.ts';
import { startJudgement } from './judgement.ts';
import { endConnections, listLost } from './lost-workers.ts';
import { recover } from './recovery.ts';

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const logged: string[] = [];
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
    await client.query('select pg_advisory_lock($1, 4242)', [0x42_4c_4b_02]);
    await db.pages.query(
      `insert into ${db.t.worker} (id, host, pid, lock_id, heartbeat_at, stale_after_ms) values ($1, 'elsewhere', 1, 4242, now() - interval '1 minute', 1000)`,
      [workerId],
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
