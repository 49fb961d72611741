import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { openPool } from '../db/pool.ts';
import { behindBouncer } from './behind-bouncer.ts';
import { findBouncer, startBouncer } from './pgbouncer.ts';
import { startPrimary, startStandby } from './standby-server.ts';
import { until } from './until.ts';

/** As in `npm run bouncer`, for a moment, or for as many minutes as is said. */
const minutes = Number(process.env.BULKHEAD_TEST_BOUNCER_MINUTES ?? 1 / 3);

// Where there is no PgBouncer, `npm test` says that this did not run.
test('two web processes behind PgBouncer with three sessions: every route answers, and what was written is what tasks claim', {
  skip: findBouncer() ? false : 'PgBouncer is not installed (apt-get install pgbouncer)',
  timeout: 180_000 + minutes * 60_000,
}, async (t) => {
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { routes, asked, writes, tasks, broken } = await behindBouncer({
    seed,
    ms: minutes * 60_000,
    say: (line) => t.diagnostic(line),
  });
  assert.deepEqual(broken, [], `seed ${seed}`);
  assert.equal(asked, routes);
  assert.ok(
    writes > 1_000 && tasks.has('succeeded (inline)') && tasks.has('succeeded (queue)'),
    `${writes} writes, ${[...tasks]}`,
  );
});

test('of two PgBouncers, each before a server of its own, the one is taken whose server takes writes', {
  skip: findBouncer() ? false : 'PgBouncer is not installed (apt-get install pgbouncer)',
}, async (t) => {
  const primary = await startPrimary();
  t.after(() => primary.stop());
  const standby = await startStandby(primary);
  t.after(() => standby.stop());
  const servers = [primary, standby];
  const throughs: string[] = [];
  for (const { connectionString } of servers) {
    const bouncer = await startBouncer(connectionString, 2);
    t.after(() => bouncer.stop());
    throughs.push(bouncer.through(connectionString));
  }
  const [first = '', second = ''] = throughs;
  const pool = openPool({
    connectionString: first.replace(/(127[^/]+)/, `$1,${new URL(second).host}`),
    name: 'several',
    max: 2,
    answerMs: 5_000,
  });
  t.after(() => pool.end());
  const portOf = async () =>
    (await pool.query<{ port: number }>('select inet_server_port() as port')).rows[0]?.port;
  assert.equal(await portOf(), primary.port);
  await primary.kill();
  // Of the one whose server is gone it is the pooler that says so, in words of its own.
  await until(() =>
    portOf().then(
      () => false,
      ({ code }) => code === 'no-primary',
    ),
  );
  await standby.promote();
  await until(() =>
    portOf().then(
      (port) => port === standby.port,
      () => false,
    ),
  );
});
