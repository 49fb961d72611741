import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import admin from '../admin.ts';
import { buildApp } from '../app.ts';
import { limits } from '../limits.ts';
import {
  cookieOf,
  csrfOf,
  emailOf,
  formBody,
  htmx,
  testApp,
  testPassword,
  type Visitor,
} from '../testing/app.ts';
import { launchOn } from '../testing/context.ts';
import { keptLog } from '../testing/kept-log.ts';
import { insertPlaces } from '../testing/places.ts';
import { networkOf } from './plugins/rate-limit.ts';
import { sessionCookie } from './plugins/session.ts';

const evil = `"><script>alert(1)</script><fuzz-tag x='`;

test('what records, people and addresses are called is text on every page', async (t) => {
  const { db, context, signIn } = await testApp(t);
  await insertPlaces(db, 30);
  await db.pages.query(
    `update gazetteer.city set name = $1, alt_name = $1, admin_code = 'x', notes = $1`,
    [evil],
  );
  await db.pages.query(
    `update gazetteer.country set name = $1, capital = $1, region = $1, capital_city_id = 1`,
    [evil],
  );
  await db.pages.query(`update gazetteer.tag set name = $1 || id`, [evil]);
  await db.pages.query(`insert into gazetteer.language values ('spa', $1)`, [evil]);
  await db.pages.query(`insert into gazetteer."_CityToTag" select 1, id from gazetteer.tag`);
  await db.pages.query(`insert into gazetteer."_CountryToLanguage" values ('ESP', 'spa')`);
  await db.pages.query(`update ${db.t.user} set name = $1`, [evil]);
  const visitor = await signIn('admin');
  const named = { ...visitor.principal, name: evil };
  const cities = context.registry.get('cities');
  const key = (id: number) => String(id).padStart(20, '0');
  const body = { field: 'notes', 'value.notes': evil };
  const { task } = await launchOn(
    context,
    cities,
    { keys: [key(1), key(2)] },
    'update',
    { ...body, 'value.notes': `${evil}2` },
    named,
  );
  await db.pages.query(
    `alter table gazetteer.city add constraint "<fuzz-tag>" check (rating is null)`,
  );
  const refused = launchOn(
    context,
    cities,
    { keys: [key(1)] },
    'update',
    { field: 'rating', 'value.rating': '2' },
    named,
  );
  await assert.rejects(refused, { code: 'refused' });
  const running = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: `name-contains=${encodeURIComponent(evil)}` },
    'update',
    body,
    named,
  );
  const odd = encodeURIComponent(evil);
  const selected = await visitor.post('/cities/selection', { _do: 'add', key: [key(1), key(2)] });
  const _s = /_s=([0-9a-f-]{36})/.exec(String(selected.headers.location))?.[1];
  const paths = [
    '/',
    '/cities',
    '/countries',
    '/tags',
    '/languages',
    '/cities/1',
    '/countries/ESP',
    '/cities/1/edit',
    '/countries/ESP/edit',
    '/cities/1/delete',
    '/countries/ESP/delete',
    '/cities/1/history',
    '/cities/deleted',
    '/cities/new',
    `/cities/new?_back=${odd}`,
    `/cities?_q=${odd}`,
    `/cities?name=${odd}`,
    `/cities?name-contains=${odd}&_1.notes=${odd}`,
    `/cities?${odd}=1`,
    `/cities?_sort=${odd}`,
    `/cities?_page=${odd}`,
    `/cities?_s=${odd}`,
    `/cities?_after=${odd}`,
    `/cities?country=${odd}`,
    `/countries?capitalCity=1`,
    `/cities/${odd}`,
    `/${odd}`,
    '/cities/options/country?q=',
    '/cities/options/tags?q=',
    `/cities/options/tags?q=${odd}&_back=${odd}`,
    `/cities/bulk-edit?_s=${_s}`,
    `/cities/bulk-delete?_s=${_s}`,
    `/cities/bulk-edit/inputs?of=tags&_s=${_s}`,
    '/tasks',
    `/tasks?state=${odd}`,
    `/tasks/${task.id}`,
    `/tasks/${task.id}/undo`,
    `/tasks/${task.id}/failures`,
    `/tasks/${running.task.id}`,
    `/tasks/${task.id + 1}`,
    `/tasks/${task.id + 1}/failures`,
    '/tasks/running?resource=cities',
    `/sign-in?next=${odd}`,
    `/first-admin?token=${odd}`,
  ];
  for (const path of paths) {
    for (const headers of [{}, htmx]) assertText(path, await visitor.get(path, headers));
  }
  // Said on the next page, or in a header.
  assertText('saving', await visitor.post('/cities/1/edit', { population: '77' }));
  assertText('the page after saving', await visitor.get('/cities'));
  assertText(
    'typing nonsense',
    await visitor.post('/cities/1/edit', {
      population: evil,
      name: evil,
      _was: evil,
      _theirs: evil,
    }),
  );
  assertText(
    'a bulk edit of nonsense',
    await visitor.post(`/cities/bulk-edit?_s=${_s}`, { field: evil, _op: evil }, htmx),
  );
  assertText(
    'signing in',
    await visitor.post('/sign-in', { email: evil, password: evil, next: evil }),
  );

  function assertText(
    what: string,
    { statusCode, body, headers }: Awaited<ReturnType<Visitor['get']>>,
  ): void {
    assert.ok(statusCode < 500, `${what}: ${statusCode}`);
    if (!String(headers['content-type']).includes('html')) return;
    const at = body.search(/<fuzz-tag|<script>alert/);
    assert.equal(at, -1, `${what}: ${body.slice(Math.max(0, at - 300), at + 100)}`);
  }
});

