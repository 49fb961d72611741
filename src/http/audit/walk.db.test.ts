import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { LightMyRequestResponse, RouteOptions } from 'fastify';
import { z } from 'zod';
import sample from '../../admin.ts';
import { buildApp } from '../../app.ts';
import { type AuditAct, acts } from '../../audit/acts.ts';
import { createFirstAdminLink } from '../../auth/first-admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { commands } from '../../cli/commands.ts';
import { defineSchedule, defineTask } from '../../index.ts';
import { recount } from '../../sample/recount.ts';
import { announceHooks } from '../../tasks/hooks/fan-out.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { beginRuns } from '../../tasks/schedules/begin-runs.ts';
import {
  cookieOf,
  csrfOf,
  emailOf,
  formBody,
  type TestApp,
  testApp,
  testPassword,
  type Visitor,
} from '../../testing/app.ts';
import { finished, testContext } from '../../testing/context.ts';
import { deliverAll } from '../../testing/deliver-all.ts';
import { formOf } from '../../testing/html-form.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces, placeForm } from '../../testing/places.ts';
import { whileWorking } from '../../testing/while-working.ts';

const noting = defineTask({
  name: 'noting',
  params: z.object({ fails: z.boolean().default(false) }),
  launchable: { allowed: () => true },
  run: ({ fails }) => {
    if (fails) throw new Error('It fails.');
  },
});
const once = defineTask({
  name: 'once',
  params: z.object({}),
  resultReuseMs: 3_600_000,
  launchable: { allowed: () => true },
  run: () => 1,
});
const yearly = defineSchedule({ name: 'yearly', cron: '0 0 1 1 *', task: noting, params: {} });
const admin = {
  ...sample,
  taskHooks: [],
  notify: ['message'] as const,
  tasks: [noting, once],
  schedules: [yearly],
};

interface Site extends TestApp {
  visitor: Visitor;
}

/** What a route that somebody posts to leaves, or why it leaves nothing. */
type Walk =
  | { leaves: AuditAct; go: (site: Site) => Promise<LightMyRequestResponse> }
  | { leavesNothing: string };

const json = { accept: 'application/json' };
const city = {
  name: 'Changed',
  ...placeForm,
};

