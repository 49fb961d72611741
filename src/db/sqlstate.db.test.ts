import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { openPool } from '../db/pool.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import { clientTransaction } from '../operations/rules/client-transaction.ts';
import { testContext } from '../testing/context.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { blame } from './sqlstate.ts';

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));
const endOf = (work: Promise<unknown>) =>
  work.then(
    () => assert.fail('nothing was thrown'),
    (error: unknown) => error,
  );

async function terminate({ db }: TestDatabase, client: Queryable): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  await db.background.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
}

test('a connection that is ended while a statement waits for the next one is nobody’s fault and passes', async (t) => {
  const given = await testDatabase(t);
  const ended = await endOf(
    transaction(given.db.pages, async (client) => {
      await terminate(given, client);
      await pause(100);
      await client.query('select 1');
    }),
  );
  assert.equal(blame(ended), 'passing', String(ended));
});

test('a connection that is ended in the middle of a statement passes', async (t) => {
  const given = await testDatabase(t);
  const ended = await endOf(
    transaction(given.db.pages, async (client) => {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      const ending = pause(100).then(() =>
        given.db.background.query('select pg_terminate_backend($1)', [rows[0]?.pid]),
      );
      await Promise.all([client.query('select pg_sleep(10)'), ending]);
    }),
  );
  assert.equal(blame(ended), 'passing', String(ended));
});

test('a transaction that stood still for too long passes', async (t) => {
  const { db } = await testDatabase(t);
  const ended = await endOf(
    transaction(db.pages, async (client) => {
      await client.query('set local idle_in_transaction_session_timeout = 50');
      await pause(200);
      await client.query('select 1');
    }),
  );
  assert.equal(blame(ended), 'passing', String(ended));
});

test('a connection that is ended under the project’s client passes', async (t) => {
  const given = await testDatabase(t);
  const { registry } = testContext(given.db);
  for (const waitMs of [0, 100]) {
    const ended = await endOf(
      clientTransaction(registry, given.db.pages, { timeoutMs: 5_000 }, async (sql, tx) => {
        await terminate(given, sql);
        await pause(waitMs);
        await (tx as unknown as { city: { findMany(): Promise<unknown> } }).city.findMany();
      }),
    );
    assert.equal(blame(ended), 'passing', String(ended));
  }
});

test('a connection that is ended in the middle of a statement of the project’s client passes', async (t) => {
  const given = await testDatabase(t);
  const { registry } = testContext(given.db);
  const ended = await endOf(
    clientTransaction(registry, given.db.pages, { timeoutMs: 5_000 }, async (sql) => {
      const { rows } = await sql.query<{ pid: number }>('select pg_backend_pid() as pid');
      const ending = pause(100).then(() =>
        given.db.background.query('select pg_terminate_backend($1)', [rows[0]?.pid]),
      );
      await Promise.all([sql.query('select pg_sleep(10)::text'), ending]);
    }),
  );
  assert.equal(blame(ended), 'passing', String(ended));
});

test('a server that goes away under a statement of the project’s client passes', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const { registry } = testContext(db);
  const { port, hostname } = new URL(connectionString);
  const open = new Set<Socket>();
  const line = createServer((from) => {
    const to = connect(Number(port), hostname);
    for (const socket of [from, to]) open.add(socket.on('error', () => undefined));
    from.pipe(to).pipe(from);
  });
  await new Promise<void>((done) => line.listen(0, '127.0.0.1', done));
  const through = new URL(connectionString);
  through.port = String((line.address() as { port: number }).port);
  const pool = openPool({ connectionString: through.href, name: 'through a line', max: 1 });
  defer(async () => {
    line.close();
    await pool.end();
  });
  for (const end of [
    (socket: Socket) => socket.destroy(),
    (socket: Socket) => socket.resetAndDestroy(),
  ]) {
    const ended = await endOf(
      clientTransaction(registry, pool, { timeoutMs: 5_000 }, async (sql) => {
        await sql.query('select 1');
        const ending = pause(100).then(() => open.forEach((socket) => void end(socket)));
        await Promise.all([sql.query('select pg_sleep(1)::text'), ending]);
      }),
    );
    assert.equal(blame(ended), 'passing', String(ended));
  }
});

test('a database that is not there passes, with and without the project’s client', async (t) => {
  const { db, defer } = await testDatabase(t);
  const { registry } = testContext(db);
  const nowhere = openPool({
    connectionString: 'postgresql://nobody@127.0.0.1:1/nothing',
    name: 'nowhere',
    max: 1,
  });
  defer(() => nowhere.end());
  const bare = await endOf(transaction(nowhere, (client) => client.query('select 1')));
  assert.equal(blame(bare), 'passing', String(bare));
  const through = await endOf(
    clientTransaction(registry, nowhere, { timeoutMs: 1_000 }, (sql) => sql.query('select 1')),
  );
  assert.equal(blame(through), 'passing', String(through));
});
