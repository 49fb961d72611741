import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Principal } from '../auth/principal.ts';
import { systemPrincipal } from '../auth/system-principal.ts';
import { defineResource } from '../resources/define-resource.ts';
import { DefinitionError } from '../resources/problems.ts';
import { defineSchedule } from '../task-definitions/define-schedule.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import { announceHooks } from '../tasks/hooks/fan-out.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { announceSchedules } from '../tasks/schedules/announce-schedules.ts';
import { runSchedule } from '../tasks/schedules/control-schedules.ts';
import { ada, eve, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { deliverAll } from '../testing/deliver-all.ts';
import { insertPlaces } from '../testing/places.ts';
import { until } from '../testing/until.ts';
import { whileWorking } from '../testing/while-working.ts';
import { defineCallback, defineChannel } from './define-channel.ts';
import { type Preference, savePreferences } from './preferences.ts';

const params = z.object({});
const quick = defineTask({ name: 'quick', params, title: 'Quick', run: () => 'done' });
const failing = defineTask({
  name: 'failing',
  params,
  title: 'Failing',
  attempts: 1,
  run: () => {
    throw new Error('no');
  },
});
const silent = defineTask({ name: 'silent', params, notify: 'none', run: () => 'done' });
const loud = defineTask({ name: 'loud', params, title: 'Loud', notify: 'log', run: () => 'done' });

const olga: Principal = {
  id: '00000000-0000-4000-8000-0000000000f0',
  name: 'Olga',
  roles: ['operators', 'admin'],
};
const everybody = [ada, eve, olga];

async function setUp(t: TestContext, changed: Partial<AdminDefinition>) {
  const { db, connectionString } = await testDatabase(t);
  const heard: string[] = [];
  const admin: AdminDefinition = {
    ...sample,
    schedules: [],
    taskHooks: [],
    tasks: [quick, failing, silent, loud],
    channels: [
      defineChannel({
        name: 'call',
        label: 'Call',
        reaches: 'people',
        send: ({ notices: [{ task }], person }) =>
          void heard.push(`${person?.name}: ${task.title}`),
      }),
      defineCallback('log', ({ task }) => void heard.push(`log: ${task.title}`)),
    ],
    people: {
      getUser: () => null,
      refreshUser: (id) => everybody.find((one) => one.id === id) ?? null,
      usersWithRole: (role) => everybody.filter(({ roles }) => roles.includes(role)),
    },
    ...changed,
  };
  const context = testContext(db, {}, {}, admin);
  await announceHooks(db.pages, context);
  const work = { context: { ...context, outboxes: [] }, connectionString };
  const hear = async (...ids: number[]) => {
    await whileWorking(work, async () => {
      for (const id of ids) await finished(db, id);
    });
    await deliverAll(context);
    return heard.splice(0).sort();
  };
  const end = async (definition: typeof quick, principal = ada) =>
    hear((await launchOwn(context, definition as typeof quick, {}, { principal })).id);
  return { db, context, work, heard, hear, end };
}

test('a rule tells of failures alone, or of what ran long enough, and otherwise of everything', async (t) => {
  const { db, context, hear, end } = await setUp(t, {
    notify: [
      { by: 'call', when: 'failures' },
      { by: 'log', longerThanMs: 60_000 },
    ],
  });
  assert.deepEqual(await end(quick), []);
  assert.deepEqual(await end(failing as unknown as typeof quick), ['Ada: Failing']);
  const { id } = await launchOwn(context, quick, {}, { principal: ada });
  assert.deepEqual(await hear(id), []);
  // One that began two minutes before it ended.
  await db.pages.query(
    `with ended as (update ${db.t.task} set started_at = finished_at - interval '2 minutes' where id = $1 returning id)
     insert into ${db.t.task_event} (task_id, from_state, state) select id, 'running', 'succeeded' from ended`,
    [id],
  );
  assert.deepEqual(await hear(), ['log: Quick']);
});

test('the nearest of task, resource and admin says who is told', async (t) => {
  const { db, context, hear, end } = await setUp(t, {
    notify: 'call',
    resources: [
      defineResource(metadata, 'City', { notify: 'log' }),
      ...sample.resources.filter(({ model }) => model !== 'City'),
    ],
  });
  assert.deepEqual(await end(quick), ['Ada: Quick']);
  assert.deepEqual(await end(silent as typeof quick), []);
  assert.deepEqual(await end(loud as typeof quick), ['log: Loud']);
  await insertPlaces(db, 30);
  const cities = context.registry.get('cities');
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', {
    field: 'status',
    'value.status': 'archived',
  });
  assert.equal(task.backend, 'queue');
  assert.deepEqual(await hear(task.id), [`log: ${task.title}`]);
});