const walks: Readonly<Record<string, Walk>> = {
  'POST /sign-in': {
    leaves: 'signed-in',
    go: async ({ app }) => {
      const form = await app.inject('/sign-in');
      return app.inject({
        method: 'POST',
        url: '/sign-in',
        ...formBody({ email: emailOf('viewer'), password: testPassword, _csrf: csrfOf(form.body) }),
        headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
      });
    },
  },
  'POST /sign-out': {
    leaves: 'signed-out',
    go: async ({ signIn }) => (await signIn('viewer')).post('/sign-out'),
  },
  'POST /first-admin': {
    leaves: 'first-admin-created',
    async go({ app, db }) {
      await db.pages.query(`delete from ${db.t.user}`);
      const token = await createFirstAdminLink(db);
      const form = await app.inject(`/first-admin?token=${token}`);
      return app.inject({
        method: 'POST',
        url: '/first-admin',
        ...formBody({
          token,
          email: 'first@example.test',
          name: 'First',
          password: 'correct horse battery',
          _csrf: csrfOf(form.body),
        }),
        headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
      });
    },
  },
  'POST /:resource/selection': { leavesNothing: 'what somebody ticked, for the hour' },
  'POST /:resource/new': {
    leaves: 'record-created',
    go: ({ visitor }) => visitor.post('/cities/new', city),
  },
  'POST /:resource/:id/edit': {
    leaves: 'record-changed',
    go: ({ visitor }) => visitor.post('/cities/1/edit', { name: 'Changed' }),
  },
  'POST /:resource/:id/edit/:field': {
    leaves: 'record-changed',
    go: ({ visitor }) => visitor.post('/cities/2/edit/name', { name: 'Changed' }),
  },
  'POST /:resource/:id/delete': {
    leaves: 'record-deleted',
    go: ({ visitor }) => visitor.post('/cities/3/delete'),
  },
  'POST /:resource/bulk-edit': {
    leaves: 'task-launched',
    async go({ visitor }) {
      const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 30)}`;
      const _op = await openAs(visitor, path);
      return visitor.post(path, { _op, field: 'status', 'value.status': 'published' });
    },
  },
  'POST /:resource/bulk-delete': {
    leaves: 'task-launched',
    async go({ visitor }) {
      const path = `/cities/bulk-delete?_s=${await selectAs(visitor, 2, 31)}`;
      const _op = await openAs(visitor, path);
      return visitor.post(path, { _op, acknowledge: 'yes' });
    },
  },
  'POST /:resource/do/:operation': {
    leaves: 'task-launched',
    async go({ visitor }) {
      const path = `/cities/do/archive?_s=${await selectAs(visitor, 2, 36)}`;
      const _op = await openAs(visitor, path);
      return visitor.post(path, { _op, 'form.reason': 'Closed', 'form.note': 'x' });
    },
  },
  'POST /:resource/previews/:id': {
    leaves: 'task-launched',
    async go({ visitor }) {
      const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 2, 41)}`;
      const _op = await openAs(visitor, path);
      const body = { _op, field: 'status', 'value.status': 'published', _do: 'preview' };
      const { headers } = await visitor.post(path, body);
      return visitor.post(String(headers.location));
    },
  },
  'POST /:resource/previews/:id/exclusions': { leavesNothing: 'a preview, which changes nothing' },
  'POST /:resource/previews/:id/form': { leavesNothing: 'back to the form of a preview' },
  'POST /tasks/new/:name': {
    leaves: 'task-launched',
    go: ({ visitor }) => visitor.post('/tasks/new/noting', { _op: randomUUID() }),
  },
  'POST /tasks/notices/:id/reading': { leavesNothing: 'what somebody has read' },
  'POST /tasks/notices/reading': { leavesNothing: 'what somebody has read' },
  'POST /tasks/notices/preferences': {
    leaves: 'preferences-changed',
    go: ({ visitor }) =>
      visitor.post('/tasks/notices/preferences', {
        'when.message': 'failures',
        'seconds.message': '',
      }),
  },
  'POST /tasks/deliveries/:id/sending': {
    leaves: 'delivery-sent-again',
    async go(site) {
      await announceHooks(site.db.pages, site.context);
      await endedOwn(site, false);
      await deliverAll(site.context);
      const { body } = await site.visitor.get('/tasks/deliveries', json);
      const [{ id }] = JSON.parse(body).deliveries;
      return site.visitor.post(`/tasks/deliveries/${id}/sending`);
    },
  },
  'POST /tasks/schedules/:name/run': {
    leaves: 'schedule-run',
    go: ({ visitor }) => visitor.post('/tasks/schedules/yearly/run'),
  },
  'POST /tasks/schedules/:name/pause': {
    leaves: 'schedule-paused',
    go: ({ visitor }) => visitor.post('/tasks/schedules/yearly/pause'),
  },
  'POST /tasks/schedules/:name/resumption': {
    leaves: 'schedule-resumed',
    async go({ visitor }) {
      await visitor.post('/tasks/schedules/yearly/pause');
      return visitor.post('/tasks/schedules/yearly/resumption');
    },
  },
  'POST /tasks/people/new': {
    leaves: 'user-created',
    go: ({ visitor }) => visitor.post('/tasks/people/new', { ...person, password: 'long enough' }),
  },
  'POST /tasks/people/:id': {
    leaves: 'user-changed',
    go: async (site) => site.visitor.post(`/tasks/people/${await viewerId(site)}`, person),
  },
  'POST /tasks/people/:id/password': {
    leaves: 'password-set',
    go: async (site) =>
      site.visitor.post(`/tasks/people/${await viewerId(site)}/password`, {
        password: 'another one',
      }),
  },
  'POST /tasks/people/:id/deactivation': {
    leaves: 'user-deactivated',
    go: async (site) => site.visitor.post(`/tasks/people/${await viewerId(site)}/deactivation`),
  },
  'POST /tasks/people/:id/activation': {
    leaves: 'user-activated',
    async go(site) {
      const path = `/tasks/people/${await viewerId(site)}`;
      await site.visitor.post(`${path}/deactivation`);
      return site.visitor.post(`${path}/activation`);
    },
  },
  'POST /tasks/people/:id/sessions/ending': {
    leaves: 'sessions-ended',
    go: async (site) => site.visitor.post(`/tasks/people/${await viewerId(site)}/sessions/ending`),
  },
  'POST /tasks/people/:id/sessions/:session/ending': {
    leaves: 'sessions-ended',
    async go(site) {
      const id = await viewerId(site);
      const { body } = await site.visitor.get(`/tasks/people/${id}`, json);
      const [session] = JSON.parse(body).sessions;
      return site.visitor.post(`/tasks/people/${id}/sessions/${session.id}/ending`);
    },
  },
  'POST /tasks/matching/:act': {
    leaves: 'task-launched',
    async go(site) {
      await laterOwn(site);
      const path = '/tasks/matching/cancellation?state=scheduled';
      const { body } = await site.visitor.get(path);
      return site.visitor.post(path, formOf(body, 'matching-form'));
    },
  },
  'POST /tasks/queues/:name/pause': {
    leaves: 'queue-paused',
    go: ({ visitor }) => visitor.post('/tasks/queues/bulk/pause', { reason: 'a reason' }),
  },
  'POST /tasks/queues/:name/resumption': {
    leaves: 'queue-resumed',
    async go({ visitor }) {
      await visitor.post('/tasks/queues/bulk/pause');
      return visitor.post('/tasks/queues/bulk/resumption');
    },
  },
  'POST /tasks/workers/:id/quiet': {
    leaves: 'worker-quieted',
    go: (site) => withWorker(site, (path) => site.visitor.post(`${path}/quiet`)),
  },
  'POST /tasks/workers/:id/resumption': {
    leaves: 'worker-resumed',
    go: (site) =>
      withWorker(site, async (path) => {
        await site.visitor.post(`${path}/quiet`);
        return site.visitor.post(`${path}/resumption`);
      }),
  },
  'POST /tasks/workers/:id/stop': {
    leaves: 'worker-stopped',
    go: (site) => withWorker(site, (path) => site.visitor.post(`${path}/stop`)),
  },
  'POST /tasks/:id/pause': {
    leaves: 'task-paused',
    go: async (site) => site.visitor.post(`/tasks/${await runningBulk(site)}/pause`),
  },
  'POST /tasks/:id/resumption': {
    leaves: 'task-resumed',
    async go(site) {
      const id = await runningBulk(site);
      await site.visitor.post(`/tasks/${id}/pause`);
      return site.visitor.post(`/tasks/${id}/resumption`);
    },
  },
  'POST /tasks/:id/cancellation': {
    leaves: 'task-cancelled',
    go: async (site) => site.visitor.post(`/tasks/${await laterOwn(site)}/cancellation`),
  },
  'POST /tasks/:id/time': {
    leaves: 'task-rescheduled',
    go: async (site) =>
      site.visitor.post(`/tasks/${await laterOwn(site)}/time`, { at: '2031-01-31T14:30' }),
  },
  'POST /tasks/:id/acknowledgement': {
    leaves: 'task-acknowledged',
    go: async (site) => site.visitor.post(`/tasks/${await endedOwn(site, true)}/acknowledgement`),
  },
  'POST /tasks/:id/acknowledgement/withdrawal': {
    leaves: 'acknowledgement-withdrawn',
    async go(site) {
      const id = await endedOwn(site, true);
      await site.visitor.post(`/tasks/${id}/acknowledgement`);
      return site.visitor.post(`/tasks/${id}/acknowledgement/withdrawal`);
    },
  },
  'POST /tasks/:id/retry': {
    leaves: 'task-launched',
    go: async (site) =>
      site.visitor.post(`/tasks/${await endedOwn(site, true)}/retry`, { _op: randomUUID() }),
  },
  'POST /tasks/:id/again': {
    leaves: 'task-launched',
    go: async (site) =>
      site.visitor.post(`/tasks/${await endedOnce(site)}/again`, { _op: randomUUID() }),
  },
  'POST /tasks/:id/undo': {
    leaves: 'task-launched',
    go: async (site) =>
      site.visitor.post(`/tasks/${await endedBulk(site)}/undo`, {
        _op: randomUUID(),
        _which: 'all',
      }),
  },
};

