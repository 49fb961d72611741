import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { announceHooks } from '../../tasks/hooks/fan-out.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { countStatements, testApp } from '../../testing/app.ts';
import { finished } from '../../testing/context.ts';
import { deliverAll } from '../../testing/deliver-all.ts';
import { startHookServer } from '../../testing/hook-server.ts';
import { whileWorking } from '../../testing/while-working.ts';

const quick = defineTask({
  name: 'quick',
  params: z.object({}),
  title: 'Quick <one>',
  run: () => 'done',
});

async function setUp(t: TestContext) {
  const server = await startHookServer();
  t.after(() => server.stop());
  const app = await testApp(t, {
    admin: {
      ...sample,
      schedules: [],
      taskHooks: [],
      tasks: [quick],
      notify: ['message', 'webhook'],
    },
    env: {
      BULKHEAD_WEBHOOK_URL: server.url,
      BULKHEAD_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
    },
  });
  const { context, connectionString, db } = app;
  await announceHooks(db.pages, context);
  const admin = await app.signIn('admin');
  const editor = await app.signIn('editor');
  const end = async () => {
    const { id } = await launchOwn(context, quick, {}, { principal: editor.principal });
    await whileWorking({ context: { ...context, outboxes: [] }, connectionString }, () =>
      finished(db, id),
    );
    await deliverAll(context);
    return id;
  };
  return { context, db, server, admin, editor, end };
}

const json = { accept: 'application/json' };

test('every delivery stands on a page, with its state, its attempts and what was the matter, and is sent again by hand under its id', async (t) => {
  const { context, server, admin, end } = await setUp(t);
  server.answers.push({ status: 500 });
  const id = await end();
  const { body } = await admin.get('/tasks/deliveries');
  assert.match(body, /Waiting[\s\S]*webhook[\s\S]*its own address[\s\S]*Quick &lt;one&gt;/);
  assert.match(body, /after 1 attempt[\s\S]*It was answered 500\./);
  assert.match(body, /Sent[\s\S]*message[\s\S]*Editor/);
  const ofTask = await admin.get(`/tasks/deliveries?task=${id}`, json);
  const { deliveries } = JSON.parse(ofTask.body);
  assert.deepEqual(
    deliveries.map(({ channel, to, state, attempts }: Record<string, unknown>) => [
      channel,
      to,
      state,
      attempts,
    ]),
    [
      ['webhook', null, 'waiting', 1],
      ['message', 'Editor', 'sent', 1],
    ],
  );
  const [webhook] = deliveries;
  const answer = await admin.post(`/tasks/deliveries/${webhook.id}/sending?task=${id}`);
  assert.equal(answer.headers.location, `/tasks/deliveries?task=${id}`);
  await deliverAll(context);
  await admin.post(`/tasks/deliveries/${webhook.id}/sending`);
  await deliverAll(context);
  const ids = server.requests.map(({ headers }) => headers['webhook-id']);
  assert.equal(ids.length, 3);
  assert.equal(new Set(ids).size, 1);
  const [sent] = JSON.parse((await admin.get('/tasks/deliveries', json)).body).deliveries;
  assert.deepEqual([sent.state, sent.attempts, sent.error], ['sent', 1, null]);
  assert.deepEqual(JSON.parse((await admin.get('/tasks/deliveries?task=9999', json)).body), {
    deliveries: [],
  });
  assert.equal((await admin.get('/tasks/deliveries?task=x')).statusCode, 404);
});

test('deliveries are there for those who see the tasks of every resource, and cost one statement', async (t) => {
  const { db, server, admin, editor, end } = await setUp(t);
  const id = await end();
  const isLed = async (by: typeof admin, path: string) =>
    (await by.get(path)).body.includes('/tasks/deliveries');
  for (const path of ['/tasks', `/tasks/${id}`])
    assert.deepEqual([await isLed(admin, path), await isLed(editor, path)], [true, false], path);
  assert.equal((await editor.get('/tasks/deliveries')).statusCode, 404);
  const [{ id: noticeId }] = JSON.parse((await admin.get('/tasks/deliveries', json)).body)
    .deliveries as [{ id: number }];
  const refused = await editor.post(`/tasks/deliveries/${noticeId}/sending`);
  assert.equal(refused.statusCode, 404);
  assert.equal(server.requests.length, 1);
  const { statements } = await countStatements(db, () => admin.get('/tasks/deliveries'));
  assert.equal(statements.length, 2, 'the session, and they');
});
