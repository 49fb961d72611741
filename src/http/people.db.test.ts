import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import {
  createTestTasks,
  defineAdmin,
  defineResource,
  defineTask,
  type People,
  type Principal,
  type TaskEvent,
} from '../index.ts';
import { actions } from '../resources/actions.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { cookieOf, formBody, testApp } from '../testing/app.ts';
import { finished } from '../testing/context.ts';
import { insertPlaces } from '../testing/places.ts';

const json = { accept: 'application/json' };
const of = (id: string, role: string, tenant: number): Principal => ({
  id,
  name: `${id.charAt(0).toUpperCase()}${id.slice(1)}`,
  email: `${id}@shop.example`,
  roles: [role],
  claims: { tenant },
});

const greet = defineTask({
  name: 'greet',
  params: z.object({}),
  title: 'Greet',
  launchable: { allowed: ({ roles }) => !roles.includes('guest') },
  async run(_, task) {
    await task.about('cities', '1');
    await wait(60_000, null, { signal: task.signal });
  },
});
const whoRuns = defineTask({
  name: 'who-runs',
  params: z.object({}),
  attempts: 1,
  run: (_, { principal }) => ({ ...principal }),
});

/** What htmx sends with each request of a page. */
const tokenOf = (html: string) => /x-csrf-token&quot;:&quot;([^&]+)/.exec(html)?.[1] ?? '';

/** A shop whose people are in a directory of its own: none is a row of ours. */
async function setUp(t: TestContext, own: Partial<People> = {}) {
  const directory = new Map(
    [of('cleo', 'admin', 1), of('dan', 'editor', 1), of('eli', 'editor', 2)].map((one) => [
      one.id,
      one,
    ]),
  );
  const events: { event: TaskEvent; email: string | undefined; admins: string[] }[] = [];
  const people: People = {
    getUser: ({ headers }) => directory.get(String(headers['x-user'])),
    refreshUser: async (id) => directory.get(id),
    usersWithRole: (role) => [...directory.values()].filter(({ roles }) => roles.includes(role)),
    ...own,
  };
  const others = sample.resources.filter(({ model }) => model !== 'City');
  const cities = defineResource(metadata, 'City', {
    permissions: () => actions,
    scope: ({ roles, claims }: Principal) =>
      roles.includes('admin') ? {} : { id: { lte: 10 * Number(claims?.tenant) } },
  });
  const admin = defineAdmin({
    ...sample,
    schedules: [],
    resources: [cities, ...others],
    people,
    tasks: [greet, whoRuns],
    taskHooks: [
      {
        name: 'events',
        on: ['task:created', 'task:cancelled'],
        async run(event, { people: { findUser, usersWithRole } }) {
          const { email } = (await findUser(event.task.principal.id)) ?? {};
          const admins = (await usersWithRole?.('admin')) ?? [];
          events.push({ event, email, admins: admins.map(({ name }) => name) });
        },
      },
    ],
  });
  const app = await testApp(t, { admin });
  await app.db.pages.query(`delete from ${app.db.t.user}`);
  await insertPlaces(app.db, 30);
  const visit = async (id: string) => {
    const home = await app.app.inject({ url: '/', headers: { 'x-user': id } });
    assert.equal(home.statusCode, 200);
    const kept = { cookie: cookieOf(home), 'x-user': id };
    return {
      home: home.body,
      get: (url: string, headers = {}) => app.app.inject({ url, headers: { ...kept, ...headers } }),
      post: (url: string, form: Record<string, string> = {}, given = {}) => {
        const { payload, headers } = formBody({ _csrf: tokenOf(home.body), ...form });
        const all = { ...headers, ...kept, ...given };
        return app.app.inject({ method: 'POST', url, payload, headers: all });
      },
    };
  };
  const atWork = async (work: () => Promise<void>) => {
    const { context, connectionString } = app;
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    await work().finally(() => worker.stop());
  };
  const { tasks } = app.app.bulkhead;
  const person = (id: string) => directory.get(id) as Principal;
  return { ...app, admin, tasks, directory, person, events, visit, atWork };
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !(await isSo()); await wait(20))
    assert.ok(Date.now() < end, 'it does not come to be so');
}

