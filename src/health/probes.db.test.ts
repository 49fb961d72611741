import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { servePages } from '../cli/serve-pages.ts';
import { retryAfterSeconds } from '../limits.ts';
import { runWorker } from '../run-worker.ts';
import { testApp } from '../testing/app.ts';
import { openBrowser } from '../testing/browse.ts';
import { startHeldRelay } from '../testing/held-relay.ts';
import { mountedHost } from '../testing/mounted-host.ts';
import { install } from '../testing/setting-levels.ts';
import { until } from '../testing/until.ts';

const token = 'a token of probes';
const bearer = { authorization: `Bearer ${token}` };

/** The app over a database that can be held back from it. */
async function behindRelay(t: TestContext) {
  const relay = await startHeldRelay();
  const site = await testApp(t, {
    env: { BULKHEAD_PROBE_TOKEN: token },
    through: (connectionString) => relay.through(connectionString),
  });
  t.after(() => relay.stop());
  return { ...site, relay };
}

/** Whatever was found for the one before is found anew. */
async function untilReady(app: Awaited<ReturnType<typeof testApp>>['app'], status: number) {
  await until(async () => (await app.inject('/readyz')).statusCode === status);
}

test('a process is alive whatever its database does, and ready only while that answers', async (t) => {
  const { app, relay } = await behindRelay(t);
  const ready = await app.inject('/readyz');
  assert.deepEqual([ready.statusCode, ready.json()], [200, { ok: true }]);
  relay.hold();
  await untilReady(app, 503);
  const unready = await app.inject('/readyz');
  assert.deepEqual(
    [unready.json(), unready.headers['retry-after']],
    [{ ok: false }, String(retryAfterSeconds)],
  );
  const alive = await app.inject('/healthz');
  assert.deepEqual([alive.statusCode, alive.json()], [200, { ok: true }]);
  const measured = await app.inject({ url: '/metrics', headers: bearer });
  assert.equal(measured.statusCode, 200);
  assert.match(measured.body, /^bulkhead_database_up 0$/m);
  assert.doesNotMatch(measured.body, /^bulkhead_workers\{/m);
  relay.goOn();
  await untilReady(app, 200);
});

test('a process whose tables are not as its code needs them is not ready, and says so to whoever has the token', async (t) => {
  const { app, db } = await testApp(t, {
    env: { BULKHEAD_PROBE_TOKEN: token },
    async prepare({ db: database }) {
      await database.pages.query(
        `delete from bulkhead._prisma_migrations where migration_name like '%alert_remedies'`,
      );
      return database;
    },
  });
  const bare = await app.inject('/readyz');
  assert.deepEqual([bare.statusCode, bare.json()], [503, { ok: false }]);
  const { isEnding, needs } = (await app.inject({ url: '/readyz', headers: bearer })).json();
  assert.equal(isEnding, false);
  assert.deepEqual(
    needs.map(({ name, isMet, message }: Record<string, unknown>) => [name, isMet, message]),
    [
      ['database', true, null],
      ['migrations', false, 'Not applied yet: 20261130172000_alert_remedies.'],
    ],
  );
  await db.pages.query(
    `insert into bulkhead._prisma_migrations (id, checksum, migration_name, finished_at) values ('x', 'x', '20261130172000_alert_remedies', now())`,
  );
  await untilReady(app, 200);
});

test('what is measured is for whoever has the token: for nobody where there is none', async (t) => {
  const without = await testApp(t);
  for (const headers of [{}, bearer, { authorization: 'Bearer ' }]) {
    assert.equal((await without.app.inject({ url: '/metrics', headers })).statusCode, 404);
    const ready = await without.app.inject({ url: '/readyz', headers });
    assert.deepEqual(ready.json(), { ok: true });
  }
  const { app } = await testApp(t, { env: { BULKHEAD_PROBE_TOKEN: token } });
  for (const authorization of [
    '',
    token,
    `Basic ${token}`,
    'Bearer ',
    `Bearer ${token} `.toUpperCase(),
    `Bearer ${token}x`,
    `Bearer ${token.slice(1)}`,
  ]) {
    const refused = await app.inject({ url: '/metrics', headers: { authorization } });
    assert.equal(refused.statusCode, 401, authorization);
    assert.equal(refused.headers['www-authenticate'], 'Bearer');
    assert.doesNotMatch(refused.body, /bulkhead_/);
    const bare = await app.inject({ url: '/readyz', headers: { authorization } });
    assert.deepEqual(bare.json(), { ok: true });
  }
  const measured = await app.inject({ url: '/metrics', headers: bearer });
  assert.equal(measured.statusCode, 200);
  assert.match(String(measured.headers['content-type']), /^text\/plain; version=0\.0\.4/);
  assert.equal(measured.headers['cache-control'], 'no-store');
});

test('they stand below the prefix, and below that of a mount', async (t) => {
  const { app } = await testApp(t, { env: { BULKHEAD_PREFIX: '/admin' } });
  assert.equal((await app.inject('/admin/readyz')).statusCode, 200);
  assert.equal((await app.inject('/readyz')).statusCode, 404);
  const { origin } = await mountedHost(t);
  const nobody = openBrowser(origin);
  assert.deepEqual(JSON.parse((await nobody.get('/admin/readyz')).text), { ok: true });
  assert.equal((await nobody.get('/admin/metrics')).status, 404);
  assert.equal((await nobody.get('/readyz')).text, "the host's 404");
});

test('whoever asks now and then hears that a process ends before it stops answering', async (t) => {
  const { app, config } = await testApp(t, { env: { PORT: '0' } });
  const address = await servePages(app, config);
  for (const _ of [1, 2]) {
    assert.equal((await fetch(`${address}/readyz`)).status, 200);
    await wait(100);
  }
  const closed = app.close();
  await until(async () => (await fetch(`${address}/readyz`)).status === 503);
  await closed;
  await assert.rejects(fetch(`${address}/readyz`));
});

test('a worker answers the same at a port of its own, until it has put down what it is at', async (t) => {
  const { admin, config, connectionString, db } = await install(t, {
    env: { BULKHEAD_PROBE_PORT: '0', BULKHEAD_PROBE_TOKEN: token },
  });
  const worker = await runWorker(connectionString, config, admin, () => undefined);
  const at = async (path: string, init: RequestInit = {}) => {
    const answer = await fetch(`${worker.probeAddress}${path}`, init);
    return { status: answer.status, text: await answer.text() };
  };
  assert.match(worker.probeAddress ?? '', /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.deepEqual(await at('/healthz'), { status: 200, text: '{"ok":true}' });
  assert.deepEqual(await at('/readyz'), { status: 200, text: '{"ok":true}' });
  assert.equal((await at('/metrics')).status, 401);
  const measured = await at('/metrics', { headers: bearer });
  assert.match(measured.text, /^bulkhead_workers\{state="alive"\} 1$/m);
  assert.match(measured.text, /^bulkhead_pool_connections\{pool="worker",state="total"\} [1-9]/m);
  for (const [path, method] of [
    ['/', 'GET'],
    ['/metrics/', 'GET'],
    ['/readyz', 'POST'],
    ['//x', 'GET'],
    ['//', 'GET'],
    ['//:x', 'GET'],
  ] as const)
    assert.equal((await at(path, { method })).status, 404, path);
  // Somebody else has buried it, as they do with one whose session is lost to the server alone, and it
  // cannot begin anew yet.
  await db.pages.query(
    `alter table ${db.t.worker} add constraint none_begins check (started_at < now() - interval '1 day') not valid`,
  );
  await db.pages.query(`delete from ${db.t.worker}`);
  await until(async () => (await at('/readyz')).status === 503);
  const { headers } = await fetch(`${worker.probeAddress}/readyz`);
  assert.equal(headers.get('retry-after'), String(retryAfterSeconds));
  assert.match(
    (await at('/readyz', { headers: bearer })).text,
    /It has been taken for dead\.|Its session is lost, and it has not begun anew yet\./,
  );
  assert.equal((await at('/healthz')).status, 200);
  await db.pages.query(`alter table ${db.t.worker} drop constraint none_begins`);
  await until(async () => (await at('/readyz')).status === 200);
  await worker.stop();
  await assert.rejects(at('/healthz'));
});

test('a worker whose port is taken says so, and leaves nothing open', async (t) => {
  const { admin, config, connectionString } = await install(t, {
    env: { BULKHEAD_PROBE_PORT: '0' },
  });
  const first = await runWorker(connectionString, config, admin, () => undefined);
  const { port } = new URL(first.probeAddress ?? '');
  const taken = { ...config, BULKHEAD_PROBE_PORT: Number(port) };
  await assert.rejects(
    runWorker(connectionString, taken, admin, () => undefined),
    { code: 'EADDRINUSE' },
  );
  await first.stop();
});
