import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deactivateUser, setPassword } from '../../auth/change-users.ts';
import { createFirstAdminLink, isFirstAdminToken } from '../../auth/first-admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { limits } from '../../limits.ts';
import {
  cookieOf,
  countStatements,
  csrfOf,
  emailOf,
  formBody,
  htmx,
  type TestApp,
  testApp,
  testPassword,
} from '../../testing/app.ts';
import { createUrl } from '../url.ts';

const wrong = 'not the password at all';

async function openForm({ app }: TestApp) {
  const form = await app.inject('/sign-in');
  return { cookie: cookieOf(form), _csrf: csrfOf(form.body) };
}

async function send(
  site: TestApp,
  body: Record<string, string>,
  given?: { cookie: string; _csrf: string },
) {
  const { cookie, _csrf } = given ?? (await openForm(site));
  const { payload, headers } = formBody({ _csrf, ...body });
  return site.app.inject({
    method: 'POST',
    url: '/sign-in',
    payload,
    headers: { ...headers, cookie },
  });
}

test('signing in', async (t) => {
  const site = await testApp(t);
  const { app, db } = site;
  const act = { db, by: systemPrincipal('test') };

  await t.test('gives a new session id and lets the old one go', async () => {
    const form = await openForm(site);
    const answer = await send(site, { email: emailOf('editor'), password: testPassword }, form);
    assert.equal(answer.statusCode, 303);
    assert.equal(answer.headers.location, '/');
    assert.notEqual(cookieOf(answer), form.cookie);
    assert.equal(
      (await app.inject({ url: '/', headers: { cookie: form.cookie } })).statusCode,
      303,
    );
    assert.equal(
      (await app.inject({ url: '/', headers: { cookie: cookieOf(answer) } })).statusCode,
      200,
    );
  });

  await t.test('keeps its cookie from scripts and other sites', async () => {
    const answer = await send(site, { email: emailOf('editor'), password: testPassword });
    const [cookie] = answer.cookies;
    assert.equal(cookie?.httpOnly, true);
    assert.equal(cookie?.sameSite, 'Lax');
  });

  await t.test('says the same about an unknown email and a wrong password', async () => {
    const answers = [
      await send(site, { email: emailOf('admin'), password: wrong }),
      await send(site, { email: 'nobody@example.test', password: wrong }),
    ];
    for (const answer of answers) {
      assert.equal(answer.statusCode, 422);
      assert.match(answer.body, /Email or password is wrong/);
    }
  });

  await t.test('does not mind the case of an email', async () => {
    const answer = await send(site, {
      email: ` ${emailOf('viewer').toUpperCase()} `,
      password: testPassword,
    });
    assert.equal(answer.statusCode, 303);
  });

  await t.test('goes on to a page of this site only', async () => {
    const next = async (to: string) =>
      (await send(site, { email: emailOf('viewer'), password: testPassword, next: to })).headers
        .location;
    assert.equal(await next('/cities?status=draft'), '/cities?status=draft');
    assert.equal(await next('https://elsewhere.test/'), '/');
    assert.equal(await next('//elsewhere.test/'), '/');
  });

  await t.test(
    'shows who sends more attempts for one account than is sensible the door',
    async () => {
      const form = await openForm(site);
      for (let attempt = 0; attempt < limits.signIn.attemptsPerMinute; attempt++) {
        assert.equal(
          (await send(site, { email: 'guessed@example.test', password: wrong }, form)).statusCode,
          422,
        );
      }
      assert.equal(
        (await send(site, { email: 'guessed@example.test', password: wrong }, form)).statusCode,
        429,
      );
      assert.equal(
        (await send(site, { email: 'other@example.test', password: wrong }, form)).statusCode,
        422,
      );
    },
  );

  await t.test('is over for a user who is deactivated, with the next request', async () => {
    const viewer = await site.signIn('viewer');
    assert.equal((await viewer.get('/')).statusCode, 200);
    await deactivateUser(act, viewer.principal.id);
    assert.equal((await viewer.get('/')).statusCode, 303);
    assert.equal((await viewer.get('/tasks', { accept: 'application/json' })).statusCode, 401);
    assert.equal(
      (await send(site, { email: emailOf('viewer'), password: testPassword })).statusCode,
      422,
    );
  });

  await t.test(
    'is over with a new password, everywhere but where it was made with it',
    async () => {
      const [one, other] = [await site.signIn('editor'), await site.signIn('editor')];
      const admin = await site.signIn('admin');
      await setPassword(act, one.principal.id, 'another horse battery');
      for (const visitor of [one, other]) assert.equal((await visitor.get('/')).statusCode, 303);
      assert.equal((await admin.get('/')).statusCode, 200);
      const again = await send(site, {
        email: emailOf('editor'),
        password: 'another horse battery',
      });
      assert.equal(
        (await app.inject({ url: '/', headers: { cookie: cookieOf(again) } })).statusCode,
        200,
      );
      await setPassword(act, one.principal.id, testPassword);
      assert.equal(
        (await app.inject({ url: '/', headers: { cookie: cookieOf(again) } })).statusCode,
        303,
      );
      await assert.rejects(setPassword(act, one.principal.id, 'short'), { code: 'invalid-user' });
    },
  );

  await t.test(
    'of one account from many addresses takes turns, and its owner comes in where they have been before',
    async () => {
      await db.pages.query(`update ${db.t.user} set deactivated_at = null`);
      const owner = await send(site, { email: emailOf('viewer'), password: testPassword });
      const form = await openForm(site);
      const from = (address: string, password: string, { cookie, _csrf } = form) => {
        const { payload, headers } = formBody({ _csrf, email: emailOf('viewer'), password });
        return app.inject({
          method: 'POST',
          url: '/sign-in',
          payload,
          remoteAddress: address,
          headers: { ...headers, cookie },
        });
      };
      for (let n = 0; n < limits.signIn.freeAttempts; n++)
        assert.equal((await from(`10.1.0.${n}`, wrong)).statusCode, 422);
      const attack = Promise.all(Array.from({ length: 40 }, (_, n) => from(`10.2.0.${n}`, wrong)));
      const device = owner.cookies.find(({ name }) => name === 'bulkhead_device');
      const own = await openForm(site);
      const known = await from('10.3.0.1', testPassword, {
        ...own,
        cookie: `${own.cookie}; bulkhead_device=${device?.value}`,
      });
      assert.equal(known.statusCode, 303, 'a browser that has been here waits for nobody');
      const statuses = (await attack).map(({ statusCode }) => statusCode);
      assert.ok(statuses.filter((status) => status === 422).length <= 6, `${statuses}`);
      assert.ok(statuses.includes(429));
      assert.equal((await from('10.4.0.1', testPassword)).statusCode, 303, 'nobody is locked out');
    },
  );

  await t.test('ends with signing out', async () => {
    const editor = await site.signIn('editor');
    assert.equal((await editor.post('/sign-out')).statusCode, 303);
    assert.equal((await editor.get('/')).statusCode, 303);
  });

  await t.test('costs one statement a request, and no write', async () => {
    const editor = await site.signIn('editor');
    const { result, statements } = await countStatements(db, () => editor.get('/nothing/here'));
    assert.equal(result.statusCode, 404);
    assert.equal(statements.length, 1, statements.join('\n'));
    assert.match(statements[0] ?? '', /^select/);
  });
});

