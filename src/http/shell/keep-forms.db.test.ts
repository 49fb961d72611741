import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LightMyRequestResponse, RouteOptions } from 'fastify';
import pg from 'pg';
import sample from '../../admin.ts';
import { buildApp } from '../../app.ts';
import { limits } from '../../limits.ts';
import {
  cookieOf,
  csrfOf,
  emailOf,
  formBody,
  htmx,
  type TestApp,
  testApp,
  testPassword,
  type Visitor,
} from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';

/** Every form of the router but those of signing in and out, with whether it can be shown again. */
async function everyForm({
  config,
  context,
}: TestApp): Promise<{ path: string; isShown: boolean }[]> {
  const found: RouteOptions[] = [];
  const app = await buildApp({
    admin: sample,
    config,
    context,
    onRoute: (route) => found.push(route),
  });
  await app.close();
  return found
    .filter(({ method, config: own }) => [method].flat().includes('POST') && own?.isPublic !== true)
    .map(({ url, config: own }) => ({
      path: url
        .replace(':resource', 'cities')
        .replace(':field', 'notes')
        .replace(':id', url.includes('previews') ? '00000000-0000-4000-8000-000000000000' : '1'),
      isShown: own?.shownAgain !== undefined,
    }));
}

let addresses = 0;

const typed = 'typed with care, "<b>" & 1\r\nline two';
const holds = (html: string) => html.includes('typed with care, &quot;&lt;b&gt;&quot; &amp; 1');

async function signInWith(
  { app }: TestApp,
  page: LightMyRequestResponse,
  role: 'admin' | 'editor',
  more: Record<string, string> = {},
) {
  const kept = /name="kept" value="([^"]+)"/.exec(page.body)?.[1] ?? '';
  const body = {
    _csrf: csrfOf(page.body),
    kept,
    email: emailOf(role),
    password: testPassword,
    ...more,
  };
  const { payload, headers } = formBody(body);
  // Each from an address of its own: an account is only tried so often from one.
  const remoteAddress = `10.0.0.${++addresses}`;
  return app.inject({
    method: 'POST',
    url: '/sign-in',
    payload,
    remoteAddress,
    headers: { ...headers, cookie: cookieOf(page) },
  });
}

const endSessions = ({ db }: TestApp) => db.pages.query(`delete from ${db.t.session}`);
const send = (visitor: Visitor, path: string, headers = {}) =>
  visitor.post(path, { notes: typed, name: 'Changed' }, headers);

test('a form that is posted after the session ended waits, sealed, for its owner', async (t) => {
  const site = await testApp(t);
  await insertPlaces(site.db, 3);
  const visitor = await site.signIn('admin');
  for (const { path, isShown } of await everyForm(site)) {
    await t.test(path, async () => {
      await endSessions(site);
      const answer = await send(visitor, path);
      assert.equal(answer.statusCode, 401);
      assert.match(answer.body, /what you typed comes back/);
      assert.ok(!holds(answer.body), 'it is sealed');
      const wrong = await signInWith(site, answer, 'admin', {
        password: 'not the password at all',
      });
      assert.equal(wrong.statusCode, 422);
      const again = await signInWith(
        site,
        { ...wrong, cookies: answer.cookies } as LightMyRequestResponse,
        'admin',
      );
      assert.equal(again.statusCode, 200);
      assert.ok(holds(again.body));
      assert.match(again.body, isShown ? /<form id="kept-form"[^>]* data-shows>/ : /Send it now/);
      assert.match(again.body, new RegExp(`<form id="kept-form"[^>]*action="${path}"`));
      const other = await signInWith(site, await send(visitor, path), 'editor');
      assert.equal(other.statusCode, 303);
      assert.ok(!holds(other.body));
    });
  }

  await t.test('and is shown, not saved', async () => {
    await endSessions(site);
    const again = await signInWith(site, await send(visitor, '/cities/1/edit'), 'admin');
    const { payload, headers } = formBody(formOf(again.body, 'kept-form'));
    const shown = await site.app.inject({
      method: 'POST',
      url: '/cities/1/edit',
      payload,
      headers: { ...headers, cookie: cookieOf(again) },
    });
    assert.equal(shown.statusCode, 200);
    assert.equal(formOf(shown.body, 'record-form').notes?.[0], typed);
    const { rows } = await site.db.pages.query('select name from gazetteer.city where id = 1');
    assert.notEqual(rows[0].name, 'Changed');
  });

  await t.test('in a dialog the sign-in form takes its place', async () => {
    await endSessions(site);
    const answer = await send(visitor, '/cities/selection', {
      ...htmx,
      'hx-current-url': 'http://localhost/cities?_s=x',
    });
    assert.equal(answer.statusCode, 401);
    assert.equal(answer.headers['hx-retarget'], '#dialog-content');
    assert.ok(!answer.body.includes('<html'));
    assert.match(answer.body, /name="next" value="\/cities\?_s=x"/);
  });

  await t.test('a form that says nobody’s name is kept for nobody', async () => {
    const { payload, headers } = formBody({ _csrf: 'x', notes: typed });
    assert.equal(
      (await site.app.inject({ method: 'POST', url: '/cities/1/edit', payload, headers }))
        .statusCode,
      303,
    );
  });
});