const person = { name: 'Mia', email: 'mia@x.example', roles: 'viewer', claims: '{}' };

async function viewerId({ signIn }: Site): Promise<string> {
  return (await signIn('viewer')).principal.id;
}

function withWorker(
  { context, connectionString, db }: Site,
  ask: (path: string) => Promise<LightMyRequestResponse>,
): Promise<LightMyRequestResponse> {
  return whileWorking({ context, connectionString }, async () => {
    const { rows } = await db.pages.query<{ id: string }>(`select id from ${db.t.worker}`);
    return ask(`/tasks/workers/${rows[0]?.id}`);
  });
}

const byVisitor = ({ visitor }: Site) => ({ principal: visitor.principal });

async function laterOwn(site: Site): Promise<number> {
  const launch = { ...byVisitor(site), delayMs: 3_600_000 };
  return (await launchOwn(site.context, noting, {}, launch)).id;
}

async function endedOnce(site: Site): Promise<number> {
  const { context, connectionString, db } = site;
  const { id } = await launchOwn(context, once, {}, byVisitor(site));
  await whileWorking({ context, connectionString }, () => finished(db, id));
  return id;
}

async function endedOwn(site: Site, fails: boolean): Promise<number> {
  const { context, connectionString, db } = site;
  const { id } = await launchOwn(context, noting, { fails }, byVisitor(site));
  await db.pages.query(`update ${db.t.task} set failed_attempts = 2 where id = $1`, [id]);
  await whileWorking({ context, connectionString }, () => finished(db, id));
  return id;
}

