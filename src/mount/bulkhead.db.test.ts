import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import Fastify from 'fastify';
import { migrationLock } from '../db/migrations.ts';
import { bulkhead, type Principal } from '../index.ts';
import { formBody } from '../testing/app.ts';
import { openBrowser } from '../testing/browse.ts';
import { finished } from '../testing/context.ts';
import { fastifyHost, memberOf } from '../testing/fastify-host.ts';
import { formOf } from '../testing/html-form.ts';
import { mountedDatabase, mountedHost } from '../testing/mounted-host.ts';
import { greet, mountedAdmin, walkMounted } from '../testing/mounted-journey.ts';
import { until } from '../testing/until.ts';

test('in an app with a sign-in, limits and plugins of its own, an admin is mounted twice, and both keep working', async (t) => {
  const { db, signIn, host } = await mountedHost(t, ['/admin', '/back-office']);
  const dan = await signIn('dan');
  for (const prefix of ['/admin', '/back-office']) await walkMounted(dan, prefix, db);
  const home = await dan.get('/');
  assert.match(home.text, /^Hello Dan /);
  assert.equal(home.headers.get('x-sent-by'), 'host');
  assert.equal((await dan.get('/nowhere')).text, "the host's 404");
  assert.match((await dan.get('/broken')).text, /^the host's error: broken/);
  const _csrf = home.text.split(' ').at(-1) ?? '';
  assert.equal((await dan.post('/note', { _csrf, text: 'x' })).status, 200);
  assert.equal(
    (await dan.post('/note', { _csrf, text: 'x'.repeat(2_000) })).text.includes('too large'),
    true,
  );
  assert.throws(() => host.bulkhead.tasks, /there are \/admin, \/back-office: app\.bulkhead\.at/);
  assert.throws(() => host.bulkhead.at('/other'), /No admin is mounted at \/other: \/admin, /);
  const task = await host.bulkhead.at('/back-office/').tasks.launch(greet, {});
  await host.bulkhead.at('/admin').tasks.wait(task, { timeoutMs: 60_000 });
  const { rows } = await db.pages.query(`select 1 from ${db.t.session}`);
  assert.equal(rows.length, 0);
});

test('of two mounts one may be below the other: what one leaves to be said, and its forms, are not the other’s', async (t) => {
  const { signIn } = await mountedHost(t, ['/admin', '/admin/two']);
  const dan = await signIn('dan');
  for (const prefix of ['/admin', '/admin/two', '/admin']) {
    const form = formOf((await dan.get(`${prefix}/cities/1/edit`)).text, 'record-form');
    const other = prefix === '/admin' ? '/admin/two' : '/admin';
    const saved = await dan.post(`${prefix}/cities/1/edit`, { ...form, notes: `by ${prefix}` });
    assert.equal(saved.status, 303, saved.text);
    assert.doesNotMatch((await dan.get(`${other}/cities`)).text, /was saved/);
    assert.match((await dan.get(`${prefix}/cities`)).text, /was saved/);
    assert.doesNotMatch((await dan.get(`${prefix}/cities`)).text, /was saved/);
  }
});

test('what the hooks of the app do with answers is not done with ours, and what they refuse stays refused', async (t) => {
  const { signIn } = await mountedHost(t);
  const dan = await signIn('dan');
  const page = await dan.get('/admin/cities', { 'accept-encoding': 'identity' });
  assert.match(page.headers.get('content-security-policy') ?? '', /^default-src 'none'/);
  assert.equal(page.headers.get('cross-origin-embedder-policy'), null);
  assert.equal(page.headers.get('x-sent-by'), null);
  assert.deepEqual(
    [page.headers.get('x-host'), page.headers.get('content-language')],
    ['hook', null],
  );
  assert.equal(page.headers.get('content-encoding'), null);
  const refused = await dan.get('/admin/cities', { 'x-blocked': 'yes' });
  assert.deepEqual([refused.status, refused.text], [418, 'blocked by the host']);
  const lost = await dan.get('/admin/nothing-here');
  assert.equal(lost.status, 404);
  assert.match(lost.text, /There is nothing here, or it is not yours to see/);
  const long = await dan.get(`/admin/cities/${'9'.repeat(400)}`);
  assert.deepEqual([long.status, /Nothing here/.test(long.text)], [404, true]);
});

test('neither the parsers of the app nor its limit for bodies come before ours', async (t) => {
  const { signIn, db } = await mountedHost(t);
  const dan = await signIn('dan');
  const form = formOf((await dan.get('/admin/cities/1/edit')).text, 'record-form');
  const saved = await dan.post('/admin/cities/1/edit', { ...form, notes: 'n'.repeat(4_000) });
  assert.equal(saved.status, 303, saved.text);
  const { rows } = await db.pages.query(
    'select length(notes) as length from gazetteer.city where id = 1',
  );
  assert.deepEqual(rows, [{ length: 4_000 }]);
  for (const type of [
    'application/json',
    'text/plain',
    'garbage',
    'multipart/form-data; boundary=x',
    '',
  ]) {
    const answer = await dan.post('/admin/cities/1/edit', form, { 'content-type': type });
    assert.ok([400, 403, 415].includes(answer.status), `${type}: ${answer.status}`);
    assert.match(answer.text, /<html/, type);
  }
});

test('nobody who is not signed in with the app sees a thing below the prefix, however it is spelt', async (t) => {
  const { origin, signIn } = await mountedHost(t);
  const nobody = openBrowser(origin);
  for (const path of [
    '',
    '/',
    '/cities',
    '/cities/1/edit',
    '/tasks',
    '/sign-in',
    '/first-admin',
    '/nowhere',
  ]) {
    const answer = await nobody.get(`/admin${path}`);
    assert.equal(answer.status, 401, path);
    assert.doesNotMatch(answer.text, /Place|name="password"/, path);
  }
  const { port } = new URL(origin);
  for (const path of [
    '/admin//cities',
    '/admin/./cities',
    '/admin/static/../cities',
    '/admin/static/..%2f..%2fpackage.json',
    '/admin/static/%2e%2e/%2e%2e/package.json',
    '/admin/%2e%2e/cities',
    '/%61dmin/cities',
    '/admin/cities%2f1',
    '/admin/cities?%00',
    '/admin/cities;x=1',
    '/admin/\\cities',
  ]) {
    const answer = await rawGet(Number(port), path);
    assert.match(answer, /^HTTP\/1\.1 (40[0134]|414) /, path);
    assert.doesNotMatch(answer, /Place 1|"dependencies"/, path);
  }
  const dan = await signIn('dan');
  assert.equal((await dan.get('/admin/sign-in')).status, 404);
  const health = await nobody.get('/admin/healthz');
  assert.deepEqual([health.status, health.text], [200, '{"ok":true}']);
  assert.equal((await nobody.get('/static/theme.js')).status, 404);
});

/** As it is written, which clients put straight. */
function rawGet(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`),
    );
    socket.on('data', (piece) => {
      text += piece;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

test('a form is taken from whom it was made for, by the cookies that they were given, and given back where it is too old', async (t) => {
  const { signIn, db } = await mountedHost(t);
  const [cleo, dan] = [await signIn('cleo'), await signIn('dan')];
  const edit = '/admin/cities/1/edit';
  const form = formOf((await cleo.get(edit)).text, 'record-form');
  await dan.get(edit);
  const name = async () =>
    (await db.pages.query('select name from gazetteer.city where id = 1')).rows[0]?.name;

  const others = await dan.post(edit, { ...form, name: 'by another' });
  assert.equal(others.status, 403);
  for (const cookie of ['bulkhead_form', 'bulkhead_flash']) {
    const thief = dan.copy();
    thief.setCookie(cookie, cleo.cookie(cookie) ?? '', '/admin');
    assert.equal((await thief.post(edit, { ...form, name: 'stolen' })).status, 403);
  }
  for (const _csrf of ['', 'made-up', form._csrf?.[0]?.split('~')[0]?.slice(1) ?? ''])
    assert.equal((await cleo.post(edit, { ...form, _csrf, name: 'no token' })).status, 403);
  const without = cleo.copy();
  without.setCookie('bulkhead_form', '', '/admin');
  const tampered = cleo.copy();
  const kept = cleo.cookie('bulkhead_form') ?? '';
  tampered.setCookie(
    'bulkhead_form',
    `${kept.startsWith('A') ? 'B' : 'A'}${kept.slice(1)}`,
    '/admin',
  );
  for (const browser of [without, tampered]) {
    const back = await browser.post(edit, { ...form, name: 'typed' });
    assert.equal(back.status, 422, back.text);
    assert.match(back.text, /value="typed"/);
    assert.equal(await name(), 'Place 1');
    const again = formOf(back.text, 'kept-form');
    const shown = await browser.post(edit, { ...again });
    const once = formOf(shown.text, 'record-form');
    assert.deepEqual(once.name, ['typed']);
  }
  const hers = await cleo.post(edit, { ...form, name: 'hers' });
  assert.equal(hers.status, 303, hers.text.replace(/[\s\S]*<main/, ''));
  assert.equal(await name(), 'hers');
  const flash = cleo.cookie('bulkhead_flash') ?? '';
  assert.notEqual(flash, '');
  const liar = cleo.copy();
  liar.setCookie('bulkhead_flash', `${flash.slice(0, 8)}x${flash.slice(9)}`, '/admin');
  dan.setCookie('bulkhead_flash', flash, '/admin');
  for (const browser of [liar, dan])
    assert.doesNotMatch((await browser.get('/admin/cities')).text, /alert-success/);
  assert.match((await cleo.get('/admin/cities')).text, /alert-success/);
});

test('who is taken out in the app is out at once, and so is their task that runs', async (t) => {
  const { signIn, members, db, host } = await mountedHost(t);
  const dan = await signIn('dan');
  const principal = members.get('dan');
  assert.ok(principal);
  const { id } = await host.bulkhead.tasks.launch(greet, { forMs: 600_000 }, { principal });
  await until(async () => (await host.bulkhead.tasks.get(id)).state === 'running');
  members.delete('dan');
  assert.equal((await finished(db, id)).state, 'cancelled');
  assert.equal((await dan.get('/admin/cities')).status, 401);
});

test('a page of the app shows how far a task is to who sees it, and to nobody else', async (t) => {
  const { signIn, members, db, host, origin } = await mountedHost(t);
  const principal = members.get('dan');
  assert.ok(principal);
  const { tasks } = host.bulkhead;
  const { id } = await tasks.launch(greet, { forMs: 600_000 }, { principal });
  const url = tasks.progressUrl(id);
  assert.equal(url, `/admin/tasks/${id}/embedded`);
  const dan = await signIn('dan');
  await until(async () => (await dan.get(url)).text.includes('value="1"'));
  const piece = await dan.get(url);
  assert.deepEqual([piece.status, piece.headers.get('cache-control')], [200, 'no-store']);
  assert.match(piece.text, /^<div class="bulkhead-progress" data-state="running">/);
  const followed = await host.inject({
    url,
    headers: { cookie: `sessionId=${dan.cookie('sessionId')}`, 'sec-fetch-mode': 'navigate' },
  });
  assert.deepEqual([followed.statusCode, followed.headers.location], [303, `/admin/tasks/${id}`]);
  members.set('eve', memberOf('eve', 'guest'));
  assert.equal((await (await signIn('eve')).get(url)).status, 404);
  assert.equal((await openBrowser(origin).get(url)).status, 401);
  await tasks.cancel(id);
  await finished(db, id);
  const ended = await dan.get(url);
  assert.deepEqual([ended.status, /data-state="cancelled"/.test(ended.text)], [286, true]);
  for (const file of ['embedded.js', 'embedded.css'])
    assert.equal((await openBrowser(origin).get(`/admin/static/${file}`)).status, 200);
});

test('who is not signed in is sent where the app says, and what they typed stays on the page', async (t) => {
  const { signIn, origin, members } = await mountedHost(t, ['/admin'], {
    signInUrl: ({ next }) => `/login?next=${encodeURIComponent(next)}`,
  });
  const nobody = openBrowser(origin);
  const sent = await nobody.get('/admin/cities?_q=x');
  assert.deepEqual([sent.status, sent.location], [303, '/login?next=%2Fadmin%2Fcities%3F_q%3Dx']);
  const piece = await nobody.get('/admin/cities', {
    'hx-request': 'true',
    'hx-current-url': `${origin}/admin/cities/1`,
  });
  assert.equal(piece.headers.get('hx-redirect'), '/login?next=%2Fadmin%2Fcities%2F1');
  const json = await nobody.get('/admin/cities', { accept: 'application/json' });
  assert.deepEqual([json.status, JSON.parse(json.text).error], [401, 'signed-out']);
  const dan = await signIn('dan');
  const form = formOf((await dan.get('/admin/cities/1/edit')).text, 'record-form');
  const known = members.get('dan');
  members.delete('dan');
  const typed = await dan.post('/admin/cities/1/edit', { ...form, name: 'typed' });
  assert.equal(typed.status, 401);
  assert.match(typed.text, /value="typed"[\s\S]+href="\/login\?next=%2Fadmin%2F"/);
  if (known) members.set('dan', known);
  const again = formOf(typed.text, 'kept-form');
  assert.equal((await dan.post('/admin/cities/1/edit', again)).status, 303);
});

test('whoever the app names wrongly, or cannot name, is not let in', async (t) => {
  let answer: () => unknown = () => null;
  const { origin } = await mountedHost(t, ['/admin'], { getUser: () => answer() as Principal });
  const said: string[] = [];
  const { get, post } = openBrowser(origin);
  for (const [given, status] of [
    [() => ({ id: 'cleo', name: 'Cleo', roles: ['admin'] }), 200],
    [() => undefined, 401],
    [() => Promise.reject(Object.assign(new Error('no token'), { statusCode: 401 })), 401],
    [() => Promise.reject(new Error('postgresql://secret@db is down')), 500],
    [() => assert.fail('broken'), 500],
    [() => ({ id: 'system:code', name: 'Sys', roles: ['admin'] }), 403],
    [() => ({ id: 7, name: 'Seven', roles: ['admin'] }), 500],
    [() => ({ id: 'x', name: 'X', roles: 'admin' }), 500],
    [() => ({ id: '', name: 'Nobody', roles: [] }), 500],
    [() => true, 500],
  ] as const) {
    answer = given;
    for (const seen of [
      await get('/admin/cities'),
      await post('/admin/cities/1/edit', { name: 'x' }),
    ]) {
      said.push(seen.text);
      assert.ok(
        [status, status === 200 ? 403 : status].includes(seen.status as typeof status),
        `${given} ${seen.status}`,
      );
    }
  }
  assert.doesNotMatch(said.join(), /secret|broken|roles, a list/);
});

test('what cannot be mounted is refused in one sentence', async (t) => {
  const { connectionString, defer } = await mountedDatabase(t);
  const getUser = () => null;
  const all = { prefix: '/admin', admin: mountedAdmin, databaseUrl: connectionString };
  const said = async (given: object, within = '') => {
    const app = Fastify();
    defer(() => app.close());
    const mount = async () => {
      await app.register(async (child) => void (await child.register(bulkhead, given as never)), {
        prefix: within,
      });
    };
    return mount().then(
      () => assert.fail('it was mounted'),
      ({ message }: Error) => message,
    );
  };
  for (const [given, sentence] of [
    [{ ...all, getUser }, /^Bulkhead at \/admin: refreshUser is missing beside getUser/],
    [{ ...all, refreshUser: getUser }, /getUser is missing/],
    [{ ...all, getUser: 'me', refreshUser: getUser }, /getUser must be a function\.$/],
    [{ ...all, getUsers: getUser }, /getUsers is no option\. Did you mean "getUser"\?$/],
    [{ ...all, log: getUser }, /log is no option\.$/],
    [{ ...all, prefix: 'admin' }, /prefix must be a slash and letters.* and is "admin"\.$/],
    [{ ...all, prefix: undefined }, /prefix must be .* such as \/admin, and is undefined\.$/],
    [{ ...all, prefix: '/:tenant' }, /and is "\/:tenant"\.$/],
    [{ ...all, prefix: '/' }, /such as \/admin, and is ""\.$/],
    [{ ...all, admin: undefined }, /admin must be what defineAdmin gives\.$/],
    [{ ...all, worker: 'yes' }, /worker must be true or false\.$/],
    [{ ...all, databaseUrl: 'mysql://x' }, /DATABASE_URL: must begin with postgresql:\/\//],
    [
      { ...all, databaseUrl: 'postgresql://127.0.0.1:1/none' },
      /^The database of databaseUrl cannot be reached/,
    ],
    [
      { ...all, admin: { ...mountedAdmin, tasks: [greet, greet] } },
      /^The admin cannot be started:\n {2}.*greet/,
    ],
  ] as const)
    assert.match(await said(given), sentence);
  const app = Fastify();
  defer(() => app.close());
  await app.register(bulkhead, all);
  await assert.rejects(async () => void (await app.register(bulkhead, all)), {
    message: 'Bulkhead at /admin: an admin is mounted there already.',
  });
});

test('once the app has started nothing can be mounted any more', async (t) => {
  const { connectionString } = await mountedDatabase(t);
  const app = Fastify();
  t.after(() => app.close());
  await app.ready();
  assert.throws(
    () =>
      app.register(bulkhead, {
        prefix: '/admin',
        admin: mountedAdmin,
        databaseUrl: connectionString,
      }),
    {
      code: 'AVV_ERR_ROOT_PLG_BOOTED',
    },
  );
});

test('proxies are believed as the app believes them: cookies go over HTTPS, and the address is that of who asks', async (t) => {
  const { connectionString, defer, db } = await mountedDatabase(t);
  const members = new Map([['cleo', memberOf('cleo', 'admin')]]);
  for (const trustProxy of [true, false]) {
    const app = await fastifyHost(members, { trustProxy });
    defer(() => app.close());
    await app.register(bulkhead, {
      prefix: '/admin',
      admin: mountedAdmin,
      databaseUrl: connectionString,
      getUser: () => members.get('cleo'),
      refreshUser: (id) => members.get(id),
    });
    const headers = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.7' };
    const edit = await app.inject({ url: '/admin/cities/1/edit', headers });
    const cookie = edit.cookies.find(({ name }) => name === 'bulkhead_form');
    assert.deepEqual(
      [cookie?.secure ?? false, cookie?.path, cookie?.httpOnly, cookie?.sameSite],
      [trustProxy, '/admin', true, 'Lax'],
    );
    const { payload, headers: type } = formBody({
      ...formOf(edit.body, 'record-form'),
      name: `by proxy ${trustProxy}`,
    });
    const saved = await app.inject({
      method: 'POST',
      url: '/admin/cities/1/edit',
      payload,
      headers: { ...headers, ...type, cookie: `bulkhead_form=${cookie?.value}` },
    });
    assert.equal(saved.statusCode, 303, saved.body);
    const { rows } = await db.pages.query(
      `select origin_name as address from ${db.t.audit_entry} where origin = 'request' order by id desc limit 1`,
    );
    assert.equal(rows[0]?.address, trustProxy ? '203.0.113.7' : '127.0.0.1');
  }
});

test('where the tables take longer than the app gives its plugins, the pages come up after it', async (t) => {
  const { connectionString, defer, db } = await mountedDatabase(t);
  const client = await db.background.connect();
  await client.query('select pg_advisory_lock($1)', [migrationLock]);
  const app = await fastifyHost(new Map(), { pluginTimeout: 1_000 });
  defer(() => app.close());
  await app.register(bulkhead, {
    prefix: '/admin',
    admin: mountedAdmin,
    databaseUrl: connectionString,
  });
  const origin = await app.listen({ port: 0, host: '127.0.0.1' });
  assert.throws(() => app.bulkhead.tasks.health(), /Bulkhead at \/admin has not started yet\./);
  const answer = openBrowser(origin).get('/admin/sign-in');
  assert.equal((await openBrowser(origin).get('/')).status, 200);
  await client.query('select pg_advisory_unlock($1)', [migrationLock]);
  client.release();
  assert.equal((await answer).status, 200);
});

test('without people of its own an admin keeps its sign-in, below the prefix that the app gives it', async (t) => {
  const { connectionString, defer } = await mountedDatabase(t);
  const lines: string[] = [];
  const app = Fastify({
    logger: { level: 'warn', stream: { write: (line) => void lines.push(line) } },
  });
  defer(() => app.close());
  await app.register(
    async (inner) => {
      await inner.register(bulkhead, {
        prefix: '/admin',
        admin: mountedAdmin,
        databaseUrl: connectionString,
      });
      assert.equal((await inner.bulkhead.tasks.list()).length, 0);
    },
    { prefix: '/inner' },
  );
  const [, link = ''] = /once, within a day: (\S+?)"/.exec(lines.join('')) ?? [];
  assert.match(link, /^\/inner\/admin\/first-admin\?token=/);
  assert.match((await app.inject(link)).body, /name="password"/);
  const { statusCode, headers } = await app.inject('/inner/admin/cities');
  assert.deepEqual(
    [statusCode, headers.location],
    [303, '/inner/admin/sign-in?next=%2Finner%2Fadmin%2Fcities'],
  );
});
