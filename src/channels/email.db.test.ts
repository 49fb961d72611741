import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Principal } from '../auth/principal.ts';
import { parseConfig } from '../config.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskContext } from '../tasks/context.ts';
import { announceHooks } from '../tasks/hooks/fan-out.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { ada, eve, finished, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { type MailServer, startMailServer } from '../testing/mail-server.ts';
import { until } from '../testing/until.ts';
import { whileWorking } from '../testing/while-working.ts';
import { buildChannels } from './channels.ts';

const quick = defineTask({
  name: 'quick',
  params: z.object({}),
  title: 'Count <all> & sundry',
  run: () => 'done',
});
const failing = defineTask({
  name: 'failing',
  params: z.object({}),
  title: 'Sure to fail',
  attempts: 1,
  run: () => {
    throw new Error('no');
  },
});

const withAddress = (principal: Principal): Principal => ({
  ...principal,
  email: `${principal.name.toLowerCase()}@example.test`,
});

async function setUp(t: TestContext, changed: Partial<AdminDefinition> = {}) {
  const { db, connectionString, defer } = await testDatabase(t);
  const mailServer = await startMailServer();
  defer(() => mailServer.stop());
  const context = testContext(
    db,
    {},
    {},
    {
      ...sample,
      schedules: [],
      taskHooks: [],
      tasks: [quick, failing],
      notify: 'email',
      ...changed,
    },
    undefined,
    [],
    {
      BULKHEAD_SMTP_URL: mailServer.url,
      BULKHEAD_MAIL_FROM: 'Gazetteer <gazetteer@example.test>',
      BULKHEAD_BASE_URL: 'https://admin.example.test/',
      BULKHEAD_PREFIX: '/places',
    },
  );
  await announceHooks(db.pages, context);
  const end = async (definition: typeof quick | typeof failing, principal = withAddress(ada)) => {
    const { id } = await launchOwn(context, definition as typeof quick, {}, { principal });
    await whileWorking({ context, connectionString }, () => finished(db, id));
    return id;
  };
  return { db, context, connectionString, mailServer, end };
}

const states = async ({ db }: TaskContext) =>
  (
    await db.pages.query<{ state: string; error: string | null; attempts: number }>(
      `select state, error, attempts from ${db.t.notice} order by id`,
    )
  ).rows;

const recipients = ({ mails }: MailServer) => mails.flatMap(({ to }) => to).sort();

/** The parts of a mail by their kinds, as text. */
function partsOf(source: string): Map<string, string> {
  const [, boundary = ''] = /boundary="([^"]+)"/.exec(source) ?? [];
  return new Map(
    source.split(`--${boundary}`).flatMap((part) => {
      const [, type = ''] = /^\s*Content-Type: (text\/\w+)/.exec(part) ?? [];
      const body = part.slice(part.indexOf('\r\n\r\n')).replaceAll('=\r\n', '');
      const text = body.replace(/=([0-9A-F]{2})/g, (_, code) =>
        String.fromCharCode(Number.parseInt(code, 16)),
      );
      return type === '' ? [] : [[type, text] as const];
    }),
  );
}

