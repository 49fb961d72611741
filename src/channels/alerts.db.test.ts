import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { htmx, testApp } from '../testing/app.ts';
import { ada } from '../testing/context.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { startHookServer } from '../testing/hook-server.ts';
import { startMailServer } from '../testing/mail-server.ts';
import { until } from '../testing/until.ts';
import { whileWorking } from '../testing/while-working.ts';
import { lookForAlerts } from './alerts.ts';
import { defineChannel } from './define-channel.ts';
import { listMessages } from './messages.ts';

const quick = defineTask({
  name: 'quick',
  params: z.object({}),
  queue: 'mail',
  run: () => 'done',
});
/** Until it is asked to stop. */
const holding = defineTask({
  name: 'holding',
  params: z.object({}),
  queue: 'mail',
  run: (_, { signal }) => wait(60_000, null, { signal }),
});
const nightly = defineSchedule({ name: 'nightly', cron: '0 3 * * *', task: quick, params: {} });

async function setUp(t: TestContext, changed: Partial<AdminDefinition> = {}, env = {}) {
  const app = await testApp(t, {
    admin: {
      ...sample,
      taskHooks: [],
      tasks: [quick],
      schedules: [nightly],
      notify: 'message',
      ...changed,
    },
    env,
  });
  const { context, db } = app;
  const look = async () => {
    await lookForAlerts(context, db.background, { overMs: 0 });
    await deliverAll(context, { waiting: 'is due' });
  };
  const admin = await app.signIn('admin');
  const heard = async (who = admin.principal) =>
    (await listMessages(context, who, { limit: 20 }))
      .map(({ title, alert }) => `${alert?.isOver ? 'over: ' : ''}${title}`)
      .reverse();
  /** A task of the queue that has waited for so long. */
  const waits = async (minutes: number) => {
    const { id } = await launchOwn(context, quick, {}, { principal: ada });
    await db.pages.query(
      `update ${db.t.task_event} set at = now() - make_interval(mins => $2) where task_id = $1`,
      [id, minutes],
    );
    await db.pages.query(
      `update ${db.t.task} set queued_at = now() - make_interval(mins => $2), created_at = now() - make_interval(mins => $2) where id = $1`,
      [id, minutes],
    );
    return id;
  };
  return { ...app, admin, look, heard, waits };
}

const left = 'No worker is alive that takes the queue “mail”: one task waits.';

test('operators hear once that no worker is alive, and once that one is again', async (t) => {
  const { context, connectionString, look, heard, waits, signIn, db } = await setUp(t);
  await look();
  assert.deepEqual(await heard(), []);
  const id = await waits(2);
  await Promise.all([look(), look(), look()]);
  await look();
  assert.deepEqual(await heard(), [left]);
  assert.deepEqual(await heard((await signIn('editor')).principal), []);
  await whileWorking({ context, connectionString }, async () => {
    for (;;) {
      const { rows } = await db.pages.query(`select state from ${db.t.task} where id = $1`, [id]);
      if (rows[0]?.state === 'succeeded') return;
      await new Promise((done) => setTimeout(done, 20));
    }
  });
  await look();
  await look();
  assert.deepEqual(await heard(), [left, `over: ${left}`]);
  await waits(2);
  await look();
  assert.deepEqual(await heard(), [left, `over: ${left}`, left]);
});

test('what comes and goes is said once, until it has been gone for a while', async (t) => {
  const { context, db, heard, waits } = await setUp(t);
  const id = await waits(2);
  const queued = (state: string) =>
    db.pages.query(`update ${db.t.task} set state = $2 where id = $1`, [id, state]);
  for (const state of ['queued', 'paused', 'queued', 'paused']) {
    await queued(state);
    await lookForAlerts(context, db.background);
  }
  await deliverAll(context, { waiting: 'is due' });
  assert.deepEqual(await heard(), [left]);
  await db.pages.query(`update ${db.t.alert} set seen_at = now() - interval '3 minutes'`);
  await lookForAlerts(context, db.background);
  await deliverAll(context, { waiting: 'is due' });
  assert.deepEqual(await heard(), [left, `over: ${left}`]);
});

test('a worker that is started anew is no alert, nor is a task that waits for its time', async (t) => {
  const { context, look, heard, waits } = await setUp(t);
  await waits(0);
  await launchOwn(context, quick, {}, { principal: ada, delayMs: 3_600_000 });
  await look();
  assert.deepEqual(await heard(), []);
});

