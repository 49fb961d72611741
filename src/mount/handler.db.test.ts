import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import express, { type ErrorRequestHandler, type Request } from 'express';
import express4 from 'express-4';
import type { Principal } from '../auth/principal.ts';
import { bulkhead, type HandlerOptions } from '../index.ts';
import { openBrowser } from '../testing/browse.ts';
import { createDatabase } from '../testing/database.ts';
import { formOf } from '../testing/html-form.ts';
import { mountedDatabase } from '../testing/mounted-host.ts';
import { greet, mountedAdmin, walkMounted } from '../testing/mounted-journey.ts';

const cleo: Principal = { id: 'cleo', name: 'Cleo', roles: ['admin'] };

/** Handlers over a database with three places, and what serves their apps. */
async function setUp(t: TestContext) {
  const database = await mountedDatabase(t);
  const handlerOf = (given: Partial<HandlerOptions<Request>> = {}) => {
    const handler = bulkhead.handler<Request>({
      prefix: '/admin',
      admin: mountedAdmin,
      databaseUrl: database.connectionString,
      getUser: ({ headers }) => (headers.cookie?.includes('member=cleo') ? cleo : null),
      refreshUser: (id) => (id === cleo.id ? cleo : null),
      log: () => undefined,
      ...given,
    });
    database.defer(() => handler.close());
    return handler;
  };
  const serve = async (listener: RequestListener) => {
    const server = createServer(listener);
    database.defer(
      () =>
        new Promise((done) => {
          server.close(done);
          server.closeAllConnections();
        }),
    );
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const browser = openBrowser(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    browser.setCookie('member', 'cleo', '/');
    return browser;
  };
  return { ...database, handlerOf, serve };
}

for (const [version, make] of [
  ['5', express],
  ['4', express4],
] as const)
  test(`in Express ${version} an admin is a handler at a path, before the parsers of the app`, async (t) => {
    const { db, handlerOf, serve } = await setUp(t);
    const handler = handlerOf({ worker: true });
    const app = make();
    app.use('/admin', handler);
    app.use(make.urlencoded({ extended: true }));
    app.post('/echo', (request, response) => void response.json(request.body));
    app.use((_request, response) => void response.status(404).send("the app's 404"));
    assert.throws(() => handler.tasks, /Bulkhead at \/admin has not started yet\.$/);
    const browser = await serve(app);
    await walkMounted(browser, '/admin', db);
    assert.equal((await browser.get('/ADMIN/cities')).status, 200);
    assert.equal((await browser.get('/admin?x=1')).status, 200);
    assert.equal((await browser.get('/admins')).text, "the app's 404");
    assert.equal((await browser.post('/echo', { a: '1' })).text, '{"a":"1"}');
    assert.ok((await handler.tasks.list()).length >= 3);
    const elsewhere = make();
    elsewhere.use('/other', handler, ((error, _request, response, _next) => {
      response.status(500).send((error as Error).message);
    }) as ErrorRequestHandler);
    const other = await (await serve(elsewhere)).get('/other/cities');
    assert.equal(other.status, 500);
    assert.match(other.text, /its handler is used at \/other, so let its prefix be that/);
  });

test('on node:http it answers what is below its prefix, and leaves the rest', async (t) => {
  const { db, handlerOf, serve } = await setUp(t);
  const handler = handlerOf({ worker: true });
  const listener = handler as unknown as RequestListener;
  const browser = await serve(listener);
  await walkMounted(browser, '/admin', db);
  for (const path of ['/', '/administration', '/x/admin/cities'])
    assert.equal((await browser.get(path)).status, 404);
  const beside = await serve((request, response) =>
    handler(request as Request, response, () => response.end('theirs')),
  );
  assert.equal((await beside.get('/elsewhere')).text, 'theirs');
  assert.equal((await beside.get('/admin/cities')).status, 200);
  // Others than Express take the path off, and say what it was.
  const stripped = await serve((request, response) => {
    Object.assign(request, { originalUrl: request.url, url: request.url?.slice('/admin'.length) });
    handler(request as Request, response);
  });
  assert.equal((await stripped.get('/admin/cities?_q=Place')).status, 200);
});

test('cookies of the app go with ours, an address that it believes is kept, and a close while it starts ends it', async (t) => {
  const { db, handlerOf, serve } = await setUp(t);
  const app = express();
  app.set('trust proxy', true);
  app.use((_request, response, next) => {
    response.cookie('theirs', 'kept').setHeader('content-type', 'application/x-theirs');
    next();
  });
  app.use('/admin', handlerOf());
  const browser = await serve(app);
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https' };
  const edit = await browser.get('/admin/cities/1/edit', headers);
  const cookies = edit.headers.getSetCookie();
  assert.match(edit.headers.get('content-type') ?? '', /^text\/html/);
  assert.ok(cookies.some((line) => line.startsWith('theirs=kept')));
  assert.ok(cookies.some((line) => /^bulkhead_form=.*; Secure/.test(line)));
  const form = formOf(edit.text, 'record-form');
  const saved = await browser.post(
    '/admin/cities/1/edit',
    { ...form, name: 'n'.repeat(200) },
    headers,
  );
  assert.equal(saved.status, 303);
  assert.match((await browser.get('/admin/cities')).text, /role="status">[\s\S]*?saved/i);
  const { rows } = await db.pages.query(
    `select origin_name as address from ${db.t.audit_entry} where origin = 'request' order by id desc limit 1`,
  );
  assert.equal(rows[0]?.address, '203.0.113.9');
  const starting = handlerOf();
  const ready = starting.ready();
  await starting.close();
  await ready;
  assert.throws(() => starting.tasks);
});

test('a form that the app has read is taken where it can be only the one that was sent', async (t) => {
  const { db, handlerOf, serve } = await setUp(t);
  const handler = handlerOf();
  const kept = (request: unknown, _response: unknown, bytes: Buffer) =>
    Object.assign(request as object, { rawBody: bytes });
  const keptText = (request: unknown, _response: unknown, bytes: Buffer) =>
    Object.assign(request as object, { rawBody: bytes.toString() });
  const [simple, four] = [
    express.urlencoded({ extended: false }),
    express4.urlencoded({ extended: false }),
  ];
  const nested = express.urlencoded({ extended: true });
  const nested4 = express4.urlencoded({ extended: true });
  const parsers = {
    simple,
    four,
    kept: express.urlencoded({ extended: true, verify: kept }),
    keptText: express4.urlencoded({ extended: true, verify: keptText }),
    nested,
    nested4,
  };
  const browsers = new Map<string, Awaited<ReturnType<typeof serve>>>();
  for (const [name, parser] of Object.entries(parsers)) {
    const app = express();
    app.use(parser, handler);
    browsers.set(name, await serve(app));
  }
  const notes = "Zürich & = + % 100\r\n[x]=1 (!'*~) \u{1f600}";
  const save = async (name: string, more: Record<string, string | string[]> = {}, headers = {}) => {
    const browser = browsers.get(name);
    assert.ok(browser);
    const form = formOf((await browser.get('/admin/cities/1/edit')).text, 'record-form');
    return browser.post(
      '/admin/cities/1/edit',
      { ...form, notes: `${name} ${notes}`, ...more },
      headers,
    );
  };
  const saved = async () =>
    (await db.pages.query('select notes from gazetteer.city where id = 1')).rows[0]?.notes;
  for (const name of Object.keys(parsers)) {
    const answer = await save(name);
    assert.equal(answer.status, 303, `${name}: ${answer.text}`);
    assert.equal(await saved(), `${name} ${notes}`.replaceAll('\r\n', '\n'));
  }
  const htmx = browsers.get('nested');
  assert.ok(htmx);
  const form = formOf((await htmx.get('/admin/cities/1/edit')).text, 'record-form');
  const dialog = await htmx.htmxPost('/admin/cities/1/edit', { ...form, notes });
  assert.equal(dialog.status, 303, dialog.text);
  assert.equal(await saved(), notes.replaceAll('\r\n', '\n'));
  const before = await saved();
  // What would be another form: a name with brackets, a long list, a coding of its own.
  const many = Array.from({ length: 30 }, (_, index) => `${index}`);
  for (const [name, more, headers] of [
    ['nested', { 'x[y]': '1' }, {}],
    ['nested', { 'x[]': ['1', '2'] }, {}],
    ['nested4', { 'x[0]': many }, {}],
    ['nested4', { 'a[b][c]': 'd' }, {}],
    [
      'simple',
      { x: '1' },
      { 'content-type': 'application/x-www-form-urlencoded; charset=iso-8859-1' },
    ],
    ['nested', { 'x[]': '(((' }, {}],
  ] as const) {
    const answer = await save(name, { ...more, notes: 'other' } as never, headers);
    assert.ok(
      [415, 500].includes(answer.status),
      `${name} ${JSON.stringify(more)} ${answer.status}`,
    );
    if (answer.status === 500)
      assert.match(answer.text, /mount Bulkhead before the body parser, or keep the raw bytes/);
    assert.equal(await saved(), before);
  }
  // The same names are no fault where the bytes were kept.
  assert.equal((await save('kept', { 'x[y]': '1' })).status, 303);
});

test('two apps that start at once over an empty database both make its tables, once', async (t) => {
  const { handlerOf, serve, defer } = await setUp(t);
  const { connectionString, drop } = await createDatabase('nothing');
  const handlers = [1, 2].map(() => handlerOf({ databaseUrl: connectionString }));
  defer(async () => {
    for (const one of handlers) await one.close();
    await drop();
  });
  const browsers = await Promise.all(
    handlers.map((one) => serve(one as unknown as RequestListener)),
  );
  const seen = await Promise.all(
    browsers.flatMap(({ get }) => [get('/admin/cities'), get('/admin/tasks')]),
  );
  assert.deepEqual(
    seen.map(({ status }) => status),
    [200, 200, 200, 200],
  );
});

test('a start that fails is one sentence, for who waits and who asks, and is tried again', async (t) => {
  const { handlerOf, serve, connectionString } = await setUp(t);
  const said: string[] = [];
  const closed = new URL(connectionString);
  closed.port = '1';
  const handler = handlerOf({
    databaseUrl: closed.href,
    log: (level, message) => void (level === 'error' && said.push(message)),
  });
  const sentence =
    /^The database of databaseUrl cannot be reached \(.+\): does PostgreSQL run there, and is the address right\?$/;
  await assert.rejects(handler.ready(), { message: sentence });
  const browser = await serve(handler as unknown as RequestListener);
  const answer = await browser.get('/admin/cities');
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [503, '2']);
  assert.match(answer.text, sentence);
  const before = said.length;
  await assert.rejects(handler.ready(), { message: sentence });
  assert.equal(said.length, before + 1);
  const { NODE_ENV } = process.env;
  process.env.NODE_ENV = 'production';
  try {
    const { text } = await browser.get('/admin/cities');
    assert.equal(text, 'Bulkhead could not be started: the log of the app says why.');
  } finally {
    if (NODE_ENV === undefined) delete process.env.NODE_ENV;
    else process.env.NODE_ENV = NODE_ENV;
  }
  await handler.close();
  await assert.rejects(handler.ready(), { message: 'Bulkhead at /admin is closed.' });
  assert.throws(() => bulkhead.handler({ prefix: 'admin', admin: mountedAdmin }), {
    message: /^Bulkhead at admin: prefix must be a slash/,
  });
  const warned: string[] = [];
  const works = handlerOf({
    log: (level, message) => void (level === 'warning' && warned.push(message)),
  });
  await works.ready();
  assert.match(warned.join(), /^Workers of other processes do not know the people of this app/);
  assert.equal((await works.tasks.launch(greet, {})).state, 'queued');
});