test('every answer but a file is kept by nobody, runs no script of others and is framed by no page', async (t) => {
  const { app, db, signIn } = await testApp(t);
  await insertPlaces(db, 3);
  const visitor = await signIn('admin');
  const answers = [
    ...(await Promise.all(
      [
        '/',
        '/cities',
        '/cities/1',
        '/cities/1/edit',
        '/cities/99',
        '/tasks',
        '/nowhere',
        '/cities?_sort=x',
        '/healthz',
      ].map((path) => visitor.get(path)),
    )),
    ...(await Promise.all(
      ['/tasks', '/cities/99', '/nowhere'].map((path) =>
        visitor.get(path, { accept: 'application/json' }),
      ),
    )),
    await visitor.post('/cities/1/edit', { population: '5' }),
    await visitor.post('/cities/1/edit', { population: 'x' }),
    await app.inject('/sign-in'),
    await app.inject('/cities'),
  ];
  for (const { headers, statusCode, raw } of answers) {
    const what = `${raw.req.method} ${raw.req.url} ${statusCode}`;
    assert.match(String(headers['cache-control']), /no-store/, what);
    const policy = String(headers['content-security-policy']);
    assert.match(policy, /default-src 'none'/, what);
    assert.match(policy, /script-src 'self'(;|$)/, what);
    assert.match(policy, /frame-ancestors 'none'/, what);
    assert.doesNotMatch(policy, /unsafe|\*/, what);
    assert.equal(headers['x-content-type-options'], 'nosniff', what);
    assert.equal(headers['x-powered-by'], undefined, what);
    assert.equal(headers['access-control-allow-origin'], undefined, what);
  }
});

test('no way leads to another site', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 3);
  const visitor = await signIn('admin');
  for (const to of [
    '//evil.test',
    'https://evil.test',
    '/\\evil.test',
    '\\\\evil.test',
    '?x=//evil.test',
    'javascript:alert(1)',
    '/\t/evil.test',
    '/%0d%0aSet-Cookie:a=b',
  ]) {
    const saved = await visitor.post(`/cities/1/edit?_back=${encodeURIComponent(to)}`, {
      population: String(Math.ceil(Math.random() * 1e6)),
    });
    assert.equal(saved.statusCode, 303);
    assert.match(String(saved.headers.location), /^\/cities([/?]|$)/);
    const page = await visitor.get(`/cities/new?_back=${encodeURIComponent(to)}`);
    assert.doesNotMatch(page.body, /href="(\/\/|https?:|javascript:|\/\\)/);
    const signedIn = await visitor.get(`/sign-in?next=${encodeURIComponent(to)}`);
    assert.match(String(signedIn.headers.location), /^\/(?![/\\])/);
    assert.equal(signedIn.headers['set-cookie'], undefined);
  }
  const wrong = await visitor.get('/cities?_sort=x', {
    host: 'here.test',
    referer: 'http://here.test//evil.test/',
  });
  assert.doesNotMatch(wrong.body, /href="\/\//);
});