test('of what the system launches, and of schedules, the role operators is told', async (t) => {
  const nightly = defineSchedule({
    name: 'nightly',
    cron: '0 0 1 1 *',
    timeZone: 'Etc/UTC',
    task: quick,
    params: {},
  });
  const { db, context, work, hear, end } = await setUp(t, {
    notify: 'call',
    schedules: [nightly],
  });
  assert.deepEqual(await end(quick, systemPrincipal('script')), ['Olga: Quick']);
  await announceSchedules(db.background, context);
  await runSchedule(context, olga, 'nightly');
  await whileWorking(work, () =>
    until(async () => {
      const { rowCount } = await db.pages.query(
        `select from ${db.t.task} where principal_id = 'system:nightly' and finished_at is not null`,
      );
      return rowCount === 1;
    }),
  );
  assert.deepEqual(await hear(), ['Olga: Quick']);
});

test('where nobody is an operator, admins are told of what the system launches', async (t) => {
  const { end } = await setUp(t, {
    notify: 'call',
    people: {
      getUser: () => null,
      refreshUser: (id) => everybody.find((one) => one.id === id) ?? null,
      usersWithRole: (role) => [ada, eve].filter(({ roles }) => roles.includes(role)),
    },
  });
  assert.deepEqual(await end(quick, systemPrincipal('script')), ['Ada: Quick']);
});

test('everybody with a role is told, the launcher once', async (t) => {
  const { end } = await setUp(t, {
    notify: [{ by: 'call', to: ['starter', { role: 'admin' }] }, 'call'],
  });
  assert.deepEqual(await end(quick), ['Ada: Quick', 'Olga: Quick']);
});

test('what somebody has chosen decides of what they launched, and leaves out what others did', async (t) => {
  const { context, end } = await setUp(t, {
    notify: [
      { by: 'call', when: 'failures' },
      { by: 'call', to: { role: 'operators' } },
    ],
  });
  const choose = (person: Principal, chosen: Omit<Preference, 'channel'>) =>
    savePreferences(context, person, [{ channel: 'call', ...chosen }]);
  assert.deepEqual(await end(quick), ['Olga: Quick']);
  await choose(ada, { when: 'always', longerThanMs: 0 });
  assert.deepEqual(await end(quick), ['Ada: Quick', 'Olga: Quick']);
  await choose(ada, { when: 'always', longerThanMs: 60_000 });
  assert.deepEqual(await end(quick), ['Olga: Quick']);
  await choose(ada, { when: 'never', longerThanMs: 0 });
  await choose(olga, { when: 'failures', longerThanMs: 0 });
  assert.deepEqual(await end(quick), []);
  assert.deepEqual(await end(failing as unknown as typeof quick), ['Olga: Failing']);
  await choose(eve, { when: 'always', longerThanMs: 0 });
  assert.deepEqual(await end(quick), [], 'nobody chooses to be told of tasks of others');
  await choose(olga, { when: 'never', longerThanMs: 0 });
  assert.deepEqual(await end(failing as unknown as typeof quick), []);
  await choose(olga, { when: 'as-ruled', longerThanMs: 0 });
  await choose(ada, { when: 'as-ruled', longerThanMs: 0 });
  assert.deepEqual(await end(failing as unknown as typeof quick), [
    'Ada: Failing',
    'Olga: Failing',
  ]);
  await choose(ada, { when: 'always', longerThanMs: 0 });
  assert.deepEqual(await end(silent as typeof quick), [], 'nobody is told of what is silent');
});

test('whoever has chosen more than a rule says of tasks of others is told what the rule says', async (t) => {
  const { context, end } = await setUp(t, {
    notify: { by: 'call', to: { role: 'operators' }, when: 'failures' },
  });
  await savePreferences(context, olga, [{ channel: 'call', when: 'always', longerThanMs: 0 }]);
  assert.deepEqual(await end(quick), []);
  assert.deepEqual(await end(failing as unknown as typeof quick), ['Olga: Failing']);
});

test('a rule that tells nobody by itself offers its channel', async (t) => {
  const { context, end } = await setUp(t, { notify: { by: 'call', to: [] } });
  assert.deepEqual(await end(quick), []);
  await savePreferences(context, ada, [{ channel: 'call', when: 'always', longerThanMs: 0 }]);
  assert.deepEqual(await end(quick), ['Ada: Quick']);
});

test('what a resource and a task say amiss refuses the start by name', async (t) => {
  const { db } = await testDatabase(t);
  const problems = (changed: Partial<AdminDefinition>) => {
    try {
      testContext(db, {}, {}, { ...sample, taskHooks: [], schedules: [], ...changed });
      return [];
    } catch (error) {
      assert.ok(error instanceof DefinitionError);
      return error.problems;
    }
  };
  const city = (notify: unknown) => ({
    tasks: [],
    resources: [defineResource(metadata, 'City', { notify: notify as never })],
  });
  assert.deepEqual(problems(city('pigeon')), [
    'Resource City, notify: there is no channel "pigeon".',
  ]);
  assert.deepEqual(problems(city({ by: 'message', when: 'never' })), [
    'Resource City, notify: when must be "always" or "failures".',
  ]);
  const task = (notify: unknown) => ({
    tasks: [defineTask({ name: 'quick', params, notify: notify as never, run: () => 1 })],
  });
  assert.deepEqual(problems(task('pigeon')), ['Task quick, notify: there is no channel "pigeon".']);
  assert.match(problems(task(7)).join(), /quick.*notify must be names of channels/);
});
