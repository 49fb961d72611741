import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Principal } from '../auth/principal.ts';
import { parseConfig } from '../config.ts';
import { DefinitionError } from '../resources/problems.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskContext } from '../tasks/context.ts';
import { announceHooks } from '../tasks/hooks/fan-out.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { ada, finished, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { startHookServer } from '../testing/hook-server.ts';
import { startMailServer } from '../testing/mail-server.ts';
import { whileWorking } from '../testing/while-working.ts';
import { buildChannels, builtInNames } from './channels.ts';
import type { Channel } from './contract.ts';
import { defineCallback, defineChannel } from './define-channel.ts';
import { listMessages } from './messages.ts';

const person: Principal = { ...ada, email: 'ada@example.test' };

const quick = defineTask({
  name: 'quick',
  params: z.object({ title: z.string() }),
  title: ({ title }) => title,
  run: () => 'done',
});

/** What stands at the far end of a channel, and hears. */
interface FarEnd {
  env?: Record<string, string>;
  channels?: readonly Channel[];
  reaches: Channel['reaches'];
  /** Titles of the tasks of which it has heard. */
  heard(context: TaskContext): Promise<string[]> | string[];
  /** From then on it does not take what it is sent. */
  breakDown?(): Promise<void> | void;
  mend?(): Promise<void> | void;
}

/** A channel that fails while it is asked to. */
function failing(reaches: Channel['reaches'], make: (send: Channel['send']) => Channel): FarEnd {
  const titles: string[] = [];
  let isBroken = false;
  const channel = make(({ notices }) => {
    if (isBroken) throw new Error('broken down');
    titles.push(...notices.map(({ task }) => task.title));
  });
  return {
    reaches,
    channels: [channel],
    heard: () => titles,
    breakDown() {
      isBroken = true;
    },
    mend() {
      isBroken = false;
    },
  };
}

/** Every channel there is, and those of a project's own. */
const members: Readonly<Record<string, (t: TestContext) => Promise<FarEnd> | FarEnd>> = {
  message: () => ({
    reaches: 'people',
    heard: async (context) =>
      (await listMessages(context, person, { limit: 10 })).map(({ title }) => title).reverse(),
  }),
  async email(t) {
    const server = await startMailServer();
    t.after(() => server.stop());
    return {
      reaches: 'addresses',
      env: {
        BULKHEAD_SMTP_URL: server.url,
        BULKHEAD_MAIL_FROM: 'shop@example.test',
        BULKHEAD_BASE_URL: 'https://example.test',
      },
      heard: () =>
        server.mails.flatMap(({ source }) => source.match(/(?<=^Done: )\w+(?=\r$)/gm)?.[0] ?? []),
      breakDown: () => server.stop(),
      mend: () => server.start(),
    };
  },
  async webhook(t) {
    const server = await startHookServer();
    t.after(() => server.stop());
    return {
      reaches: 'one-place',
      env: {
        BULKHEAD_WEBHOOK_URL: server.url,
        BULKHEAD_WEBHOOK_SECRET: `whsec_${randomBytes(32).toString('base64')}`,
      },
      heard: () => server.requests.map(({ body }) => JSON.parse(body).data.task.title),
      breakDown: () => server.stop(),
      mend: () => server.start(),
    };
  },
  callback: () =>
    failing('one-place', (send) =>
      defineCallback('callback', (notice, at) =>
        send({ notices: [notice], person: null, address: null, attempt: 1 }, at),
      ),
    ),
  'own-to-people': () =>
    failing('people', (send) => defineChannel({ name: 'own-to-people', reaches: 'people', send })),
  'own-to-addresses': () =>
    failing('addresses', (send) =>
      defineChannel({ name: 'own-to-addresses', reaches: 'addresses', gatherMs: 1_000, send }),
    ),
};

test('the suite has a member for each channel of Bulkhead’s own', () => {
  assert.deepEqual(
    builtInNames.filter((name) => !Object.hasOwn(members, name)),
    [],
  );
});

async function setUp(t: TestContext, name: string) {
  const far = await (members[name] as (t: TestContext) => Promise<FarEnd> | FarEnd)(t);
  const { db, connectionString } = await testDatabase(t);
  const now: { person: Principal | null } = { person };
  const admin: AdminDefinition = {
    ...sample,
    schedules: [],
    taskHooks: [],
    tasks: [quick],
    notify: name,
    channels: far.channels ?? [],
    people: {
      getUser: () => null,
      refreshUser: () => now.person,
      usersWithRole: () => [],
    },
  };
  const context = testContext(db, {}, {}, admin, undefined, [], far.env);
  await announceHooks(db.pages, context);
  const end = async (title: string) => {
    const { id } = await launchOwn(context, quick, { title }, { principal: person });
    await whileWorking({ context: { ...context, outboxes: [] }, connectionString }, () =>
      finished(db, id),
    );
  };
  const states = async () =>
    (
      await db.pages.query<{ state: string }>(`select state from ${db.t.notice} order by id`)
    ).rows.map(({ state }) => state);
  return { far, context, now, end, states };
}