test('a form with the token of an earlier session comes back with what was typed and a token of today', async (t) => {
  const site = await testApp(t);
  await insertPlaces(site.db, 3);
  const before = await site.signIn('admin');
  const now = await site.signIn('admin');
  const other = await site.signIn('editor');
  for (const { path } of await everyForm(site)) {
    await t.test(path, async () => {
      const answer = await now.post(path, { _csrf: before.csrf, notes: typed });
      assert.equal(answer.statusCode, 422);
      assert.ok(holds(answer.body));
      assert.notEqual(csrfOf(answer.body), before.csrf);
      const others = await now.post(path, { _csrf: other.csrf, notes: typed });
      assert.equal(others.statusCode, 403, 'a form that was made for somebody else');
      assert.ok(!holds(others.body));
    });
  }
  const { rows } = await site.db.pages.query('select notes from gazetteer.city where id = 1');
  assert.equal(rows[0].notes, null);
});

test('a form that is too large is told so; one that meets no database is given back', async (t) => {
  const site = await testApp(t);
  await insertPlaces(site.db, 1);
  const visitor = await site.signIn('admin');
  const forms = await everyForm(site);
  for (const { path, isShown } of forms) {
    await t.test(`${path}, too large`, async () => {
      const size = path.endsWith('/edit/notes') ? limits.form.textBytes + 1 : limits.form.bytes;
      const answer = await visitor.post(path, { notes: 'x'.repeat(size), name: typed });
      assert.equal(answer.statusCode, 413);
      assert.match(answer.body, /larger than 1 MB|at most 16/);
      assert.ok(!isShown || answer.body.length > size, 'what was typed is there');
    });
  }
  const name = new URL(site.connectionString).pathname.slice(1);
  const elsewhere = new URL(site.connectionString);
  elsewhere.pathname = '/postgres';
  const client = new pg.Client({ connectionString: elsewhere.href });
  await client.connect();
  site.db.pages.on('error', () => undefined);
  await client.query(`alter database "${name}" allow_connections false`);
  await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
    name,
  ]);
  for (const { path } of forms) {
    await t.test(`${path}, without a database`, async () => {
      const answer = await send(visitor, path);
      assert.ok(answer.statusCode >= 500, String(answer.statusCode));
      assert.ok(holds(answer.body));
      assert.equal(formOf(answer.body, 'kept-form')._csrf?.[0], visitor.csrf);
    });
  }
  await client.query(`alter database "${name}" allow_connections true`);
  await client.end();
});