test('without a session', async (t) => {
  const { app, db } = await testApp(t);

  await t.test('nothing is kept of who only looks at the door, or fails at it', async () => {
    const forms = await Promise.all(Array.from({ length: 20 }, () => app.inject('/sign-in')));
    for (const form of forms) assert.equal(form.statusCode, 200);
    const [one, other] = forms as [(typeof forms)[0], (typeof forms)[0]];
    const post = (token: string, cookie: string) => {
      const { payload, headers } = formBody({
        _csrf: token,
        email: emailOf('admin'),
        password: wrong,
      });
      return app.inject({
        method: 'POST',
        url: '/sign-in',
        payload,
        headers: { ...headers, cookie },
      });
    };
    assert.equal((await post(csrfOf(one.body), cookieOf(one))).statusCode, 422);
    for (const token of ['', csrfOf(other.body), 'x'])
      assert.equal((await post(token, cookieOf(one))).statusCode, 403, token);
    assert.equal((await post(csrfOf(one.body), '')).statusCode, 403);
    const { rows } = await db.pages.query(`select 1 from ${db.t.session}`);
    assert.deepEqual(rows, []);
  });

  await t.test('pages lead to the sign-in form and back again', async () => {
    const answer = await app.inject('/cities?status=draft');
    assert.equal(answer.statusCode, 303);
    assert.equal(answer.headers.location, '/sign-in?next=%2Fcities%3Fstatus%3Ddraft');
  });

  await t.test('htmx is sent to the form, to come back to the page it stood on', async () => {
    const answer = await app.inject({
      url: '/cities',
      headers: { ...htmx, 'hx-current-url': 'http://localhost/cities?_page=2' },
    });
    assert.equal(answer.statusCode, 401);
    assert.equal(answer.headers['hx-redirect'], '/sign-in?next=%2Fcities%3F_page%3D2');
    assert.equal(answer.body, '');
  });

  await t.test('JSON is told 401', async () => {
    const answer = await app.inject({ url: '/tasks', headers: { accept: 'application/json' } });
    assert.equal(answer.statusCode, 401);
    assert.equal(answer.json().error, 'signed-out');
  });

  await t.test('what does not exist cannot be told from what does', async () => {
    assert.equal((await app.inject('/no/such/page')).statusCode, 303);
  });

  await t.test('the health check and the files of the pages answer', async () => {
    assert.deepEqual((await app.inject('/healthz')).json(), { ok: true });
    const url = createUrl('');
    for (const name of ['theme.js', 'htmx.min.js']) {
      const file = await app.inject(url.asset(name));
      assert.equal(file.statusCode, 200);
      assert.match(String(file.headers['cache-control']), /immutable/, name);
      for (const other of [
        '?v=1',
        '?v=',
        '',
        `${url.asset('icon.svg').replace(/.*\?/, '?')}`,
        '?v=a&v=b',
      ]) {
        const asked = await app.inject(`/static/${name}${other}`);
        assert.equal(asked.headers['cache-control'], 'no-cache', `${name}${other}`);
      }
    }
    assert.equal((await app.inject('/static/../package.json')).statusCode, 303);
  });
});

