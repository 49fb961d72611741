import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  type StandbyServer,
  type StreamingServer,
  startPrimary,
  startStandby,
} from '../testing/standby-server.ts';
import { until } from '../testing/until.ts';
import { openPool } from './pool.ts';
import { openStandbys } from './standbys.ts';
import { writtenPosition } from './wal-position.ts';

async function over(
  t: TestContext,
  primary: StreamingServer,
  address: string,
  options: { poolSize?: number; maxLagMs?: number } = {},
) {
  const pool = openPool({
    connectionString: primary.connectionString,
    name: 'bulkhead test',
    max: 4,
  });
  const logged: string[] = [];
  const standbys = openStandbys({
    ...{ address, primary: pool, watch: pool, poolSize: 2, maxLagMs: 60_000, ...options },
    log: (level, message) => level !== 'debug' && logged.push(message),
  });
  standbys.watch();
  t.after(async () => {
    await standbys.close();
    await pool.end();
  });
  return { pool, standbys, logged };
}

const portOf = (server: StreamingServer) => [{ port: server.port }];
const askPort = 'select inet_server_port() as port';

async function pair(t: TestContext, settings: Record<string, string> = {}) {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  await primary.query('create table kept as select 1 as one');
  const standby = await startStandby(primary, { settings });
  t.after(() => standby.stop());
  await standby.catchUp();
  return { primary, standby };
}

