import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type Principal } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { drain } from '../../tasks/worker/drain.ts';
import { countStatements, type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces, placeForm } from '../../testing/places.ts';

type Context = Parameters<typeof testApp>[0];

const plain = defineTask({ name: 'plain', params: z.object({}), run: () => 1 });
const undoable = defineTask({
  name: 'undoable',
  params: z.object({}),
  run: () => 1,
  undo: () => undefined,
});
const admin = { ...sample, schedules: [], taskHooks: [], tasks: [plain, undoable] };

async function setUp(
  t: Context,
  options: Parameters<typeof testApp>[1] = {},
): Promise<TestApp & { ada: Visitor; eve: Visitor }> {
  const app = await testApp(t, { admin, ...options });
  await insertPlaces(app.db, 60);
  return { ...app, ada: await app.signIn('admin'), eve: await app.signIn('editor') };
}

const sectionOf = (body: string, id: string) =>
  new RegExp(`aria-labelledby="${id}">[\\s\\S]*?</section>`).exec(body)?.[0] ?? '';
const linksIn = (section: string, pattern: RegExp) =>
  [...section.matchAll(/href="([^"]*)"/g)]
    .map(([, href = '']) => href.replaceAll('&amp;', '&'))
    .filter((href) => pattern.test(href));
const tasksOn = (body: string) =>
  linksIn(sectionOf(body, 'my-tasks'), /^\/tasks\/\d+$/).map((href) => Number(href.split('/')[2]));
const undosOn = (body: string) =>
  linksIn(sectionOf(body, 'my-tasks'), /\/undo$/).map((href) => Number(href.split('/')[2]));
const changesOn = (body: string) => linksIn(sectionOf(body, 'my-changes'), /\/history$/);

/** Changes of places 1, 2, … by a form, as the form writes them. */
async function insertChanges({ db }: TestApp, { principal }: Visitor, count: number) {
  await db.pages.query(
    `insert into ${db.t.change} (model, resource, kind, principal_id, principal_name, fields, keys, first_key, before, after)
     select 'City', 'cities', 'update', $1, $2, '{name}', array[key], key, '[{"name":"a"}]', '{"name":"b"}'
     from generate_series(1, $3::int) n, lateral (select lpad(n::text, 20, '0') as key) made`,
    [principal.id, principal.name, count],
  );
}

test('one’s own tasks are there, those under way first, with an undo where their page offers one', async (t) => {
  const app = await setUp(t);
  const launched = [
    await launchAs(app.eve, 30),
    (await launchOwn(app.context, plain, {}, { principal: app.eve.principal })).id,
    (await launchOwn(app.context, undoable, {}, { principal: app.eve.principal })).id,
  ];
  await launchAs(app.ada, 3);
  await drain(app.context, app.connectionString, 30_000);
  const running = await launchAs(app.eve, 40);
  const small = await launchAs(app.eve, 2);
  const show = async () => (await app.eve.get('/tasks/activity')).body;
  const body = await show();
  assert.deepEqual(tasksOn(body), [running, small, ...launched.toReversed()]);
  const offered = [];
  for (const id of tasksOn(body)) {
    const page = (await app.eve.get(`/tasks/${id}`)).body;
    if (page.includes(`href="/tasks/${id}/undo"`)) offered.push(id);
  }
  assert.deepEqual(offered, [launched[2], launched[0]]);
  assert.deepEqual(undosOn(body), offered);

  const form = formOf((await app.eve.get(`/tasks/${launched[2]}/undo`)).body, 'undo-form');
  await app.eve.post(`/tasks/${launched[2]}/undo`, form);
  await drain(app.context, app.connectionString, 30_000);
  assert.ok(!undosOn(await show()).includes(launched[2] as number), 'it was taken back');
});

test('one’s own changes by forms are there, newest first, with what was changed and a way to the record', async (t) => {
  const app = await setUp(t);
  await app.eve.post('/cities/7/edit', { ...placeForm, name: 'Changed', population: '7' });
  await app.ada.post('/cities/8/edit', { ...placeForm, name: 'Other', population: '8' });
  await app.eve.post('/cities/new', { ...placeForm, name: 'New place' });
  const { body } = await app.eve.get('/tasks/activity');
  assert.deepEqual(changesOn(body), ['/cities/61/history', '/cities/7/history']);
  assert.match(
    sectionOf(body, 'my-changes'),
    /Created[\s\S]*New place[\s\S]*Changed[\s\S]*>Changed<[\s\S]*in Name/,
  );
  assert.match(body, /<a class="who" href="\/tasks\/activity"/);
  const history = await app.eve.get('/cities/7/history');
  assert.equal(history.statusCode, 200);
});