test('a task that runs is an alert where its worker has died a minute ago, and there is no other', async (t) => {
  const { context, connectionString, db, look, heard, waits } = await setUp(t, {
    tasks: [quick, holding],
  });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  await launchOwn(context, holding, {}, { principal: ada });
  await until(
    async () =>
      (await db.pages.query(`select from ${db.t.task} where state = 'running'`)).rowCount === 1,
  );
  const { rows } = await db.pages.query<{ row: unknown }>(
    `select jsonb_build_object('worker', (select to_jsonb(w) from ${db.t.worker} w), 'slot', (select to_jsonb(s) from ${db.t.task_slot} s)) as row`,
  );
  await worker.stop();
  // As whoever is killed leaves it: the row of the worker, whose lock nobody holds, and the slot.
  await db.pages.query(`update ${db.t.task} set state = 'running'`);
  await db.pages.query(
    `insert into ${db.t.worker} select was.* from jsonb_populate_record(null::${db.t.worker}, $1::jsonb -> 'worker') was`,
    [rows[0]?.row],
  );
  await db.pages.query(
    `insert into ${db.t.task_slot} select was.* from jsonb_populate_record(null::${db.t.task_slot}, $1::jsonb -> 'slot') was`,
    [rows[0]?.row],
  );
  await look();
  assert.deepEqual(await heard(), []);
  await db.pages.query(`update ${db.t.worker} set seen_at = now() - interval '2 minutes'`);
  await look();
  const gone = 'No worker is alive that takes the queue “mail”:';
  assert.deepEqual(await heard(), [`${gone} one task stands where its worker ended.`]);
  await waits(2);
  await db.pages.query(`delete from ${db.t.alert}`);
  await look();
  assert.equal(
    (await heard()).at(-1),
    `${gone} one task waits, one task stands where its worker ended.`,
  );
});

test('what stands still, was not launched or was given up is an alert too', async (t) => {
  const { context, connectionString, db, look, heard } = await setUp(t);
  await whileWorking({ context, connectionString }, async () => {
    const { t: names } = db;
    await db.pages.query(
      `insert into ${names.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, started_at)
       values ('cities', 'City', 'update', 'Edit cities', 'fax', 'x', 'X', '{}', '{}', '{}', 'running', now())`,
    );
    const { rows } = await db.pages.query<{ id: number }>(
      `select max(id) as id from ${names.task}`,
    );
    await db.pages.query(`alter table ${names.task} disable trigger user`);
    await db.pages.query(`update ${names.task} set updated_at = now() - interval '11 minutes'`);
    await db.pages.query(`alter table ${names.task} enable trigger user`);
    await db.pages.query(
      `insert into ${names.task_slot} (task_id, slot, token, worker_id, taken_at) select $1, 0, gen_random_uuid(), id, now() from ${names.worker} limit 1`,
      [rows[0]?.id],
    );
    await db.pages.query(
      `insert into ${names.schedule} (name, cron, time_zone) values ('nightly', '0 3 * * *', 'UTC') on conflict do nothing`,
    );
    await db.pages.query(
      `insert into ${names.schedule_run} (schedule, due_at, state, message) values ('nightly', now(), 'stopped', '9,000 records matched.')`,
    );
    await db.pages.query(
      `insert into ${names.task_delivery} (hook, event_id, task_id, name, payload, attempts, parked_at) values ('mirror', 1, 1, 'task:failed', '{}', 10, now())`,
    );
    await look();
  });
  const said = await heard();
  for (const line of [
    /^Task #\d+ runs, and has written nothing for more than ten minutes\.$/,
    /^The last time of the schedule nightly was not launched\. 9,000 records matched\.$/,
    /^The hook mirror has failed for good once within a day\.$/,
  ])
    assert.ok(
      said.some((one) => line.test(one)),
      `${line}: ${said.join('\n')}`,
    );
});

test('what has waited for more than ten minutes for its turn is an alert, unless its queue is paused', async (t) => {
  const { context, connectionString, db, look, heard, waits } = await setUp(t, {
    tasks: [quick, holding],
  });
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  try {
    await launchOwn(context, holding, {}, { principal: ada });
    await until(
      async () =>
        (await db.pages.query(`select from ${db.t.task} where state = 'running'`)).rowCount === 1,
    );
    await waits(11);
    await look();
    assert.deepEqual(await heard(), [
      'In the queue “mail” a task has waited for more than 10 minutes.',
    ]);
    await db.pages.query(`insert into ${db.t.paused_queue} (name, by) values ('mail', '{}')`);
    await look();
    assert.match((await heard()).at(-1) ?? '', /^over: /);
  } finally {
    await worker.stop();
  }
});