const due = { waiting: 'is due' } as const;

for (const name of Object.keys(members)) {
  test(`${name}: the end of a task is said once, and noted as sent`, async (t) => {
    const { far, context, end, states } = await setUp(t, name);
    await end('First');
    await deliverAll(context, due);
    await deliverAll(context, due);
    assert.deepEqual(await far.heard(context), ['First']);
    assert.deepEqual(await states(), ['sent']);
  });

  test(`${name}: who may not come in any more when it is sent is not told, and its own place is`, async (t) => {
    const { far, context, now, end, states } = await setUp(t, name);
    await end('First');
    await end('Second');
    // What is written by then is still to be sent.
    await deliverAll({ ...context, outboxes: [] });
    now.person = null;
    await deliverAll(context, due);
    const isAsked = far.reaches !== 'one-place';
    assert.deepEqual(await far.heard(context), isAsked ? [] : ['First', 'Second']);
    const state = isAsked ? 'dropped' : 'sent';
    assert.deepEqual(await states(), [state, state]);
  });
}

// A message is there with its row: nothing is between that could break down.
for (const name of Object.keys(members).filter((name) => name !== 'message')) {
  test(`${name}: what it does not take is sent again until it does`, async (t) => {
    const { far, context, end, states } = await setUp(t, name);
    await far.breakDown?.();
    await end('First');
    await deliverAll(context, due);
    assert.deepEqual([await far.heard(context), await states()], [[], ['waiting']]);
    await far.mend?.();
    await deliverAll(context, due);
    assert.deepEqual([await far.heard(context), await states()], [['First'], ['sent']]);
  });
}

test('none: nobody is told, and nothing is written', async (t) => {
  const { db, connectionString } = await testDatabase(t);
  const admin: AdminDefinition = {
    ...sample,
    schedules: [],
    taskHooks: [],
    tasks: [quick],
    notify: 'none',
  };
  const context = testContext(db, {}, {}, admin);
  await announceHooks(db.pages, context);
  const { id } = await launchOwn(context, quick, { title: 'First' }, { principal: person });
  await whileWorking({ context, connectionString }, () => finished(db, id));
  await deliverAll(context, due);
  assert.deepEqual(
    [context.hooks, context.outboxes.map(({ name }) => name)],
    [[], ['alerts', 'the audit']],
  );
  assert.equal((await db.pages.query(`select from ${db.t.notice}`)).rowCount, 0);
});

test('a channel of a project’s own that cannot be one refuses the start by name', () => {
  const send = () => undefined;
  const problems = (own: readonly unknown[], notify = 'pager') => {
    const settings = { ...parseConfig({}), name: 'Test' };
    try {
      buildChannels({ notify, own: own as Channel[], people: {}, settings });
      return [];
    } catch (error) {
      assert.ok(error instanceof DefinitionError);
      return error.problems;
    }
  };
  const pager = { name: 'pager', reaches: 'one-place', send };
  assert.deepEqual(problems([pager]), []);
  assert.deepEqual(problems([pager], 'pagr'), [
    'Admin, notify: there is no channel "pagr". Did you mean "pager"?',
  ]);
  assert.deepEqual(
    problems([
      pager,
      pager,
      { ...pager, name: 'email' },
      { ...pager, name: 'none' },
      { ...pager, name: 'Big Bell' },
      { ...pager, name: 'a', label: '' },
      { ...pager, name: 'b', reaches: 'all' },
      { ...pager, name: 'c', gatherMs: -1 },
      { name: 'd', reaches: 'people' },
      { ...pager, name: 'e', gather: 1 },
      null,
    ]),
    [
      'channels[1]: another channel has the name "pager".',
      'channels[2]: another channel has the name "email".',
      'channels[3]: another channel has the name "none".',
      'channels[4]: its name begins with a small letter and has small letters, digits and hyphens, at most 50.',
      'channels[5]: label must be a text.',
      'channels[6]: reaches must be "people", "addresses" or "one-place".',
      'channels[7]: gatherMs must be a number of milliseconds, 0 or more.',
      'channels[8]: send must be a function.',
      'channels[9]: gather is no option. Did you mean "gatherMs"?',
      'channels[10]: its name begins with a small letter and has small letters, digits and hyphens, at most 50.',
    ],
  );
});