async function runningBulk(site: Site): Promise<number> {
  const { visitor, db } = site;
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 30)}`;
  const _op = await openAs(visitor, path);
  await visitor.post(path, { _op, field: 'rating', 'value.rating': '3' });
  const { rows } = await db.pages.query<{ id: number }>(
    `update ${db.t.task} set state = 'running', started_at = now() where id = (select max(id) from ${db.t.task}) returning id`,
  );
  return rows[0]?.id as number;
}

async function endedBulk({ visitor, db }: Site): Promise<number> {
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 2, 41)}`;
  const _op = await openAs(visitor, path);
  await visitor.post(path, { _op, field: 'rating', 'value.rating': '3' });
  const { rows } = await db.pages.query<{ id: number; state: string }>(
    `select id, state from ${db.t.task} order by id desc limit 1`,
  );
  assert.equal(rows[0]?.state, 'succeeded');
  return rows[0]?.id as number;
}

async function setUp(t: TestContext): Promise<Site> {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 50);
  return { ...app, visitor: await app.signIn('admin') };
}

async function entries({ db }: Pick<TestApp, 'db'>) {
  const { rows } = await db.pages.query<{
    act: AuditAct;
    name: string;
    origin: string;
    from: string;
  }>(
    `select act, principal_name as name, origin, origin_name as "from" from ${db.t.audit_entry} order by id`,
  );
  return rows;
}