test('an alert is on the page of notices and in the bell’s toast, and is marked as read', async (t) => {
  const { admin, look, waits } = await setUp(t);
  await waits(2);
  await look();
  const page = (await admin.get('/tasks/notices')).body;
  assert.match(
    page,
    /Alert[\s\S]+href="\/tasks\?queue=mail&amp;state=queued"[^>]*>No worker is alive[\s\S]+Start a worker that takes it: npm run work\./,
  );
  const live = await admin.get('/tasks/live?bell=0', htmx);
  assert.match(String(live.headers['hx-trigger'] ?? live.body), /No worker is alive/);
  const { notices } = JSON.parse(
    (await admin.get('/tasks/notices', { accept: 'application/json' })).body,
  );
  assert.deepEqual([notices[0].event, notices[0].task], ['alert', null]);
  assert.equal((await admin.post(`/tasks/notices/${notices[0].id}/reading`)).statusCode, 303);
  assert.match((await admin.get('/tasks/notices')).body, /Earlier[\s\S]+No worker is alive/);
  const deliveries = (await admin.get('/tasks/deliveries')).body;
  assert.match(deliveries, /Alert:[\s\S]*No worker is alive/);
});

test('alerts go by mail and webhook as what the system launches does, and by a channel of the project’s that takes them', async (t) => {
  const [mails, hooks] = [await startMailServer(), await startHookServer()];
  t.after(async () => {
    await mails.stop();
    await hooks.stop();
  });
  const paged: string[] = [];
  const pager = defineChannel({
    name: 'pager',
    reaches: 'people',
    send: () => undefined,
    alert: ({ alerts, person }) => void paged.push(`${person?.name}: ${alerts[0].finding}`),
  });
  const mute = defineChannel({ name: 'mute', reaches: 'one-place', send: () => undefined });
  const { look, waits } = await setUp(
    t,
    {
      channels: [pager, mute],
      notify: [
        'email',
        'webhook',
        'pager',
        'mute',
        { by: 'email', to: { address: 'ops@x.example' } },
      ],
    },
    {
      BULKHEAD_SMTP_URL: mails.url,
      BULKHEAD_MAIL_FROM: 'shop@x.example',
      BULKHEAD_BASE_URL: 'https://admin.x.example',
      BULKHEAD_WEBHOOK_URL: hooks.url,
      BULKHEAD_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}`,
    },
  );
  await waits(2);
  await look();
  assert.deepEqual(paged, ['Admin: no-worker:mail']);
  const [request] = hooks.requests;
  const remedy = 'Start a worker that takes it: npm run work.';
  const { type, data } = JSON.parse(request?.body ?? '{}');
  assert.deepEqual(
    [hooks.requests.length, type, data.finding, data.title, data.remedy, data.url],
    [
      1,
      'alert.begun',
      'no-worker:mail',
      left,
      remedy,
      'https://admin.x.example/tasks?queue=mail&state=queued',
    ],
  );
  assert.equal(mails.mails.length, 2);
  for (const mail of mails.mails)
    assert.match(
      JSON.stringify(mail),
      /No worker is alive that takes.*Start a worker that takes it/,
    );
});

test('what could not be looked at hides nothing, and is not taken for over', async (t) => {
  const { context, db, heard, look, waits } = await setUp(t);
  await waits(2);
  await look();
  assert.deepEqual(await heard(), [left]);
  // As somebody's right that was taken away.
  await db.pages.query(`alter table ${db.t.task_event} rename to away`);
  await db.pages.query(
    `insert into ${db.t.task_delivery} (hook, event_id, task_id, name, payload, attempts, parked_at) values ('mirror', 1, 1, 'task:failed', '{}', 10, now())`,
  );
  await lookForAlerts(context, db.background, { overMs: 0 });
  await db.pages.query(`alter table "${db.schema}".away rename to task_event`);
  await deliverAll(context, { waiting: 'is due' });
  assert.deepEqual(await heard(), [left, 'The hook mirror has failed for good once within a day.']);
});