test('of a record or a field that one may not see any more it says nothing', async (t) => {
  const resources = [
    defineResource(metadata, 'City', {
      permissions: () => actions,
      scope: ({ roles }: Principal) => (roles.includes('editor') ? { id: { not: 7 } } : {}),
      fields: { notes: { label: 'Hushed', see: ({ roles }) => !roles.includes('editor') } },
    }),
  ];
  const app = await setUp(t, { admin: { ...admin, resources } });
  await insertChanges(app, app.eve, 8);
  const { t: tables, pages } = app.db;
  await pages.query(`update ${tables.change} set fields = '{notes,name}'`);
  await pages.query(`update ${tables.change} set resource = 'gone' where first_key like '%1'`);
  await pages.query(`update gazetteer.city set name = 'Out of reach' where id = 7`);
  const { body } = await app.eve.get('/tasks/activity');
  const section = sectionOf(body, 'my-changes');
  assert.deepEqual(
    changesOn(body),
    [8, 6, 5, 4, 3, 2].map((id) => `/cities/${id}/history`),
  );
  assert.equal(section.match(/a record that you do not see/g)?.length, 2);
  assert.doesNotMatch(section, /Out of reach|Hushed/);
});

test('where it cannot be worked out which records are one’s own to see, none is named', async (t) => {
  const resources = [
    defineResource(metadata, 'City', {
      permissions: () => actions,
      scope: () => ({ countryCode: undefined }) as never,
    }),
  ];
  const app = await setUp(t, { admin: { ...admin, resources } });
  await insertChanges(app, app.eve, 2);
  const { body, statusCode } = await app.eve.get('/tasks/activity');
  assert.equal(statusCode, 200);
  assert.deepEqual(changesOn(body), []);
  assert.equal(body.match(/a record that you do not see/g)?.length, 2);
});

test('both lists are paged, each as it is while the other is', async (t) => {
  const app = await setUp(t);
  await insertChanges(app, app.eve, 60);
  await app.db.pages.query(
    `insert into ${app.db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, started_at, finished_at)
     select 'own', 'plain', 'Plain', 'queue', $1, 'Eve', '{}', '{}', 'succeeded', now(), now() from generate_series(1, 60)`,
    [app.eve.principal.id],
  );
  const seen = { tasks: [] as number[], changes: [] as string[] };
  let path = '/tasks/activity';
  for (let page = 1; page <= 3; page++) {
    const { body } = await app.eve.get(path);
    seen.tasks.push(...tasksOn(body));
    seen.changes.push(...changesOn(body));
    const [older] = linksIn(sectionOf(body, 'my-tasks'), /tasks\/activity/).slice(-1);
    if (page === 3) break;
    const { body: next } = await app.eve.get(older as string);
    [path = ''] = linksIn(sectionOf(next, 'my-changes'), /tasks\/activity/).slice(-1);
    assert.deepEqual(changesOn(next), changesOn(body));
  }
  assert.deepEqual(
    seen.tasks,
    Array.from({ length: 60 }, (_, n) => 60 - n),
  );
  assert.deepEqual(
    seen.changes,
    Array.from({ length: 60 }, (_, n) => `/cities/${60 - n}/history`),
  );
  for (const odd of ['tasks=x', 'tasks=0', 'tasks=99999999999', 'changes=-1', 'changes=%00'])
    assert.equal((await app.eve.get(`/tasks/activity?${odd}`)).statusCode, 422, odd);
});

test('of many that have not ended the newest are there, and a way to all of them', async (t) => {
  const app = await setUp(t);
  await app.db.pages.query(
    `insert into ${app.db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state)
     select 'own', 'plain', 'Plain', 'queue', $1, $2, '{}', '{}', 'queued' from generate_series(1, 30)`,
    [app.eve.principal.id, app.eve.principal.name],
  );
  const { body } = await app.eve.get('/tasks/activity');
  assert.equal(tasksOn(body).length, 25);
  const [, href = ''] = /href="([^"]*)">All 30 that have not ended</.exec(body) ?? [];
  const json = { accept: 'application/json' };
  assert.equal((await app.eve.get(href.replaceAll('&amp;', '&'), json)).json().total, 30);
  await app.db.pages.query(`delete from ${app.db.t.task} where id > 25`);
  assert.doesNotMatch((await app.eve.get('/tasks/activity')).body, /that have not ended/);
});

test('it needs as many statements for many tasks and changes as for few, and at most 12', async (t) => {
  const app = await setUp(t);
  const ask = async () => {
    const { result, statements } = await countStatements(app.db, () =>
      app.eve.get('/tasks/activity'),
    );
    assert.equal(result.statusCode, 200);
    assert.ok(statements.length <= 12, statements.join('\n\n'));
    return statements.length;
  };
  await launchAs(app.eve, 30);
  const launch = () => launchOwn(app.context, plain, {}, { principal: app.eve.principal });
  await launch();
  await insertChanges(app, app.eve, 1);
  await drain(app.context, app.connectionString, 30_000);
  const few = await ask();
  for (let n = 0; n < 12; n++) await launch();
  await insertChanges(app, app.eve, 40);
  await drain(app.context, app.connectionString, 30_000);
  assert.equal(await ask(), few);
});

test('who has done nothing is told so', async (t) => {
  const app = await setUp(t);
  const { body } = await app.ada.get('/tasks/activity');
  assert.match(body, /You have launched no task yet\.[\s\S]*You have changed no record by a form/);
});