test('every route that somebody posts to leaves an entry, or says why it leaves none', async (t) => {
  const site = await setUp(t);
  const posts = new Set<string>();
  const walked = await buildApp({
    admin,
    config: site.config,
    context: site.context,
    onRoute: ({ method, url }: RouteOptions) => {
      for (const one of [method].flat())
        if (!['GET', 'HEAD', 'OPTIONS'].includes(one)) posts.add(`${one} ${url}`);
    },
  });
  t.after(() => walked.close());
  assert.deepEqual([...posts].sort(), Object.keys(walks).sort());
});

for (const [route, walk] of Object.entries(walks)) {
  if ('leavesNothing' in walk) continue;
  test(`${route} leaves “${walk.leaves}”, with who did it and from where`, async (t) => {
    const site = await setUp(t);
    const before = (await entries(site)).length;
    const answer = await walk.go(site);
    assert.ok(
      answer.statusCode < 400,
      `${answer.statusCode}: ${/<h1[\s\S]*?<\/p>/.exec(answer.body)?.[0]}`,
    );
    const left = (await entries(site)).slice(before);
    const last = left.at(-1);
    assert.equal(last?.act, walk.leaves, JSON.stringify(left));
    assert.deepEqual([last?.origin, last?.from], ['request', '127.0.0.1']);
    const someone = ['POST /sign-in', 'POST /sign-out'].includes(route)
      ? 'Viewer'
      : route === 'POST /first-admin'
        ? 'First'
        : 'Admin';
    assert.equal(last?.name, someone);
  });
}

type CommandWalk =
  | { leaves: AuditAct; typed?: object; words?: (site: Site) => string[] | Promise<string[]> }
  | { leavesNothing: string };

const nightly = () => ['nightly-recount'];
const own = async ({ context }: Site) => {
  const launch = { principal: systemPrincipal('code'), delayMs: 3_600_000 };
  return launchOwn(context, noting, {}, launch);
};

const commandWalks: Readonly<Record<string, CommandWalk>> = {
  'user create': {
    leaves: 'user-created',
    typed: { email: 'mia@x.example', name: 'Mia', role: 'viewer' },
  },
  'user list': { leavesNothing: 'it reads' },
  'user roles': { leaves: 'user-changed', typed: { role: 'editor' } },
  'user claims': { leaves: 'user-changed', typed: { claims: '{"countries": ["ESP"]}' } },
  'user sign-out': { leaves: 'sessions-ended' },
  'user password': { leaves: 'password-set' },
  'user deactivate': { leaves: 'user-deactivated' },
  'user activate': { leaves: 'user-activated' },
  'user sessions': { leavesNothing: 'it reads' },
  'tasks list': { leavesNothing: 'it reads' },
  'tasks show': { leavesNothing: 'it reads' },
  'tasks cancel': {
    leaves: 'task-cancelled',
    words: async (site) => [String((await own(site)).id)],
  },
  'tasks retry': {
    leaves: 'task-launched',
    words: async (site) => {
      const { id } = await launchOwn(
        testContext(site.db),
        recount,
        { country: 'FRA' },
        { principal: systemPrincipal('code'), delayMs: 3_600_000 },
      );
      await site.db.pages.query(
        `update ${site.db.t.task} set state = 'failed', started_at = now(), finished_at = now() where id = $1`,
        [id],
      );
      return [String(id)];
    },
  },
  'schedules list': { leavesNothing: 'it reads' },
  'schedules pause': { leaves: 'schedule-paused', words: nightly },
  'schedules resume': { leaves: 'schedule-resumed', words: nightly },
  'schedules run': { leaves: 'schedule-run', words: nightly },
  cleanup: { leavesNothing: 'what workers do by themselves' },
  schema: { leavesNothing: 'it reads' },
  'audit verify': { leavesNothing: 'it reads' },
  migrate: { leavesNothing: 'tables, before anything is written to them' },
  init: { leavesNothing: 'files of the project' },
  check: { leavesNothing: 'it reads' },
  doctor: { leavesNothing: 'it reads, and sends a probe that is no task' },
  generate: { leavesNothing: 'files of the project' },
  indexes: { leavesNothing: 'indexes, which change what is fast alone' },
};