test('what recovery ends, and what somebody ends, is asked of the primary, and its connection is not kept', async (t) => {
  const { primary, standby } = await pair(t, { max_standby_streaming_delay: '0' });
  const { standbys } = await over(t, primary, standby.connectionString);
  const [{ reads } = assert.fail()] = standbys.list;
  assert.deepEqual((await reads.query(askPort)).rows, portOf(standby));
  const slow = (mark: string) =>
    reads.query(
      `select inet_server_port() as port, '${mark}' as mark, pg_sleep(case when pg_is_in_recovery() then 60 else 0 end) from kept`,
    );
  const running = (mark: string) => async () => {
    const rows = await standby.query(
      `select from pg_stat_activity where query like '%''${mark}'' as mark%' and pid <> pg_backend_pid()`,
    );
    return rows.length > 0;
  };
  const ofRecovery = slow('recovery');
  await until(running('recovery'));
  // Nobody may look at a table while a column is added, on a standby neither.
  await primary.query('alter table kept add column two int');
  assert.equal((await ofRecovery).rows[0]?.port, primary.port);
  const ofSomebody = slow('somebody');
  await until(running('somebody'));
  await standby.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'bulkhead reads'`,
  );
  assert.equal((await ofSomebody).rows[0]?.port, primary.port);
  assert.deepEqual((await reads.query(askPort)).rows, portOf(standby));
  // What a value cannot be is said by whoever is asked, and nobody is asked twice.
  await assert.rejects(reads.query(`select 'x'::int`), { code: '22P02' });
  // Nothing that goes this way writes; what does all the same is the primary's to refuse or to do.
  await reads.query('insert into kept values (9)');
  const client = await reads.connect();
  try {
    assert.deepEqual((await client.query(askPort)).rows, portOf(primary));
  } finally {
    client.release();
  }
});

test('of two standbys one that has replayed what somebody has written is chosen, and none where none has', async (t) => {
  const { primary, standby } = await pair(t);
  const other = await startStandby(primary);
  t.after(() => other.stop());
  const both = standby.connectionString.replace(/(127\.0\.0\.1:\d+)/, `$1,127.0.0.1:${other.port}`);
  const { pool, standbys } = await over(t, primary, both);
  const nameOf = ({ port }: StreamingServer) => `127.0.0.1:${port}`;
  const chosen = (position: Parameters<typeof standbys.choose>[0]) =>
    new Set([1, 2, 3, 4].map(() => standbys.choose(position)?.name));
  await until(() => chosen(null).size === 2);
  await standby.query('select pg_wal_replay_pause()');
  await primary.query('insert into kept values (2)');
  const written = await writtenPosition(pool);
  assert.deepEqual(chosen(written), new Set([undefined]));
  await until(() => chosen(written).has(nameOf(other)));
  assert.deepEqual(chosen(written), new Set([nameOf(other)]));
  // Others may see what the one that stands still has.
  assert.equal(chosen(null).size, 2);
  await standby.query('select pg_wal_replay_resume()');
  await until(() => chosen(written).size === 2);
  await other.kill();
  await until(() => chosen(null).size === 1);
  assert.deepEqual(chosen(null), new Set([nameOf(standby)]));
});

test('a server of another cluster, one that takes writes and one that is not there serve nothing', async (t) => {
  const { primary, standby } = await pair(t);
  const elsewhere = await pair(t);
  for (const [address, words] of [
    [elsewhere.standby.connectionString, 'does not follow this primary'],
    [primary.connectionString, 'is no standby: it takes writes itself'],
    [standby.urlOf('template1'), 'does not follow this primary'],
    [
      'postgresql://nobody@127.0.0.1:1/none',
      'is not to be reached (connect ECONNREFUSED 127.0.0.1:1)',
    ],
  ] as const) {
    const { standbys, logged } = await over(t, primary, address);
    await standbys.look();
    await standbys.look();
    assert.equal(standbys.choose(null), null, address);
    const name = new URL(address).host;
    assert.deepEqual(logged, [`The standby ${name} ${words}: the primary serves its reads.`]);
  }
});

test('where all servers are named, the primary among them is none that reads go to, nor one that is missed, whichever it is', async (t) => {
  const { primary, standby } = await pair(t);
  const all = primary.connectionString.replace(/(127[^/]+)/, `$1,127.0.0.1:${standby.port}`);
  const pool = openPool({ connectionString: all, name: 'bulkhead test', max: 4 });
  const logged: string[] = [];
  const standbys = openStandbys({
    ...{ address: all, primary: pool, watch: pool, poolSize: 2, maxLagMs: 60_000 },
    log: (level, message) => level !== 'debug' && logged.push(message),
  });
  standbys.watch();
  t.after(async () => {
    await standbys.close();
    await pool.end();
  });
  const kinds = () => standbys.states().map(({ kind }) => kind);
  await until(() => kinds().join() === 'primary,following');
  assert.equal(logged.length, 0);
  assert.equal(standbys.choose(null)?.name, `127.0.0.1:${standby.port}`);
  await primary.kill();
  await until(() => kinds().join() === 'away,unknown');
  await standby.promote();
  await until(() => kinds().join() === 'away,primary');
  assert.equal(standbys.choose(null), null);
  assert.equal(logged.filter((line) => line.includes(`:${standby.port} `)).length, 0);
});

test('what a role may not read on a standby is asked of the primary, and said', async (t) => {
  const { primary, standby } = await pair(t);
  await primary.query(`create role reader login password 'reader'`);
  await standby.catchUp();
  const reader = standby.connectionString.replace(/\/\/[^@]+/, '//reader:reader');
  const address = `${reader}?target_session_attrs=standby`;
  const { standbys, logged } = await over(t, primary, address);
  const [{ reads } = assert.fail()] = standbys.list;
  await until(() => standbys.choose(null) !== null);
  for (const _ of [1, 2])
    assert.deepEqual((await reads.query('select one from kept')).rows, [{ one: 1 }]);
  const name = `127.0.0.1:${standby.port}`;
  assert.deepEqual(logged, [
    `The standby ${name} refuses what the primary answers (permission denied for table kept).`,
  ]);
});

test('a standby is read from as long as it is no further behind than it may be, and after a failover once it follows the new primary', async (t) => {
  const { primary, standby } = await pair(t);
  const { standbys, logged } = await over(t, primary, standby.connectionString, {
    maxLagMs: 2_000,
  });
  await until(() => standbys.choose(null) !== null);
  await standby.query('select pg_wal_replay_pause()');
  await primary.query('insert into kept values (2)');
  // On a busy machine it may be long that nobody looks, too: then nothing is missing there.
  await until(() => {
    const [state] = standbys.states();
    return state?.kind === 'behind' && (state.lagBytes ?? 0) > 0;
  });
  assert.equal(standbys.choose(null), null);
  const said = () => logged.at(-1)?.replace(/^The standby \S+ /, '');
  await until(() => said() === 'is too far behind: the primary serves its reads.');
  await standby.query('select pg_wal_replay_resume()');
  await until(() => standbys.choose(null) !== null && said() === 'serves reads again.');
  const other = await startStandby(primary);
  t.after(() => other.stop());
  await follows(t, standby, other);
});

/**
 * Of a primary that was promoted: a standby of it counts as one once it says so itself, and one that
 * stays with the old primary does not, whatever comes there.
 */
async function follows(
  t: TestContext,
  promoted: StandbyServer,
  other: StandbyServer,
): Promise<void> {
  await promoted.promote();
  const left = await over(t, promoted, other.connectionString);
  await left.standbys.look();
  await left.standbys.look();
  assert.deepEqual(
    left.standbys.states().map(({ kind }) => kind),
    ['elsewhere'],
  );
  assert.equal(left.standbys.choose(null), null);
  const second = await startStandby(promoted);
  t.after(() => second.stop());
  const { pool, standbys } = await over(t, promoted, second.connectionString);
  const written = await writtenPosition(pool);
  assert.equal(written.timeline, 2);
  await until(() => standbys.choose(written) !== null);
}

test('what waits for a standby that is frozen is asked of the primary once it is noticed', async (t) => {
  const { primary, standby } = await pair(t);
  const { standbys, logged } = await over(t, primary, standby.connectionString);
  const [{ reads } = assert.fail()] = standbys.list;
  await until(() => standbys.choose(null) !== null);
  assert.deepEqual((await reads.query(askPort)).rows, portOf(standby));
  const [{ pid } = assert.fail()] = await standby.query<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'bulkhead reads'`,
  );
  const [{ watch } = assert.fail()] = await standby.query<{ watch: number }>(
    `select pid as watch from pg_stat_activity where application_name = 'bulkhead standby'`,
  );
  for (const one of [pid, watch]) process.kill(one, 'SIGSTOP');
  try {
    assert.deepEqual((await reads.query(askPort)).rows, portOf(primary));
  } finally {
    for (const one of [pid, watch]) process.kill(one, 'SIGCONT');
  }
  assert.ok(logged.some((line) => line.includes('is not to be reached')));
  await until(() => standbys.choose(null) !== null);
});
