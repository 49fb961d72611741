import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RouteOptions } from 'fastify';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { cookieOf, formBody, htmx, testApp } from '../testing/app.ts';
import { testContext } from '../testing/context.ts';

const isPublic = [
  '/sign-in',
  '/sign-out',
  '/first-admin',
  '/healthz',
  '/readyz',
  '/metrics',
  '/static/*',
  '/tasks/:id/progress',
  '/tasks/live',
  '/:resource/:id/lock',
];

test('every route', async (t) => {
  const { db, config, signIn } = await testApp(t);
  const routes: { method: string; url: string }[] = [];
  const app = await buildApp({
    admin,
    config,
    context: testContext(db),
    onRoute: ({ method, url }: RouteOptions) =>
      routes.push(...[method].flat().map((one) => ({ method: String(one), url }))),
  });
  t.after(() => app.close());
  const at = (url: string) =>
    url.replace(':resource', 'cities').replace(/:\w+/g, '1').replace('*', 'theme.js');

  await t.test('is closed without a session, but for those that are named here', async () => {
    assert.ok(routes.length > 20, `only ${routes.length} routes were seen`);
    for (const { method, url } of routes.filter(({ url }) => !isPublic.includes(url))) {
      const answer = await app.inject({
        method: method as 'GET',
        url: at(url),
        headers: { accept: 'application/json' },
      });
      assert.equal(answer.statusCode, 401, `${method} ${url}`);
    }
  });

  await t.test('answers nothing about a task without a session', async () => {
    const answer = await app.inject({ url: '/tasks/1/progress', headers: htmx });
    assert.equal(answer.statusCode, 286);
    assert.match(answer.body, /signed out/);
  });

  await t.test('that changes something refuses a form without the token', async () => {
    const { cookie } = await signIn('admin');
    const writing = routes.filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method));
    assert.ok(writing.length >= 8, `only ${writing.length} were seen`);
    for (const { method, url } of writing) {
      for (const token of ['', 'made-up', ['a', 'b']]) {
        const { payload, headers } = formBody({ _csrf: token });
        const answer = await app.inject({
          method: method as 'POST',
          url: at(url),
          payload,
          headers: { ...headers, cookie },
        });
        assert.equal(answer.statusCode, 403, `${method} ${url}`);
      }
    }
  });

  await t.test("does not take another session's token", async () => {
    const [one, other] = [await signIn('admin'), await signIn('editor')];
    assert.equal((await one.post('/sign-out', { _csrf: other.csrf })).statusCode, 403);
    assert.equal((await one.get('/')).statusCode, 200);
  });

  await t.test('takes the token in the header that htmx sends', async () => {
    const visitor = await signIn('admin');
    assert.equal(
      (await visitor.post('/sign-out', { _csrf: [] }, { 'x-csrf-token': visitor.csrf })).statusCode,
      303,
    );
  });
});

test('people of a project’s own need the token of a form as well, on every route that changes something', async (t) => {
  const principal = { id: 'cleo', name: 'Cleo', roles: ['admin'] };
  const people = { getUser: () => principal, refreshUser: () => principal };
  const { db, config } = await testApp(t);
  const routes: { method: string; url: string }[] = [];
  const theirs = { ...admin, people };
  const app = await buildApp({
    admin: theirs,
    config,
    context: testContext(db, {}, {}, theirs),
    onRoute: ({ method, url }: RouteOptions) =>
      routes.push(...[method].flat().map((one) => ({ method: String(one), url }))),
  });
  t.after(() => app.close());
  const cookie = cookieOf(await app.inject('/cities'));
  assert.match(cookie, /^bulkhead_form=/);
  const writing = routes.filter(({ method }) => !['GET', 'HEAD', 'OPTIONS'].includes(method));
  assert.ok(writing.length >= 8, `only ${writing.length} were seen`);
  for (const { method, url } of writing)
    for (const token of ['', 'made-up', ['a', 'b'], 'a.b~c']) {
      const { payload, headers } = formBody({ _csrf: token });
      const answer = await app.inject({
        method: method as 'POST',
        url: url.replace(':resource', 'cities').replace(/:\w+/g, '1'),
        payload,
        headers: { ...headers, cookie },
      });
      assert.equal(answer.statusCode, 403, `${method} ${url}`);
    }
});

test('under a prefix every address keeps it', async (t) => {
  const { app, signIn } = await testApp(t, { env: { BULKHEAD_PREFIX: '/back-office' } });
  const visitor = await signIn('admin');
  const home = await visitor.get('/back-office/');
  assert.equal(home.statusCode, 200);
  const addresses = [...home.body.matchAll(/ (?:href|src|action)="([^"#]+)"/g)].map(
    ([, address]) => address ?? '',
  );
  assert.ok(addresses.length > 10);
  for (const address of addresses) assert.ok(address.startsWith('/back-office/'), address);
  assert.equal((await app.inject('/back-office/static/theme.js')).statusCode, 200);
  assert.equal((await app.inject('/')).statusCode, 404);
  const answer = await app.inject('/back-office/cities');
  assert.equal(answer.headers.location, '/back-office/sign-in?next=%2Fback-office%2Fcities');
  assert.equal(cookieOf(answer), '');
});
