import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { isFromBulkhead } from '../../docs/examples/verify-webhook.ts';
import sample from '../admin.ts';
import { parseConfig } from '../config.ts';
import { signedHeaders } from '../signed-post.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskContext } from '../tasks/context.ts';
import { announceHooks } from '../tasks/hooks/fan-out.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { ada, finished, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { type ReceivedHook, startHookServer } from '../testing/hook-server.ts';
import { until } from '../testing/until.ts';
import { whileWorking } from '../testing/while-working.ts';
import { buildChannels } from './channels.ts';

const quick = defineTask({
  name: 'quick',
  params: z.object({}),
  title: 'Quick é',
  run: () => 'done',
});

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`;
const secret = newSecret();

async function setUp(t: TestContext) {
  const { db, connectionString, defer } = await testDatabase(t);
  const server = await startHookServer();
  defer(() => server.stop());
  const context = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], taskHooks: [], tasks: [quick], notify: 'webhook' },
    undefined,
    [],
    {
      BULKHEAD_WEBHOOK_URL: `${server.url}/hooks?of=tasks`,
      BULKHEAD_WEBHOOK_SECRET: secret,
      BULKHEAD_BASE_URL: 'https://admin.example.test',
    },
  );
  await announceHooks(db.pages, context);
  const end = async () => {
    const { id } = await launchOwn(context, quick, {}, { principal: ada });
    await whileWorking({ context: { ...context, outboxes: [] }, connectionString }, () =>
      finished(db, id),
    );
    await deliverAll(context);
    return id;
  };
  return { db, context, connectionString, server, end };
}

const isOurs = ({ headers, body }: ReceivedHook, by = secret) =>
  isFromBulkhead(headers as Record<string, string>, body, by);

const stateOf = async ({ db }: TaskContext) =>
  (await db.pages.query(`select state, attempts, error from ${db.t.notice}`)).rows[0];

test('a webhook says in signed JSON what became of a task, as the guide verifies it', async (t) => {
  const { server, end } = await setUp(t);
  const id = await end();
  const [request, ...others] = server.requests as [ReceivedHook];
  assert.equal(others.length, 0);
  assert.deepEqual([request.method, request.path], ['POST', '/hooks?of=tasks']);
  assert.equal(request.headers['content-type'], 'application/json');
  const { type, timestamp, data } = JSON.parse(request.body);
  assert.deepEqual(
    [type, data.task.id, data.task.title, data.task.principal.name, data.url],
    ['task:succeeded', id, 'Quick é', 'Ada', `https://admin.example.test/tasks/${id}`],
  );
  assert.ok(!Number.isNaN(Date.parse(timestamp)));
  assert.ok(isOurs(request));
  assert.ok(!isOurs(request, newSecret()), 'another secret');
  assert.ok(!isOurs({ ...request, body: request.body.replace('Quick', 'Quack') }), 'another body');
  const { headers } = request;
  assert.ok(!isOurs({ ...request, headers: { ...headers, 'webhook-id': 'x' } }), 'another id');
  const old = signedHeaders(secret, 'x', new Date(Date.now() - 600_000), request.body);
  assert.ok(!isOurs({ ...request, headers: old }), 'of ten minutes ago');
  assert.ok(!isOurs({ ...request, headers: {} }), 'none');
});

test('a webhook is signed as others that keep to the standard verify it', () => {
  const headers = signedHeaders(
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    new Date(1_614_265_330_000),
    '{"test": 2432232314}',
  );
  assert.equal(headers['webhook-signature'], 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});

test('a webhook that is not taken is sent again later, under the same id, and by a new time', async (t) => {
  const { context, connectionString, server, end } = await setUp(t);
  server.answers.push({ status: 500 });
  await end();
  const tried = await stateOf(context);
  assert.deepEqual(
    [tried.state, tried.attempts, tried.error],
    ['waiting', 1, 'Error: It was answered 500.'],
  );
  await server.stop();
  await deliverAll(context, { waiting: 'is due' });
  assert.match((await stateOf(context)).error, /ECONNREFUSED/);
  await server.start();
  await whileWorking({ context, connectionString }, () =>
    until(async () => (await stateOf(context)).state === 'sent'),
  );
  const [first, second] = server.requests as [ReceivedHook, ReceivedHook];
  assert.equal(server.requests.length, 2);
  assert.equal(second.headers['webhook-id'], first.headers['webhook-id']);
  assert.ok(isOurs(second));
});

test('a redirect is not followed', async (t) => {
  const { context, server, end } = await setUp(t);
  server.answers.push({ status: 307, location: `${server.url}/elsewhere` });
  await end();
  assert.deepEqual(
    server.requests.map(({ path }) => path),
    ['/hooks?of=tasks'],
  );
  assert.equal((await stateOf(context)).error, 'Error: It was answered 307.');
});

test('a webhook that was tried often enough is given up, and makes no notice of itself', async (t) => {
  const { db, context, server, end } = await setUp(t);
  server.answers.push({ status: 500 }, { status: 500 });
  await end();
  await db.pages.query(`update ${db.t.notice} set attempts = 19`);
  await deliverAll(context, { waiting: 'is due' });
  assert.equal((await stateOf(context)).state, 'given-up');
  await deliverAll(context, { waiting: 'is due' });
  assert.equal(server.requests.length, 2);
  assert.equal((await db.pages.query(`select from ${db.t.notice}`)).rowCount, 1);
});

test('a webhook without its settings refuses the start, which names them', () => {
  const build = (env: Record<string, string>) =>
    buildChannels({
      notify: 'webhook',
      people: {},
      settings: { ...parseConfig(env), name: 'Test' },
    });
  assert.throws(() => build({}), {
    message: 'Channel webhook: it needs BULKHEAD_WEBHOOK_URL and BULKHEAD_WEBHOOK_SECRET.',
  });
  const all = {
    BULKHEAD_WEBHOOK_URL: 'https://example.test/hooks',
    BULKHEAD_WEBHOOK_SECRET: secret,
  };
  assert.equal(build(all).list.length, 1);
  for (const [name, wrong] of Object.entries({
    BULKHEAD_WEBHOOK_URL: 'ftp://example.test',
    BULKHEAD_WEBHOOK_SECRET: 'whsec_short',
  }))
    assert.throws(() => parseConfig({ ...all, [name]: wrong }), new RegExp(`${name}: must`));
  assert.throws(
    () =>
      buildChannels({
        notify: { by: 'webhook', to: { role: 'ops' } },
        people: { usersWithRole: () => [] },
        settings: { ...parseConfig(all), name: 'Test' },
      }),
    { message: 'Admin, notify: webhook goes to a place of its own: it takes no "to".' },
  );
});

test('the guide shows what verifies a webhook', async () => {
  const docs = join(import.meta.dirname, '../../docs');
  const code = await readFile(join(docs, 'examples/verify-webhook.ts'), 'utf8');
  const guide = await readFile(join(docs, 'notifications.md'), 'utf8');
  assert.ok(guide.includes(`<!-- docs/examples/verify-webhook.ts -->\n\`\`\`ts\n${code}\`\`\``));
});