test('every command leaves an entry with the account that ran it, or says why it leaves none', async (t) => {
  const site = await setUp(t);
  assert.deepEqual(Object.keys(commands).sort(), Object.keys(commandWalks).sort());
  const visitor = await site.signIn('viewer');
  t.mock.method(console, 'log', () => undefined);
  for (const [name, walk] of Object.entries(commandWalks)) {
    if ('leavesNothing' in walk) continue;
    const words = (await walk.words?.({ ...site, visitor })) ?? [];
    const before = (await entries(site)).length;
    const config = { ...site.config, DATABASE_URL: site.connectionString };
    const typed = name.startsWith('user') ? { email: emailOf('viewer'), ...walk.typed } : {};
    await commands[name]?.run(typed, config, words);
    const left = (await entries(site)).slice(before);
    assert.deepEqual(
      left.map(({ act, name: by, origin }) => [act, by, origin]),
      [[walk.leaves, 'system: command', 'command']],
      name,
    );
    assert.match(String(left[0]?.from), /^\S+@\S+$/);
  }
});

test('somebody who fails to sign in leaves an entry with what they typed for an address, and no name', async (t) => {
  const { app, db } = await setUp(t);
  const form = await app.inject('/sign-in');
  await app.inject({
    method: 'POST',
    url: '/sign-in',
    ...formBody({ email: 'Eve@Example.test', password: 'a guess', _csrf: csrfOf(form.body) }),
    headers: { cookie: cookieOf(form), 'content-type': 'application/x-www-form-urlencoded' },
  });
  const { rows } = await db.pages.query(
    `select act, principal_id, details from ${db.t.audit_entry} order by id desc limit 1`,
  );
  assert.deepEqual(rows, [
    { act: 'sign-in-failed', principal_id: null, details: { email: 'eve@example.test' } },
  ]);
});

test('a schedule, code and SQL leave an entry for what they launch', async (t) => {
  const { app, context, db, visitor } = await setUp(t);
  await visitor.post('/tasks/schedules/yearly/run');
  await beginRuns(context, db.background);
  await app.bulkhead.tasks.launch(noting, {});
  await db.pages.query(`select ${db.t.task.replace('"task"', 'launch')}('noting', '{}')`);
  await launchOwn(context, noting, {}, { principal: systemPrincipal('nightly') });
  const { rows: account } = await db.pages.query<{ name: string }>('select session_user as name');
  const launched = (await entries({ db })).filter(({ act }) => act === 'task-launched');
  assert.deepEqual(
    launched.map(({ name, origin, from }) => [name, origin, from]),
    [
      ['system: yearly', 'schedule', 'yearly'],
      ['system: code', 'code', null],
      ['system: sql', 'sql', account[0]?.name],
      ['system: nightly', 'code', null],
    ],
  );
});

test('what is refused, or changes nothing, leaves no entry', async (t) => {
  const site = await setUp(t);
  const { visitor } = site;
  const before = await entries(site);
  assert.equal((await visitor.post('/cities/1/edit', { name: '' })).statusCode, 422);
  assert.equal((await visitor.post('/cities/1/edit', { name: 'Place 1' })).statusCode, 303);
  assert.equal((await visitor.post('/tasks/4711/cancellation')).statusCode, 404);
  assert.deepEqual(await entries(site), before);
});

test('every act is left by something', () => {
  const left = Object.values(walks).flatMap((walk) => ('leaves' in walk ? [walk.leaves] : []));
  const elsewhere: AuditAct[] = ['sign-in-failed', 'entries-forgotten'];
  assert.deepEqual([...new Set([...left, ...elsewhere])].sort(), [...acts].sort());
});
