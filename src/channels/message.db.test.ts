import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Principal } from '../auth/principal.ts';
import { parseConfig } from '../config.ts';
import { DefinitionError } from '../resources/problems.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import type { TaskEvent } from '../task-definitions/task-hooks.ts';
import type { TaskContext } from '../tasks/context.ts';
import { cancel } from '../tasks/control/cancel.ts';
import { deliverNext } from '../tasks/hooks/deliver.ts';
import { announceHooks, fanOut } from '../tasks/hooks/fan-out.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { purge } from '../tasks/worker/retention.ts';
import { ada, eve, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { insertPlaces } from '../testing/places.ts';
import { whileWorking } from '../testing/while-working.ts';
import { buildChannels } from './channels.ts';
import { listMessages } from './messages.ts';

const params = z.object({});
const quick = defineTask({ name: 'quick', params, title: 'Quick', run: () => 'done' });
const whole = defineTask({
  name: 'whole',
  params,
  title: 'Whole',
  run: async (_, task) => task.all([await task.launch('part', quick, {})]),
});

const admin: AdminDefinition = {
  ...sample,
  schedules: [],
  taskHooks: [],
  tasks: [quick, whole],
  notify: 'message',
};

async function setUp(t: TestContext, changed: Partial<AdminDefinition> = {}) {
  const { db, connectionString } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...admin, ...changed });
  const ran = async (id: number) => {
    await whileWorking({ context, connectionString }, () => finished(db, id));
    await deliverAll(context);
  };
  await announceHooks(db.pages, context);
  return { db, context, connectionString, ran };
}

const titles = async (context: TaskContext, person: Principal) =>
  (await listMessages(context, person, { limit: 10 })).map(({ title }) => title);

const states = async ({ db }: TaskContext) =>
  (
    await db.pages.query<{ state: string }>(`select state from ${db.t.notice} order by id`)
  ).rows.map(({ state }) => state);

test('the end of a task is said once to whoever launched it, however often its event comes', async (t) => {
  const { db, context, ran } = await setUp(t);
  const { id } = await launchOwn(context, quick, {}, { principal: ada });
  await ran(id);
  assert.deepEqual(await titles(context, ada), ['Quick']);
  assert.deepEqual(await titles(context, eve), []);
  const [hook] = context.hooks;
  const { rows } = await db.pages.query<{ event_id: string; content: TaskEvent }>(
    `select event_id, content from ${db.t.notice}`,
  );
  const [{ event_id, content }] = rows as [{ event_id: string; content: TaskEvent }];
  await hook?.run({ ...content, id: event_id }, {} as never);
  await deliverAll(context);
  assert.deepEqual(await states(context), ['sent']);
});

test('what ran within a request, and a part of another task, is not said for itself', async (t) => {
  const { db, context, ran } = await setUp(t);
  await insertPlaces(db, 3);
  const cities = context.registry.get('cities');
  const change = { field: 'status', 'value.status': 'archived' };
  const small = await launchOn(context, cities, { kind: 'matching' }, 'update', change);
  assert.equal(small.task.backend, 'inline');
  const { id } = await launchOwn(context, whole, {}, { principal: ada });
  await ran(id);
  const messages = await listMessages(context, ada, { limit: 10 });
  assert.deepEqual(
    messages.map(({ event, title }) => [event, title]),
    [['task:succeeded', 'Whole']],
  );
});

test('whoever cancels a task is not told of it, and others are', async (t) => {
  const { context } = await setUp(t);
  const own = await launchOwn(context, quick, {}, { principal: eve });
  await cancel(context, eve, own.id);
  const hers = await launchOwn(context, quick, {}, { principal: eve });
  await cancel(context, ada, hers.id);
  await deliverAll(context);
  const messages = await listMessages(context, eve, { limit: 10 });
  assert.deepEqual(
    messages.map(({ event, task }) => [event, task?.id]),
    [['task:cancelled', hers.id]],
  );
});

test('a recipient who may not come in or see the task any more is not told', async (t) => {
  const gone = new Set<string>();
  const blind = new Set<string>();
  const people = [ada, eve];
  const { db, context } = await setUp(t, {
    notify: { by: 'message', to: ['starter', { role: 'editor' }] },
    people: {
      getUser: () => null,
      refreshUser: (id) => (gone.has(id) ? null : people.find((one) => one.id === id)),
      usersWithRole: (role) => people.filter(({ roles }) => roles.includes(role)),
      seesTask: ({ id }) => !blind.has(id),
    },
  });
  const end = async () => {
    const { id } = await launchOwn(context, quick, {}, { principal: ada });
    await cancel(context, { ...ada, id: 'system:test' }, id);
    await fanOut(db.pages, context);
    while (await deliverNext(context, db.pages));
  };
  await end();
  gone.add(ada.id);
  blind.add(eve.id);
  await deliverAll(context);
  assert.deepEqual(await states(context), ['dropped', 'dropped']);
  await end();
  assert.equal((await states(context)).length, 3, 'who may not see it is not even chosen');
  gone.clear();
  blind.clear();
  await end();
  await deliverAll(context);
  assert.deepEqual(
    [await titles(context, eve), await titles(context, ada)],
    [['Quick'], ['Quick', 'Quick']],
  );
  blind.add(eve.id);
  assert.deepEqual(await titles(context, eve), [], 'nor is it shown any more');
});

test('notices are forgotten with history, and none before it is sent', async (t) => {
  const { db, context } = await setUp(t);
  for (const by of [ada, ada]) {
    const { id } = await launchOwn(context, quick, {}, { principal: ada });
    await cancel(context, { ...by, id: 'system:test' }, id);
  }
  await deliverAll(context);
  const days = context.settings.historyRetentionDays;
  await db.pages.query(`update ${db.t.notice} set created_at = now() - make_interval(days => $1)`, [
    days + 1,
  ]);
  await db.pages.query(
    `update ${db.t.notice} set state = 'waiting' where id = (select min(id) from ${db.t.notice})`,
  );
  await purge(context);
  assert.deepEqual(await states(context), ['waiting']);
});

test('rules that can tell nobody refuse the start by name, all at once', () => {
  const people = {};
  const settings = { ...parseConfig({}), name: 'Test' };
  const problems = (notify: unknown) => {
    try {
      buildChannels({ notify: notify as never, people, settings });
      return [];
    } catch (error) {
      assert.ok(error instanceof DefinitionError);
      return error.problems;
    }
  };
  assert.deepEqual(problems(['message', 'none']), []);
  assert.deepEqual(problems(['mesage', 'pigeon', { by: 'message', to: { role: 'ops' } }]), [
    'Admin, notify: there is no channel "mesage". Did you mean "message"?',
    'Admin, notify: there is no channel "pigeon".',
    'Admin, notify: who has a role cannot be asked: people has no usersWithRole.',
  ]);
  assert.deepEqual(problems([{ by: 'message', to: { address: 'a@b.c' } }]), [
    'Admin, notify: message tells people who sign in, and no address.',
  ]);
  assert.deepEqual(problems([{ by: [], to: 'me', when: 'never', longerThanMs: -1, of: 1 }, 7]), [
    'Admin, notify: of is no option.',
    'Admin, notify: by must be names of channels.',
    'Admin, notify: to must be "starter", { role } or { address }, or a list of these.',
    'Admin, notify: when must be "always" or "failures".',
    'Admin, notify: longerThanMs must be a number of milliseconds, 0 or more.',
    'Admin, notify: must be names of channels, or rules: { by, to, when, longerThanMs }.',
  ]);
});