test('files beside the public ones are not served', async (t) => {
  const { app } = await testApp(t);
  for (const path of [
    '../package.json',
    '..%2fpackage.json',
    '%2e%2e/package.json',
    '..%5cpackage.json',
    '....//package.json',
    '/etc/passwd',
    '%2fetc%2fpasswd',
    '.env',
    'theme.js%00',
    '%c0%ae%c0%ae/package.json',
    'package.json',
    '',
  ]) {
    const answer = await app.inject(`/static/${path}`);
    assert.ok(
      [301, 302, 303, 400, 401, 403, 404].includes(answer.statusCode),
      `${path}: ${answer.statusCode}`,
    );
    assert.doesNotMatch(answer.body, /"dependencies"|root:/);
  }
});

test('behind HTTPS the cookie is sent over nothing else, and only the proxy is believed', async (t) => {
  const { app } = await testApp(t, { env: { BULKHEAD_SECURE_COOKIES: 'true' } });
  const form = await app.inject({ url: '/sign-in', headers: { 'x-forwarded-proto': 'https' } });
  const signIn = formBody({
    email: emailOf('admin'),
    password: testPassword,
    _csrf: csrfOf(form.body),
  });
  const signedIn = await app.inject({
    method: 'POST',
    url: '/sign-in',
    payload: signIn.payload,
    headers: { ...signIn.headers, 'x-forwarded-proto': 'https', cookie: cookieOf(form) },
  });
  const cookies = [...form.cookies, ...signedIn.cookies];
  assert.ok(cookies.some(({ name }) => name === sessionCookie));
  for (const { name, secure, httpOnly, sameSite, domain } of cookies)
    assert.deepEqual([secure, httpOnly, sameSite, domain], [true, true, 'Lax', undefined], name);
  const statuses = new Set<number>();
  for (let attempt = 0; attempt <= limits.signIn.addressAttemptsPerMinute; attempt++) {
    // What a client says of itself stands in front of what the proxy says of it.
    const headers = {
      'x-forwarded-proto': 'https',
      'x-forwarded-for': `10.0.0.${attempt}, 203.0.113.7`,
      cookie: cookieOf(form),
    };
    const body = formBody({ email: `somebody-${attempt}@example.test`, _csrf: csrfOf(form.body) });
    statuses.add(
      (
        await app.inject({
          method: 'POST',
          url: '/sign-in',
          payload: body.payload,
          headers: { ...headers, ...body.headers },
        })
      ).statusCode,
    );
  }
  assert.ok(statuses.has(429), `an address may guess for ever: ${[...statuses]}`);
});

test('secure cookies behind a proxy that does not say it speaks HTTPS: the page and the log say what is missing', async (t) => {
  const { context, config } = await testApp(t, { env: { BULKHEAD_SECURE_COOKIES: 'true' } });
  const lines: string[] = [];
  const app = await buildApp({
    admin,
    config,
    context: { ...context, log: keptLog('warn', lines) },
  });
  t.after(() => app.close());
  await app.inject('/healthz');
  assert.equal(lines.length, 0);
  const form = await app.inject('/sign-in');
  const answer = await app.inject({
    method: 'POST',
    url: '/sign-in',
    ...formBody({ email: 'x', password: 'x', _csrf: csrfOf(form.body) }),
  });
  assert.equal(answer.statusCode, 403);
  assert.match(answer.body, /let the proxy send X-Forwarded-Proto/);
  assert.equal(lines.filter((line) => line.includes('X-Forwarded-Proto')).length, 1);
});

test('one address cannot try the passwords of many accounts', async (t) => {
  const { app } = await testApp(t);
  const form = await app.inject('/sign-in');
  const attempt = (email: string, remoteAddress: string) =>
    app.inject({
      method: 'POST',
      url: '/sign-in',
      remoteAddress,
      ...formBody({ email, password: 'x', _csrf: csrfOf(form.body) }),
      headers: { ...formBody({}).headers, cookie: cookieOf(form) },
    });
  for (let one = 0; one < limits.signIn.addressAttemptsPerMinute; one++)
    assert.equal((await attempt(`a${one}@example.test`, '198.51.100.1')).statusCode, 422);
  assert.equal((await attempt('b@example.test', '198.51.100.1')).statusCode, 429);
  assert.equal((await attempt('b@example.test', '198.51.100.2')).statusCode, 422);
});

test('addresses of one network of IPv6 are one address', () => {
  assert.equal(networkOf('2001:db8::1'), networkOf('2001:db8:0:0:ffff::2'));
  assert.notEqual(networkOf('2001:db8::1'), networkOf('2001:db8:0:1::1'));
  assert.equal(networkOf('::1'), '0:0:0:0');
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('::ffff:192.0.2.1'), '::ffff:192.0.2.1');
});