test('a mail about a task has a text and an HTML part with one link to it, and goes to the address of whoever launched it', async (t) => {
  const { context, mailServer, end } = await setUp(t);
  const id = await end(quick);
  await deliverAll(context);
  assert.equal(mailServer.mails.length, 0, 'others are waited for first');
  await deliverAll(context, { waiting: 'is due' });
  const [mail, ...others] = mailServer.mails;
  assert.ok(mail);
  assert.equal(others.length, 0);
  assert.deepEqual([mail.from, mail.to], ['gazetteer@example.test', ['ada@example.test']]);
  assert.match(mail.source, /^From: Gazetteer <gazetteer@example\.test>\r$/m);
  assert.match(mail.source, /^Subject: \[Gazetteer\] Done: Count <all> & sundry\r$/m);
  assert.match(mail.source, /^Message-ID: <[0-9a-f-]{36}@admin\.example\.test>\r$/m);
  assert.match(mail.source, /^Auto-Submitted: auto-generated\r$/m);
  const parts = partsOf(mail.source);
  assert.deepEqual([...parts.keys()], ['text/plain', 'text/html']);
  const link = `https://admin.example.test/places/tasks/${id}`;
  for (const part of parts.values())
    assert.deepEqual(part.match(/https?:\/\/[^\s"<]+/g), [link], part);
  assert.match(parts.get('text/html') ?? '', /Done: Count &lt;all&gt; &amp; sundry/);
});

test('what has come since is in the mail that is due', async (t) => {
  const { db, context, mailServer, end } = await setUp(t);
  const first = await end(quick);
  await end(quick);
  await deliverAll(context);
  await db.pages.query(`update ${db.t.notice} set due_at = now() where task_id = $1`, [first]);
  await deliverAll(context);
  assert.equal(mailServer.mails.length, 1);
  assert.match(mailServer.mails[0]?.source ?? '', /2 tasks have ended/);
  assert.deepEqual(
    (await states(context)).map(({ state }) => state),
    ['sent', 'sent'],
  );
});

test('a mail arrives though its server was not there at first, and the notice says what was the matter', async (t) => {
  const { db, context, connectionString, mailServer, end } = await setUp(t);
  await mailServer.stop();
  await end(quick);
  await deliverAll(context, { waiting: 'is due' });
  const [tried] = await states(context);
  assert.deepEqual([tried?.state, tried?.attempts], ['waiting', 1]);
  assert.match(tried?.error ?? '', /ECONNREFUSED/);
  await mailServer.start();
  await whileWorking({ context, connectionString }, () =>
    until(async () => (await states(context))[0]?.state === 'sent'),
  );
  assert.equal(mailServer.mails.length, 1);
  assert.equal((await db.pages.query(`select from ${db.t.notice}`)).rowCount, 1);
});

test('a thousand failures in a minute are one mail to each recipient', {
  timeout: 300_000,
}, async (t) => {
  const { db, context, connectionString, mailServer } = await setUp(t, {
    notify: [
      { by: 'email', when: 'failures' },
      { by: 'email', to: { address: 'ops@example.test' }, when: 'failures' },
    ],
  });
  const ada2 = withAddress(ada);
  for (let count = 0; count < 1_000; count++)
    await launchOwn(context, failing, {}, { principal: ada2 });
  // It leaves the mails, however long it takes.
  const worker = { context: { ...context, outboxes: [] }, connectionString };
  await whileWorking(worker, () =>
    until(async () => {
      const { rows } = await db.pages.query<{ count: number }>(
        `select count(*)::int as count from ${db.t.notice}`,
      );
      return rows[0]?.count === 2_000;
    }),
  );
  await deliverAll(context, { waiting: 'is due' });
  assert.deepEqual(recipients(mailServer), ['ada@example.test', 'ops@example.test']);
  for (const { source } of mailServer.mails) {
    assert.match(source, /^Subject: \[Gazetteer\] 1,000 tasks have ended\r$/m);
    assert.match(source, /Failed: 1,000/);
    assert.match(source, /and 980 more/);
  }
});

test('who has no address gets no mail, and the notice says why; everybody with a role, and addresses, get one each', async (t) => {
  const { db, context, mailServer, end } = await setUp(t, {
    notify: [
      { by: 'email', to: ['starter', { role: 'operators' }] },
      { by: 'email', to: [{ address: 'ops@example.test' }, { address: 'ops@example.test' }] },
    ],
    people: {
      getUser: () => null,
      refreshUser: (id) => [ada, withAddress(eve)].find((one) => one.id === id) ?? null,
      usersWithRole: (role) => (role === 'operators' ? [withAddress(eve)] : []),
      seesTask: () => true,
    },
  });
  await end(quick, ada);
  await deliverAll(context, { waiting: 'is due' });
  assert.deepEqual(recipients(mailServer), ['eve@example.test', 'ops@example.test']);
  const { rows } = await db.pages.query(
    `select state, error from ${db.t.notice} where recipient = $1`,
    [ada.id],
  );
  assert.deepEqual(rows, [{ state: 'dropped', error: 'They have no address.' }]);
});

test('mail without its settings refuses the start, which names them', () => {
  const build = (env: Record<string, string>) =>
    buildChannels({
      notify: ['message', 'email'],
      people: {},
      settings: { ...parseConfig(env), name: 'Test' },
    });
  assert.throws(() => build({ BULKHEAD_SMTP_URL: 'smtp://localhost' }), {
    name: 'DefinitionError',
    message: 'Channel email: it needs BULKHEAD_MAIL_FROM and BULKHEAD_BASE_URL.',
  });
  const all = {
    BULKHEAD_SMTP_URL: 'smtp://localhost',
    BULKHEAD_MAIL_FROM: 'shop@example.test',
    BULKHEAD_BASE_URL: 'https://example.test',
  };
  assert.deepEqual(
    build(all).list.map(({ name }) => name),
    ['message', 'email'],
  );
  for (const [name, wrong] of Object.entries({
    BULKHEAD_SMTP_URL: 'http://localhost',
    BULKHEAD_MAIL_FROM: 'nobody',
    BULKHEAD_BASE_URL: 'https://example.test/admin',
  }))
    assert.throws(() => parseConfig({ ...all, [name]: wrong }), new RegExp(name));
});