test('the link that creates the first admin', async (t) => {
  const site = await testApp(t);
  const { app, db } = site;
  await db.pages.query(`delete from ${db.t.user}`);
  const token = await createFirstAdminLink(db);
  const form = await app.inject(`/first-admin?token=${token}`);
  const cookie = cookieOf(form);
  const post = (body: Record<string, string>) => {
    const { payload, headers } = formBody({
      _csrf: csrfOf(form.body),
      token,
      name: 'First',
      email: 'first@example.test',
      ...body,
    });
    return app.inject({
      method: 'POST',
      url: '/first-admin',
      payload,
      headers: { ...headers, cookie },
    });
  };

  await t.test('is not opened by another token', async () => {
    assert.equal((await app.inject('/first-admin?token=guessed')).statusCode, 404);
    assert.equal(form.statusCode, 200);
  });

  await t.test('is not used up by a password that is too short', async () => {
    const answer = await post({ password: 'short' });
    assert.equal(answer.statusCode, 422);
    assert.match(answer.body, /at least 10 characters/);
    assert.equal(await isFirstAdminToken(db, token), true);
  });

  await t.test('makes one admin, signs them in, and works once', async () => {
    const answer = await post({ password: testPassword });
    assert.equal(answer.statusCode, 303);
    const home = await app.inject({ url: '/', headers: { cookie: cookieOf(answer) } });
    assert.match(home.body, /Welcome, First\./);
    const { rows } = await db.pages.query(`select email, roles from ${db.t.user}`);
    assert.deepEqual(rows, [{ email: 'first@example.test', roles: ['admin'] }]);
    assert.equal((await app.inject(`/first-admin?token=${token}`)).statusCode, 404);
    const { rows: links } = await db.pages.query(`select token_hash from ${db.t.one_time_link}`);
    assert.equal(JSON.stringify(links).includes(token), false);
  });
});