test('fields that are on no form are not written by one', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 1);
  const visitor = await signIn('admin');
  for (const [name, value] of [
    ['createdAt', '2001-01-01T00:00'],
    ['updatedAt', '2001-01-01T00:00'],
    ['countryCode', 'FRA'],
    ['id', '77'],
    ['capitalOf', 'ESP'],
  ]) {
    const answer = await visitor.post('/cities/1/edit', {
      population: '5',
      [name as string]: value as string,
    });
    assert.ok([303, 422].includes(answer.statusCode), `${name}: ${answer.statusCode}`);
  }
  const { rows } = await db.pages.query(
    `select id, country_code from gazetteer.city where created_at < '2002-01-01' or id <> 1 or country_code <> 'ESP'`,
  );
  assert.deepEqual(rows, []);
});

test('broken HTTP is answered or closed, and the next visitor is served', async (t) => {
  const { config, context } = await testApp(t);
  const app = await buildApp({ admin, config, context });
  t.after(() => app.close());
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  const long = 'a'.repeat(100_000);
  for (const text of [
    'NONSENSE\r\n\r\n',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\nhost: x\r\n\r\n',
    'GET / HTTP/1.1\r\n\r\n',
    `GET /${long} HTTP/1.1\r\nhost: x\r\n\r\n`,
    `GET / HTTP/1.1\r\nhost: x\r\nx: ${long}\r\n\r\n`,
    'GET //evil.test HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET http://evil.test/ HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /%00 HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n',
    'GET /% HTTP/1.1\r\nhost: x\r\n\r\n',
    'POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello',
    'POST /sign-in HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n',
    'POST /sign-in HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nZZ\r\n',
    'POST /sign-in HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 99999999\r\n\r\n',
    'GET / HTTP/1.1\r\nhost: x\r\ncookie: bulkhead_session=%; a=b=c; ;\r\n\r\n',
    `GET / HTTP/1.1\r\nhost: x\r\ncookie: bulkhead_session=${long.slice(0, 5_000)}\r\n\r\n`,
    'GET / HTTP/1.1\r\nhost: \x00\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n',
    'TRACE / HTTP/1.1\r\nhost: x\r\n\r\n',
    'CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n',
    '\x16\x03\x01\x02\x00\x01\x00',
    '\0'.repeat(1_000),
  ]) {
    const answer = await overSocket(port, text);
    assert.doesNotMatch(
      answer,
      /^HTTP\/1\.1 5(?!05)/,
      `${JSON.stringify(text.slice(0, 80))} was answered ${answer.slice(0, 200)}`,
    );
    assert.doesNotMatch(answer, /\n\s+at |node_modules/, text.slice(0, 80));
  }
  assert.equal(await statusOf(port, '/healthz'), 200);
});

function overSocket(port: number, text: string): Promise<string> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.setTimeout(500, () => socket.destroy());
    socket.on('data', (piece) => {
      answer += piece.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => done(answer));
    socket.write(Buffer.from(text, 'latin1'));
  });
}

function statusOf(port: number, path: string): Promise<number | undefined> {
  return new Promise((done, fail) => {
    request({ port, path, host: '127.0.0.1', agent: false }, (answer) =>
      done(answer.resume().statusCode),
    )
      .on('error', fail)
      .end();
  });
}

test('a character that no text can hold is a bad request, wherever it stands', async (t) => {
  const { db, signIn } = await testApp(t);
  await insertPlaces(db, 2);
  const visitor = await signIn('admin');
  const paths = [
    '/cities/a%00b',
    '/cities/previews/%00',
    '/tasks/%00',
    '/cities?_q=%00',
    '/cities?_s=%00',
    '/cities?_after=%00',
    '/cities?name=%00',
    '/cities/options/country?q=%00',
    '/%00',
  ];
  for (const path of paths) {
    const { statusCode } = await visitor.get(path);
    assert.ok(statusCode < 500, `${path}: ${statusCode}`);
  }
  for (const body of [{ name: 'a\0b' }, { notes: '\0' }, { _was: '\0' }]) {
    assert.ok(
      (await visitor.post('/cities/1/edit', { population: '8', ...body })).statusCode < 500,
      JSON.stringify(body),
    );
  }
});
