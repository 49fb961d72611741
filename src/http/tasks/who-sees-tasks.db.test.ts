import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type Principal } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { defineSchedule } from '../../task-definitions/define-schedule.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { type ada, launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';

const permissions = () => actions;
const isAdmin = ({ roles }: Principal) => roles.includes('admin');
const keyOf = (id: number) => String(id).padStart(20, '0');
const somebody: typeof ada = {
  id: '00000000-0000-4000-8000-0000000000bb',
  name: 'Bo',
  roles: ['whole'],
};
const reason = 'Why-4711';

/**
 * Administrators of a tenant: its cities are theirs, every country is. Viewers are told of tasks by
 * the project.
 */
const admin = {
  ...sample,
  schedules: [],
  resources: [
    defineResource(metadata, 'City', {
      permissions,
      scope: (principal: Principal) => (isAdmin(principal) ? { id: { lte: 20 } } : {}),
    }),
    defineResource(metadata, 'Country', { permissions }),
    defineResource(metadata, 'Tag', {
      permissions,
      tasks: ({ roles }: Principal) => roles.includes('viewer'),
    }),
    defineResource(metadata, 'Language', { permissions, tasks: () => undefined as never }),
  ],
};

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 60);
  const { registry } = app.context;
  const launched = async (slug: string, keys: string[], body: object) => {
    const options = { inBackground: true, changeReason: reason };
    return (
      await launchOn(
        app.context,
        registry.get(slug),
        { keys },
        'update',
        { ...body },
        somebody,
        options,
      )
    ).task.id;
  };
  const cities = await launched('cities', [keyOf(3), keyOf(50)], {
    field: 'notes',
    'value.notes': 'of others',
  });
  const countries = await launched('countries', ['ESP'], {
    field: 'region',
    'value.region': 'Elsewhere',
  });
  return { ...app, cities, countries };
}

test('who sees records only in part sees no task of others about them, whatever their role, and those about what they see whole', async (t) => {
  const { cities, countries, db, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  // Its records are held.
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $4)`,
    [cities, [keyOf(3), keyOf(50)], keyOf(3), keyOf(50)],
  );
  for (const headers of [{}, htmx, { accept: 'application/json' }]) {
    for (const path of ['/', '/tasks', '/tasks/live?list=', '/tasks?state=queued']) {
      const { body } = await visitor.get(path, headers);
      assert.doesNotMatch(
        body,
        new RegExp(`/tasks/${cities}\\b|"id":${cities}\\b|task-${cities}\\b`),
        path,
      );
    }
    for (const end of ['', '/details', '/progress', '/failures', '/failures.csv', '/undo']) {
      const { statusCode, body } = await visitor.get(`/tasks/${cities}${end}`, headers);
      assert.ok([404, 303, 286].includes(statusCode), `${end}: ${statusCode}`);
      assert.doesNotMatch(body, /of others|Why-4711/, end);
    }
    assert.equal((await visitor.get(`/tasks/${countries}`)).statusCode, 200);
  }
  const { total, tasks } = (await visitor.get('/tasks', { accept: 'application/json' })).json();
  assert.deepEqual([total, tasks.map(({ id }: { id: number }) => id)], [1, [countries]]);
  for (const end of ['cancellation', 'pause', 'resumption', 'retry', 'undo']) {
    assert.equal(
      (await visitor.post(`/tasks/${cities}/${end}`, { _op: cityOp })).statusCode,
      404,
      end,
    );
  }
  assert.match((await visitor.get('/tasks')).body, /where you see every record/);
  const held = ['/cities', '/cities/3', '/cities/3/edit', '/cities/3/history', '/cities/3/delete'];
  for (const path of held)
    assert.doesNotMatch((await visitor.get(path)).body, new RegExp(`/tasks/${cities}\\b`), path);
  const { body } = await visitor.get('/cities/3/lock', htmx);
  assert.doesNotMatch(body, new RegExp(`/tasks/${cities}\\b|Cancel`));
});

const cityOp = '00000000-0000-4000-8000-000000000001';

test('whoever started a task sees it, however little of its resource is theirs', async (t) => {
  const { context, signIn } = await setUp(t);
  const visitor = await signIn('admin');
  const body = { field: 'notes', 'value.notes': 'mine' };
  const options = { inBackground: true };
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { keys: [keyOf(2)] },
    'update',
    body,
    visitor.principal,
    options,
  );
  assert.equal((await visitor.get(`/tasks/${task.id}`)).statusCode, 200);
  assert.match((await visitor.get('/tasks')).body, new RegExp(`/tasks/${task.id}"`));
});

test('a project says otherwise, and an answer that is none shows nothing', async (t) => {
  const { db, signIn } = await setUp(t);
  const about = async (slug: string) => {
    const { rows: made } = await db.pages.query<{ id: number }>(
      `insert into ${db.t.task} (task_key, resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
       values (gen_random_uuid()::text, $1, $1, 'update', 'Edit', 'queue', 'other', 'Other', '{}', '{"changes":[]}', '{"kind":"ticked","filter":""}', 'queued') returning id`,
      [slug],
    );
    return made[0]?.id ?? 0;
  };
  const statusOf = async (role: 'admin' | 'viewer', slug: string) =>
    (await (await signIn(role)).get(`/tasks/${await about(slug)}`)).statusCode;
  assert.deepEqual([await statusOf('viewer', 'tags'), await statusOf('admin', 'tags')], [200, 404]);
  assert.deepEqual(
    [await statusOf('viewer', 'languages'), await statusOf('admin', 'languages')],
    [404, 404],
  );
  assert.equal(await statusOf('admin', 'no-resource-any-more'), 404);
});

test('where there is no resource, tasks of others are for the role that sees everything by default', async (t) => {
  const { resources: _, ...rest } = sample;
  const noting = defineTask({ name: 'noting', params: z.object({}), run: () => undefined });
  const nightly = defineSchedule({ name: 'nightly', cron: '0 0 1 1 *', task: noting, params: {} });
  const app = await testApp(t, {
    admin: { ...rest, resources: [], taskHooks: [], tasks: [noting], schedules: [nightly] },
  });
  await app.app.bulkhead.tasks.launch(noting, {});
  const [viewer, admin] = [await app.signIn('viewer'), await app.signIn('admin')];
  for (const path of ['/tasks/1', '/tasks/schedules']) {
    assert.equal((await viewer.get(path)).statusCode, 404, path);
    assert.equal((await admin.get(path)).statusCode, 200, path);
  }
  for (const path of ['/tasks/schedules/nightly/pause', '/tasks/1/cancellation'])
    assert.equal((await viewer.post(path)).statusCode, 404, path);
});