test('people of a project’s own are let in by its word alone: no page of ours for signing in is there', async (t) => {
  const { app, visit } = await setUp(t);
  const dan = await visit('dan');
  assert.match(dan.home, /Signed in as Dan[\s\S]+<small>editor<\/small>/);
  assert.doesNotMatch(dan.home, /sign-out/);
  for (const url of ['/', '/cities', '/sign-in', '/first-admin', '/sign-out', '/nowhere']) {
    const page = await app.inject({ url });
    assert.deepEqual([page.statusCode, page.headers.location], [401, undefined], url);
    assert.match(page.body, /Not signed in/);
    assert.doesNotMatch(page.body, /name="password"|href="\/sign-in/);
  }
  assert.equal((await dan.get('/sign-in')).statusCode, 404);
  const cleo = await visit('cleo');
  assert.doesNotMatch(cleo.home, /href="\/tasks\/people"/);
  for (const url of ['/tasks/people', '/tasks/people/new'])
    assert.equal((await cleo.get(url)).statusCode, 404);
  const poll = await app.inject({ url: '/tasks/1/progress', headers: { 'hx-request': 'true' } });
  assert.deepEqual([poll.statusCode, /sign-in"/.test(poll.body)], [286, false]);
  const { payload, headers } = formBody({ _csrf: tokenOf(dan.home), 'form.note': 'typed' });
  const sent = await app.inject({ method: 'POST', url: '/tasks/new/greet', payload, headers });
  assert.equal(sent.statusCode, 401);
});

test('who is no row of ours launches a task, is named by its page, and finds it; another cancels it; hooks are told', async (t) => {
  const { tasks, person, events, visit, atWork, db } = await setUp(t);
  const [dan, cleo, eli] = [await visit('dan'), await visit('cleo'), await visit('eli')];
  const answer = await dan.post('/tasks/new/greet', {}, json);
  assert.equal(answer.statusCode, 202, answer.body);
  const { id } = answer.json();
  for (const url of [`/tasks/${id}`, '/tasks', '/'])
    assert.match((await cleo.get(url)).body, /Greet[\s\S]+Dan/, url);
  assert.equal((await eli.get(`/tasks/${id}`)).statusCode, 404);
  assert.doesNotMatch((await eli.get('/tasks')).body, /Dan/);
  const listed = async (principalId: string) =>
    (await tasks.list({ principalId })).map((task) => [task.id, task.principal]);
  assert.deepEqual(await listed('dan'), [[id, { id: 'dan', name: 'Dan' }]]);
  assert.deepEqual(await listed('eli'), []);
  assert.deepEqual((await tasks.as(person('dan')).list()).length, 1);
  assert.deepEqual((await tasks.as(person('eli')).list()).length, 0);
  await atWork(async () => {
    await until(async () => (await tasks.get(id)).state === 'running');
    assert.equal((await eli.post(`/tasks/${id}/cancellation`)).statusCode, 404);
    assert.equal((await cleo.post(`/tasks/${id}/cancellation`)).statusCode, 303);
    await finished(db, id);
    await until(() => events.length === 2);
  });
  assert.match((await dan.get(`/tasks/${id}`)).body, /Cancelled by Cleo/);
  const heard = events.map(({ event: { name, by, task }, email, admins }) => [
    name,
    by,
    task.principal,
    email,
    admins,
  ]);
  const [byDan, byCleo] = [
    { id: 'dan', name: 'Dan' },
    { id: 'cleo', name: 'Cleo' },
  ];
  assert.deepEqual(heard, [
    ['task:created', byDan, byDan, 'dan@shop.example', ['Cleo']],
    ['task:cancelled', byCleo, byDan, 'dan@shop.example', ['Cleo']],
  ]);
});

test('a task runs by what somebody is at that time: their claims, their roles, and whether they are there', async (t) => {
  const { tasks, person, directory, atWork, db, visit } = await setUp(t);
  const launch = (id: string) =>
    tasks.launchOn({
      resource: 'cities',
      operation: 'update',
      where: {},
      everything: true,
      parameters: { notes: `by ${id}` },
      principal: person(id),
    });
  const notes = async () =>
    (await db.pages.query('select id from gazetteer.city where notes is not null order by id')).rows
      .length;
  const [moved, gone] = [await launch('dan'), await launch('eli')];
  const own = await tasks.launch(whoRuns, {}, { principal: person('dan') });
  const ownGone = await tasks.launch(whoRuns, {}, { principal: person('eli') });
  directory.set('dan', { ...of('dan', 'editor', 2), name: 'Daniel' });
  directory.delete('eli');
  await assert.rejects(
    tasks.launchOn({
      resource: 'cities',
      operation: 'update',
      keys: [1],
      parameters: { notes: 'x' },
      principal: of('eli', 'editor', 2),
    }),
    { status: 403, message: 'Eli may not sign in any more.' },
  );
  await atWork(async () => {
    const ended = await finished(db, moved.id);
    assert.deepEqual([ended.state, ended.changed, await notes()], ['succeeded', 20, 20]);
    for (const task of [gone, ownGone]) {
      const { state, reason } = await finished(db, task.id);
      assert.deepEqual([state, reason], ['failed', 'user-inactive']);
    }
    await finished(db, own.id);
  });
  const { claims, roles, name } = (await tasks.wait(own)) as Principal;
  assert.deepEqual([claims, roles, name], [{ tenant: 2 }, ['editor'], 'Daniel']);
  // Whose it was stays with it.
  const cleo = await visit('cleo');
  assert.match((await cleo.get(`/tasks/${gone.id}`)).body, /Eli[\s\S]+may not sign in any more/);
  assert.match((await cleo.get('/tasks')).body, /Eli/);
  assert.equal((await tasks.retry(ownGone.id)).principal.id, 'system:code');
});

test('a project says who sees what is about no resource, and that is so wherever tasks are named', async (t) => {
  const { tasks, person, visit, atWork, db } = await setUp(t, {
    seesTask: ({ claims }, { name, principal }) =>
      name === 'greet' && claims?.tenant === principal.claims?.tenant,
  });
  const [dan, cleo, eli] = [await visit('dan'), await visit('cleo'), await visit('eli')];
  const launch = (definition: typeof greet, id: string) =>
    tasks.launch(definition, {}, { principal: person(id) });
  const [ofCleo, ofEli] = [await launch(greet, 'cleo'), await launch(greet, 'eli')];
  const hidden = await launch(whoRuns as never, 'cleo');
  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    keys: [1],
    parameters: { notes: 'x' },
    principal: person('eli'),
  });
  await atWork(async () => {
    await finished(db, bulk.id);
    await until(async () => (await dan.get('/cities/1')).body.includes(`/tasks/${ofCleo.id}"`));
  });
  const seen = async ({ get }: typeof dan) => {
    const { tasks: listed, total } = (await get('/tasks', json)).json();
    const ids = listed.map(({ id }: { id: number }) => id).sort();
    assert.equal(total, ids.length);
    for (const { id } of [ofCleo, ofEli, hidden, bulk]) {
      const status = ids.includes(id) ? 200 : 404;
      assert.equal((await get(`/tasks/${id}`)).statusCode, status, String(id));
    }
    return ids;
  };
  assert.deepEqual(await seen(dan), [ofCleo.id]);
  // What is about a resource is its own to say.
  assert.deepEqual(await seen(cleo), [ofCleo.id, hidden.id, bulk.id]);
  assert.deepEqual(await seen(eli), [ofEli.id, bulk.id]);
  assert.doesNotMatch((await eli.get('/cities/1')).body, new RegExp(`/tasks/${ofCleo.id}"`));
  assert.equal((await tasks.list()).length, 4, 'the system sees every one');
  assert.equal((await eli.post(`/tasks/${ofCleo.id}/cancellation`)).statusCode, 404);
  assert.equal((await dan.post(`/tasks/${ofCleo.id}/cancellation`)).statusCode, 303);
  assert.equal((await finished(db, ofCleo.id)).state, 'cancelled');
});

test('while people cannot be asked tasks wait, and no attempt is counted', async (t) => {
  let isDown = false;
  const asked = new Set<string>();
  const { tasks, person, atWork, db, directory } = await setUp(t, {
    refreshUser: (id) => {
      if (isDown) {
        asked.add(id);
        throw new Error('the directory does not answer');
      }
      return directory.get(id);
    },
  });
  const own = await tasks.launch(whoRuns, {}, { principal: person('dan') });
  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    keys: [1],
    parameters: { notes: 'x' },
    principal: person('cleo'),
  });
  isDown = true;
  await atWork(async () => {
    await until(() => asked.size === 2);
    isDown = false;
    for (const { id } of [own, bulk]) {
      const { state, failedAttempts, deaths } = await finished(db, id);
      assert.deepEqual([state, failedAttempts, deaths], ['succeeded', 0, 0]);
    }
  });
});

test('what is composed for scripts and workers asks the same people', async (t) => {
  const { admin, connectionString, person, directory } = await setUp(t);
  const { tasks, drain, close } = await createTestTasks({ admin, databaseUrl: connectionString });
  try {
    const launched = [
      await tasks.launch(whoRuns, {}, { principal: person('dan') }),
      await tasks.launch(whoRuns, {}, { principal: person('eli') }),
    ];
    directory.delete('eli');
    await drain();
    const ended = await Promise.all(launched.map(({ id }) => tasks.get(id)));
    assert.deepEqual(
      ended.map(({ state }) => state),
      ['succeeded', 'failed'],
    );
  } finally {
    await close();
  }
});
