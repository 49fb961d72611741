import assert from 'node:assert/strict';
import { test } from 'node:test';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { AppError } from '../errors.ts';
import { retryAfterSeconds } from '../limits.ts';
import { htmx, testApp } from '../testing/app.ts';
import { testContext } from '../testing/context.ts';
import { keptLog } from '../testing/kept-log.ts';

const secret = 'column "salary" of relation "people"';

test('an error', async (t) => {
  const { db, config, signIn } = await testApp(t);
  const logged: string[] = [];
  const context = testContext(db);
  // A registry whose every look-up fails as a bug does, and one that refuses as a rule does.
  const failing = (thrown: unknown) => ({
    ...context,
    registry: {
      ...context.registry,
      for() {
        throw thrown;
      },
    },
  });
  const build = (thrown: unknown) =>
    buildApp({
      admin,
      config,
      context: { ...failing(thrown), log: keptLog('error', logged) },
    });
  const broken = await build(new Error(secret));
  const locked = await build(new AppError('locked', 423, 'Ada is changing this.'));
  const busy = await build(Object.assign(new Error(secret), { code: '53300' }));
  t.after(() => Promise.all([broken.close(), locked.close(), busy.close()]));
  const { cookie } = await signIn('admin');

  await t.test('that is a bug shows its number and nothing else, and is logged whole', async () => {
    for (const headers of [
      { cookie },
      { cookie, ...htmx },
      { cookie, accept: 'application/json' },
    ]) {
      const answer = await broken.inject({ url: '/cities', headers });
      assert.equal(answer.statusCode, 500);
      assert.doesNotMatch(answer.body + JSON.stringify(answer.headers), /salary|at .*\.ts/);
    }
    const page = await broken.inject({ url: '/cities', headers: { cookie } });
    const [, id] = /name the request <code>([^<]+)</.exec(page.body) ?? [];
    const line = logged.map((text) => JSON.parse(text)).find(({ requestId }) => requestId === id);
    assert.match(line.error, /salary[\s\S]*errors\.db\.test\.ts/);
    assert.equal(line.route, '/:resource');
  });

  await t.test('that is not swapped tells htmx by a toast', async () => {
    const answer = await broken.inject({ url: '/cities', headers: { cookie, ...htmx } });
    assert.equal(JSON.parse(String(answer.headers['hx-trigger']))['bulkhead:toast'].level, 'error');
    assert.doesNotMatch(answer.body, /<html/);
  });

  await t.test('of a rule is shown with its status: page, fragment, JSON', async () => {
    const page = await locked.inject({ url: '/cities', headers: { cookie } });
    assert.equal(page.statusCode, 423);
    assert.match(page.body, /<html[\s\S]*Ada is changing this\./);
    const part = await locked.inject({ url: '/cities', headers: { cookie, ...htmx } });
    assert.match(part.body, /Ada is changing this\./);
    assert.doesNotMatch(part.body, /<html/);
    const json = await locked.inject({
      url: '/cities',
      headers: { cookie, accept: 'application/json' },
    });
    assert.equal(json.statusCode, 423);
    assert.equal(json.json().error, 'locked');
    assert.equal(json.json().message, 'Ada is changing this.');
  });

  await t.test(
    'of a database that cannot be reached, in whatever words it is said, is 503',
    async (t) => {
      const ways = [
        new Error('Connection terminated unexpectedly'),
        new Error('timeout exceeded when trying to connect'),
        Object.assign(new Error(secret), { name: 'PrismaClientKnownRequestError', code: 'P1001' }),
        Object.assign(new Error(secret), {
          meta: { driverAdapterError: { cause: { kind: 'ConnectionClosed' } } },
        }),
      ];
      for (const thrown of ways) {
        const app = await build(thrown);
        t.after(() => app.close());
        const answer = await app.inject({
          url: '/cities',
          headers: { cookie, accept: 'application/json' },
        });
        assert.deepEqual([answer.statusCode, answer.json().error], [503, 'busy'], String(thrown));
      }
    },
  );

  await t.test(
    'of no host that takes writes says when to come again, and of no host',
    async (t) => {
      const app = await build(new AppError('no-primary', 503, secret));
      t.after(() => app.close());
      for (const accept of ['application/json', 'text/html']) {
        const answer = await app.inject({ url: '/cities', headers: { cookie, accept } });
        assert.deepEqual(
          [answer.statusCode, answer.headers['retry-after']],
          [503, String(retryAfterSeconds)],
        );
        assert.match(answer.body, /None of the database’s servers takes changes/);
        assert.ok(!answer.body.includes(secret));
      }
    },
  );

  await t.test('of a table that is not what the schema says is told from a bug', async (t) => {
    const ways = [
      Object.assign(new Error(secret), { code: '42703' }),
      Object.assign(new Error(secret), { name: 'PrismaClientKnownRequestError', code: 'P2022' }),
    ];
    for (const thrown of ways) {
      const app = await build(thrown);
      t.after(() => app.close());
      const answer = await app.inject({
        url: '/cities',
        headers: { cookie, accept: 'application/json' },
      });
      assert.deepEqual(
        [answer.statusCode, answer.json().error],
        [500, 'table-changed'],
        String(thrown),
      );
      assert.doesNotMatch(answer.body, /salary/);
      assert.match(logged.at(-1) ?? '', /salary/);
    }
  });

  await t.test('of a database with no connection left is 503', async () => {
    const answer = await busy.inject({ url: '/cities', headers: { cookie } });
    assert.equal(answer.statusCode, 503);
    assert.doesNotMatch(answer.body, /salary/);
  });

  await t.test('page goes whole to a restored history entry', async () => {
    const answer = await locked.inject({
      url: '/cities',
      headers: { cookie, ...htmx, 'hx-history-restore-request': 'true' },
    });
    assert.match(answer.body, /<html/);
  });
});

test('every page carries strict headers', async (t) => {
  const { app, signIn } = await testApp(t);
  const visitor = await signIn('admin');
  for (const answer of [
    await app.inject('/sign-in'),
    await visitor.get('/'),
    await visitor.get('/no/such/page'),
  ]) {
    const policy = String(answer.headers['content-security-policy']);
    assert.match(policy, /script-src 'self';style-src 'self'/);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(answer.headers['x-content-type-options'], 'nosniff');
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.doesNotMatch(
      answer.body,
      /<script(?![^>]* src=)|<style| style="| on[a-z]+="|javascript:/,
    );
  }
});
