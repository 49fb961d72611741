import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AppError } from '../errors.ts';
import { testDatabase } from '../testing/database.ts';
import { startRelay } from '../testing/relay.ts';
import { startPrimary, startStandby } from '../testing/standby-server.ts';
import { UtcClient } from './client.ts';
import { openPool } from './pool.ts';
import { blame } from './sqlstate.ts';

/** An address of both, as one is written for people. */
function both(...urls: readonly string[]): string {
  const [first = ''] = urls;
  const hosts = urls.map((url) => new URL(url).host);
  return first.replace(new URL(first).host, hosts.join(','));
}

async function relayed(t: TestContext) {
  const { connectionString, db, defer } = await testDatabase(t, { content: 'nothing' });
  const relay = await startRelay(connectionString);
  defer(() => relay.stop());
  return { relay, through: relay.through(connectionString), db, defer };
}

const hasty = { max: 1, ownSessions: true, lookEveryMs: 50 };

test('a statement whose answer never comes ends its connection, and the next one has another', async (t) => {
  const { relay, through, defer } = await relayed(t);
  const pool = openPool({ connectionString: through, name: 'hasty', ...hasty });
  defer(() => pool.end());
  const client = await pool.connect();
  await client.query('begin');
  const pidSql = 'select pg_backend_pid() as pid';
  const before = (await client.query<{ pid: number }>(pidSql)).rows[0]?.pid;
  relay.swallow();
  const error = await client.query('select 1').catch((met) => met);
  assert.equal(blame(error), 'passing', String(error));
  client.release();
  relay.swallowNothingMore();
  assert.notEqual((await pool.query<{ pid: number }>(pidSql)).rows[0]?.pid, before);
});

test('a statement that the server is at is waited for, however long that takes', async (t) => {
  const { through, defer } = await relayed(t);
  const pool = openPool({ connectionString: through, name: 'hasty', ...hasty });
  defer(() => pool.end());
  assert.deepEqual((await pool.query(`select 1 as one from pg_sleep(3)`)).rows, [{ one: 1 }]);
});

test('a statement whose session the server has ended, and nobody heard of it, ends its connection', async (t) => {
  const { relay, through, db, defer } = await relayed(t);
  const pool = openPool({ connectionString: through, name: 'hasty', ...hasty });
  defer(() => pool.end());
  const client = await pool.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  relay.swallowOpen();
  await db.background.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
  const error = await client.query('select 1').catch((met) => met);
  assert.equal(blame(error), 'passing', String(error));
  client.release();
});

test('through a pooler a statement is waited for as long as is said', async (t) => {
  const { relay, through, defer } = await relayed(t);
  const options = { name: 'hasty', max: 1, answerMs: 300, lookEveryMs: 50 };
  const pool = openPool({ connectionString: through, ...options });
  defer(() => pool.end());
  await pool.query('select 1');
  relay.swallow();
  const error = await pool.query('select 1').catch((met) => met);
  assert.equal(blame(error), 'passing', String(error));
});

test('the server is said how to notice that we are gone, where nobody stands between', async (t) => {
  const { connectionString, db, defer } = await testDatabase(t, { content: 'nothing' });
  const shown = async (pool: Pick<typeof db.pages, 'query'>) => {
    const { rows } = await pool.query<{ setting: string }>(
      `select setting from pg_settings where name in ('tcp_keepalives_idle', 'tcp_user_timeout') order by name`,
    );
    return rows.map(({ setting }) => setting);
  };
  const other = openPool({ connectionString, name: 'other', max: 1 });
  defer(() => other.end());
  const own = ['5', '15000'];
  assert.deepEqual([await shown(db.pages), await shown(db.background)], [own, own]);
  assert.notDeepEqual(await shown(other), own);
});

test('of several hosts the one that takes writes is connected to, before and after a failover', async (t) => {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  const standby = await startStandby(primary);
  t.after(() => standby.stop());
  const address = both('postgresql://x@127.0.0.1:1/x', standby.connectionString);
  const pool = openPool({
    connectionString: both(standby.connectionString, primary.connectionString),
    name: 'several',
    max: 2,
    ownSessions: true,
  });
  t.after(() => pool.end());
  const portSql = 'select inet_server_port() as port';
  const portOf = async () => (await pool.query<{ port: number }>(portSql)).rows[0]?.port;
  assert.equal(await portOf(), primary.port);
  assert.equal(await portOf(), primary.port);
  await primary.kill();
  const refused = (await pool.query(portSql).catch((error) => error)) as AppError;
  const still = (await pool.query(portSql).catch((error) => error)) as AppError;
  assert.deepEqual([still.code, still.status, blame(refused)], ['no-primary', 503, 'passing']);
  assert.match(
    still.message,
    new RegExp(
      `127.0.0.1:${primary.port}: .*ECONNREFUSED.*; 127.0.0.1:${standby.port} is a standby`,
    ),
  );
  assert.doesNotMatch(still.message, /bulkhead:/);
  await standby.promote();
  assert.equal(await portOf(), standby.port);
  const any = new UtcClient({ connectionString: address, wants: 'any' });
  await assert.rejects(any.connect(), /refused|password|role/);
});

test('a connection that meets a standby’s refusal, or the end of its server, is not used again', async (t) => {
  const { connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const pool = openPool({ connectionString, name: 'one', max: 1 });
  defer(() => pool.end());
  const client = await pool.connect();
  await client.query(`set default_transaction_read_only to on`);
  await assert.rejects(client.query('create table one ()'), { code: '25006' });
  await assert.rejects(client.query('select 1'));
  client.release();
  await pool.query('create table one ()');
  const ended = await pool.connect();
  await assert.rejects(ended.query('select pg_terminate_backend(pg_backend_pid())'), {
    code: '57P01',
  });
  await assert.rejects(ended.query('select 1'));
  ended.release();
  await pool.query('create table two ()');
});

test('a host that takes a connection and says nothing is passed over', async (t) => {
  const { relay, through, db, defer } = await relayed(t);
  relay.swallow();
  const own = db.pages.options.connectionString ?? '';
  const client = new UtcClient({ connectionString: both(through, own) });
  await client.connect();
  await client.query('select 1');
  defer(() => client.end());
});
