import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createUser } from '../auth/users.ts';
import { csrfOf, testApp, testPassword } from '../testing/app.ts';
import { openBrowser } from '../testing/browse.ts';
import { formOf } from '../testing/html-form.ts';
import { type ProxyOptions, startHttpsProxy } from '../testing/https-proxy.ts';
import { insertPlaces } from '../testing/places.ts';

const person = { email: 'ada@example.test', password: testPassword };

/** An admin below a prefix, served over HTTP, with a proxy in front that speaks HTTPS. */
async function setUp(t: TestContext, options: Omit<ProxyOptions, 'to'> = {}) {
  const made = await testApp(t, {
    env: {
      BULKHEAD_PREFIX: '/admin',
      BULKHEAD_SECURE_COOKIES: 'true',
      BULKHEAD_BASE_URL: 'https://admin.test',
    },
  });
  await insertPlaces(made.db, 40);
  await createUser(made.db, { ...person, name: 'Ada', roles: ['admin'] });
  const to = await made.app.listen({ port: 0, host: '127.0.0.1' });
  const proxy = await startHttpsProxy({ to, ...options });
  t.after(() => proxy.stop());
  return { ...made, to, proxy, browser: openBrowser(proxy.address) };
}

test('behind a proxy that ends TLS: signed in, saved, changed in bulk; every address and redirect stays below the prefix, every cookie is secure', async (t) => {
  const { browser, db } = await setUp(t);
  const locations: (string | null)[] = [];
  const cookies: string[] = [];
  const keep = <A extends { location: string | null; headers: Headers }>(answer: A) => {
    locations.push(answer.location);
    cookies.push(...answer.headers.getSetCookie());
    return answer;
  };
  const get = async (path: string) => keep(await browser.get(path));
  const post = async (path: string, form: Record<string, string>) =>
    keep(await browser.post(path, form));

  const first = await get('/admin/cities');
  assert.equal(first.location, '/admin/sign-in?next=%2Fadmin%2Fcities');
  const form = await get(first.location ?? '');
  const token = csrfOf(form.text);
  const signedIn = await post('/admin/sign-in', { ...person, next: '/admin/cities', _csrf: token });
  assert.deepEqual([signedIn.status, signedIn.location], [303, '/admin/cities']);
  const list = await get('/admin/cities');
  assert.match(list.text, /Place 2/);
  for (const [, address = ''] of list.text.matchAll(/ (?:href|src|action)="([^"#]+)"/g))
    assert.ok(address.startsWith('/admin/') || /^\?/.test(address), address);
  const [, sheet = ''] = /href="([^"]+styles\.css[^"]*)"/.exec(list.text) ?? [];
  assert.equal((await get(sheet)).status, 200);

  const edit = await get('/admin/cities/1/edit');
  const saved = await post('/admin/cities/1/edit', {
    ...formOf(edit.text, 'record-form'),
    notes: 'through the proxy',
  });
  assert.equal(saved.status, 303, saved.text);
  const _csrf = csrfOf((await get('/admin/cities')).text);
  const selected = { _csrf, _do: 'matching', _list: '' };
  const { location } = await post('/admin/cities/selection', selected);
  const path = `/admin/cities/bulk-edit?${/_s=[0-9a-f-]+/.exec(location ?? '')?.[0]}`;
  const [, _op = ''] = /name="_op" value="([^"]+)"/.exec((await get(path)).text) ?? [];
  const bulk = { _csrf, _op, field: 'notes', 'value.notes': 'in bulk' };
  assert.match((await post(path, bulk)).location ?? '', /^\/admin\/tasks\/\d+/);

  for (const to of locations) assert.ok(to === null || to.startsWith('/admin/'), String(to));
  assert.ok(cookies.length > 0);
  for (const cookie of cookies) {
    assert.match(cookie, /; Secure/);
    assert.match(cookie, /; Path=\/admin/);
    assert.doesNotMatch(cookie, /; Domain=/);
  }
  // Nothing that is answered goes on for ever: a proxy that waits for the end of an answer is none in the way.
  assert.doesNotMatch(list.text, /event-stream|EventSource/);
  const { rows } = await db.pages.query(
    `select origin_name as name from ${db.t.audit_entry} where act = 'signed-in'`,
  );
  assert.deepEqual(rows.at(-1), { name: '127.0.0.1' });
});

test('a proxy that does not say that it speaks HTTPS lets nobody in, and the page says what is missing', async (t) => {
  const { browser } = await setUp(t, { isSilent: true });
  const form = await browser.get('/admin/sign-in');
  const answer = await browser.post('/admin/sign-in', { ...person, _csrf: csrfOf(form.text) });
  assert.equal(answer.status, 403);
  assert.match(answer.text, /X-Forwarded-Proto/);
});

test('a proxy that takes the prefix away reaches no page: it is to leave it', async (t) => {
  const { browser } = await setUp(t, { stripped: '/admin' });
  const { status, text } = await browser.get('/admin/sign-in');
  assert.equal(status, 404);
  assert.match(
    text,
    /below \/admin \(BULKHEAD_PREFIX\), and a proxy in front is to leave the path/,
  );
});

test('what a client says of itself is not believed', async (t) => {
  const { browser, db } = await setUp(t);
  const form = await browser.get('/admin/sign-in', { 'x-forwarded-for': '203.0.113.9' });
  const wrong = { ...person, password: 'not this one', _csrf: csrfOf(form.text) };
  await browser.post('/admin/sign-in', wrong, { 'x-forwarded-for': '203.0.113.9' });
  const { rows } = await db.pages.query(
    `select origin_name as name from ${db.t.audit_entry} where act <> 'signed-in' order by id desc limit 1`,
  );
  assert.deepEqual(rows, [{ name: '127.0.0.1' }]);
});
