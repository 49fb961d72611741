import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import type { Principal } from '../../auth/principal.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { countStatements, htmx, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { ada } from '../../testing/context.ts';
import { eventsIn, livePath } from '../../testing/live-pieces.ts';
import { until } from '../../testing/until.ts';
import { whileWorking } from '../../testing/while-working.ts';

const quick = defineTask({
  name: 'quick',
  params: z.object({ about: z.string() }),
  title: ({ about }) => `Quick ${about}`,
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

const admin: AdminDefinition = {
  ...sample,
  schedules: [],
  taskHooks: [],
  tasks: [quick, failing],
  notify: 'message',
};

const json = { accept: 'application/json' };

const bellOf = ({ body }: { body: string }) =>
  /id="bell"[^>]*aria-label="([^"]*)"/.exec(body)?.[1] ?? null;
const pollOf = ({ body }: { body: string }) => livePath(body, 'bell');
const toastOf = ({ body }: { body: string }) => eventsIn(body)['bulkhead:toast'] ?? null;

async function sentTo({ db }: TestApp, person: Principal, count: number): Promise<void> {
  await until(async () => {
    const { rows } = await db.pages.query<{ count: number }>(
      `select count(*)::int as count from ${db.t.notice} where recipient = $1 and state = 'sent'`,
      [person.id],
    );
    return rows[0]?.count === count;
  });
}

const launch = ({ context }: TestApp, { principal }: Visitor, about: string) =>
  launchOwn(context, quick, { about }, { principal });

test('whoever launched a task is told of its end on another page and after the next sign-in, until they have read it', async (t) => {
  const app = await testApp(t, { admin });
  const editor = await app.signIn('editor');
  const other = await app.signIn('admin');
  const before = await editor.get('/countries');
  assert.equal(bellOf(before), 'Notices');
  const { id } = await launch(app, editor, 'one');
  await whileWorking(app, () => sentTo(app, editor.principal, 1));

  const polled = await editor.get(pollOf(before), htmx);
  assert.equal(bellOf(polled), 'Notices, 1 not read');
  assert.deepEqual(toastOf(polled), {
    level: 'success',
    message: 'Done: Quick one.',
    key: `task-${id}`,
    link: { href: `/tasks/${id}`, label: 'Open' },
  });
  const again = await editor.get(pollOf(polled), htmx);
  assert.deepEqual([bellOf(again), toastOf(again)], ['Notices, 1 not read', null]);

  await editor.post('/sign-out');
  const back = await app.signIn('editor');
  assert.equal(bellOf(await back.get('/')), 'Notices, 1 not read');
  const page = await back.get('/tasks/notices');
  assert.match(page.body, /Since you last looked[\s\S]*Quick one/);
  const [, readUrl = ''] = /action="(\/tasks\/notices\/\d+\/reading)"/.exec(page.body) ?? [];
  assert.equal((await other.post(readUrl)).statusCode, 404, 'it is nobody else’s');
  assert.equal((await back.post(readUrl)).statusCode, 303);
  const read = await back.get('/tasks/notices');
  assert.equal(bellOf(read), 'Notices');
  assert.match(read.body, /Earlier[\s\S]*Quick one/);
  assert.doesNotMatch(read.body, /Since you last looked/);
  assert.doesNotMatch((await other.get('/tasks/notices')).body, /Quick one/);
});

test('all are marked as read but those that came after the page was shown, and whoever looks at a task has read of it', async (t) => {
  const app = await testApp(t, { admin });
  const editor = await app.signIn('editor');
  for (const about of ['one', 'two']) await launch(app, editor, about);
  await whileWorking(app, () => sentTo(app, editor.principal, 2));
  const page = await editor.get('/tasks/notices');
  const upTo = /name="upTo" value="(\d+)"/.exec(page.body)?.[1] ?? '';
  const { id } = await launch(app, editor, 'three');
  await launchOwn(app.context, failing, {}, { principal: editor.principal });
  await whileWorking(app, () => sentTo(app, editor.principal, 4));
  const polled = await editor.get(pollOf(page), htmx);
  assert.equal((toastOf(polled) as { message: string }).message, '2 tasks have ended.');
  const marked = await editor.post('/tasks/notices/reading', { upTo });
  assert.equal(marked.statusCode, 303);
  assert.equal(bellOf(await editor.get('/')), 'Notices, 2 not read');
  await editor.get(`/tasks/${id}`);
  assert.equal(bellOf(await editor.get('/')), 'Notices, 1 not read');
  const { body } = await editor.get('/tasks/notices');
  assert.match(body, /Since you last looked[\s\S]*Sure to fail[\s\S]*Earlier[\s\S]*Quick three/);
});

test('a bell that nobody is behind any more looks no further and sends nobody away', async (t) => {
  const app = await testApp(t, { admin });
  const answer = await app.app.inject({ url: '/tasks/live?bell=0', headers: htmx });
  assert.equal(answer.statusCode, 286);
  assert.match(answer.body, /id="bell"/);
  assert.doesNotMatch(answer.body, /data-live/);
  assert.equal(answer.headers['hx-redirect'], undefined);
});

test('of Bulkhead’s own users admins are told of what the system launches', async (t) => {
  const app = await testApp(t, { admin });
  const [visitor, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  await launchOwn(
    app.context,
    quick,
    { about: 'at night' },
    { principal: systemPrincipal('night') },
  );
  await whileWorking(app, () => sentTo(app, visitor.principal, 1));
  assert.match((await visitor.get('/tasks/notices')).body, /Quick at night/);
  assert.doesNotMatch((await editor.get('/tasks/notices')).body, /Quick at night/);
});

test('where no rule names messages there is no bell and no page of them', async (t) => {
  const app = await testApp(t, { admin: { ...admin, notify: [] } });
  const visitor = await app.signIn('admin');
  const { statements, result } = await countStatements(app.db, () => visitor.get('/tasks/notices'));
  assert.deepEqual([result.statusCode, bellOf(result), statements.length], [404, null, 1]);
});

test('the bell costs no statement beside that of the session, and one where the host says who is asking', async (t) => {
  const app = await testApp(t, { admin });
  const visitor = await app.signIn('admin');
  const page = await visitor.get('/tasks/new/none');
  const ours = await countStatements(app.db, () => visitor.get(pollOf(page), htmx));
  assert.equal(ours.statements.length, 1);
  const shown = await countStatements(app.db, () => visitor.get('/tasks/new/none'));
  assert.deepEqual([shown.statements.length, bellOf(shown.result)], [1, 'Notices']);

  const person: Principal = { ...ada, id: 'host-1', roles: ['admin'] };
  const theirs = await testApp(t, {
    admin: { ...admin, people: { getUser: () => person, refreshUser: () => person } },
  });
  const get = (url: string, headers = {}) => theirs.app.inject({ url, headers });
  const whole = await asked(() => get('/tasks/new/none'));
  assert.deepEqual([whole.count, bellOf(whole.result)], [1, 'Notices']);
  assert.equal((await asked(() => get('/tasks/new/none', json))).count, 0);
  assert.equal((await asked(() => get('/tasks/live?bell=0', htmx))).count, 1);

  async function asked<T>(work: () => Promise<T>): Promise<{ result: T; count: number }> {
    const { result, statements } = await countStatements(theirs.db, work);
    return { result, count: statements.filter((text) => text.includes('"notice"')).length };
  }
});
