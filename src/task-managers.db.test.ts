import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import type { PrismaClient } from '../generated/sample/client.ts';
import { metadata } from '../generated/sample-metadata/metadata.ts';
import sample from './admin.ts';
import { type AdminDefinition, checkAdmin } from './admin-definition.ts';
import {
  AppError,
  type AskedLaunch,
  defineResource,
  defineTask,
  TaskManager,
  type TaskManagerAccess,
} from './index.ts';
import { parseKey } from './metadata/keys.ts';
import { updateRecord } from './operations/save-record.ts';
import { actions } from './resources/actions.ts';
import { saveContextOf } from './tasks/launching/save-context.ts';
import { startWorker } from './tasks/worker/worker.ts';
import { testApp } from './testing/app.ts';
import { ada, finished, launchOn } from './testing/context.ts';
import { insertPlaces } from './testing/places.ts';

const mail = defineTask({
  name: 'mail',
  params: z.object({ to: z.string() }),
  launchable: {
    on: 'record',
    resource: 'cities',
    allowed: () => true,
    params: ({ key }) => ({ to: key }),
  },
  run: () => null,
});
const parent = defineTask({
  name: 'parent',
  params: z.object({}),
  run: async (_, task) => void (await task.all([await task.launch('mail', mail, { to: 'child' })])),
});

/** Cities have a manager of their own, which notes what it is asked and refuses what a test says. */
async function setUp(t: TestContext) {
  const asked: [shop: string, launch: AskedLaunch][] = [];
  let refused: string | null = null;
  class Shop extends TaskManager {
    readonly shop: string;
    constructor(access: TaskManagerAccess, shop: string) {
      super(access, shop);
      this.shop = shop;
    }
    override async onLaunch(launch: AskedLaunch) {
      asked.push([this.shop, launch]);
      if (launch.name === refused) throw new AppError('closed', 409, `${this.shop} is closed.`);
      if (launch.meta === 'odd') return { meta: { at: new Map() } };
      return { meta: { shop: this.shop, given: launch.meta } };
    }
  }
  class Quiet extends TaskManager {}
  const cities = defineResource(metadata, 'City', {
    permissions: () => actions,
    taskManager: Shop,
    taskManagerArguments: ['Lisbon'],
    hooks: {
      async save({ record, data, tx, launch }) {
        await launch(mail, { to: `hook of ${record.id}` });
        await (tx as unknown as PrismaClient).city.update({
          where: { id: Number(record.id) },
          data,
        });
        return undefined;
      },
    },
  });
  const tags = defineResource(metadata, 'Tag', { taskManager: Quiet });
  const others = sample.resources.filter(({ model }) => model !== 'City' && model !== 'Tag');
  const admin: AdminDefinition = {
    ...sample,
    schedules: [],
    resources: [cities, tags, ...others],
    tasks: [mail, parent],
    taskHooks: [],
    taskManager: Shop,
    taskManagerArguments: ['everywhere'],
  };
  const app = await testApp(t, { admin });
  await insertPlaces(app.db, 30);
  const { context, connectionString, db } = app;
  return {
    ...app,
    Shop,
    Quiet,
    tasks: app.app.bulkhead.tasks,
    /** What was asked since the last time: whom, what, from where. */
    asked: () =>
      asked.splice(0).map(([shop, { name, resource }]) => `${shop}: ${name} ${resource}`),
    refuse: (name: string) => {
      refused = name;
    },
    metas: async () => {
      const { rows } = await db.pages.query(
        `select operation, meta from ${db.t.task} order by id desc`,
      );
      return rows.map(({ operation, meta }) => [operation, meta?.shop, meta?.given]);
    },
    async finish(id: number) {
      const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
      return finished(db, id).finally(() => worker.stop());
    },
  };
}

test('the manager of a resource is its own, else the admin’s; on behalf of somebody it is the same one', async (t) => {
  const { tasks, Shop, Quiet, app, signIn } = await setUp(t);
  const cities = tasks.for('cities');
  assert.ok(cities instanceof Shop && cities.shop === 'Lisbon');
  for (const one of [cities.as(ada), cities.as(ada).for('cities'), tasks.as(ada).for('cities')])
    assert.ok(one instanceof Shop && one.shop === 'Lisbon');
  assert.ok(tasks.for('tags') instanceof Quiet);
  const countries = tasks.for('cities').for('countries');
  assert.ok(countries instanceof Shop && countries.shop === 'everywhere');
  assert.throws(() => tasks.for('none'), { code: 'not-found', status: 404 });
  const { principal } = await signIn('viewer');
  assert.throws(() => tasks.as({ ...principal, roles: [] }).for('countries'), { status: 404 });
  const launched = await tasks.as(ada).for('cities').launch(mail, { to: 'x' });
  assert.deepEqual(launched.principal, { id: ada.id, name: 'Ada' });
  assert.equal(app.bulkhead.tasks, tasks);
});

test('what is launched from a resource asks its manager: operations, buttons, hooks, code; all else the admin’s', async (t) => {
  const { tasks, asked, metas, context, signIn, finish } = await setUp(t);
  const resource = context.registry.get('cities');
  const body = { field: 'notes', 'value.notes': 'x' };
  const options = { inBackground: true };
  const { task } = await launchOn(
    context,
    resource,
    { keys: [parseKey(resource.model, '1')] },
    'update',
    body,
    ada,
    options,
  );
  assert.deepEqual(asked(), ['Lisbon: update cities']);
  assert.deepEqual(await metas(), [['update', 'Lisbon', null]]);
  assert.equal((await finish(task.id)).state, 'succeeded');
  assert.deepEqual(asked(), ['Lisbon: mail cities'], 'its hook');

  const editor = await signIn('editor');
  assert.equal((await editor.post('/tasks/new/mail?_record=2')).statusCode, 303);
  assert.deepEqual(asked(), ['Lisbon: mail cities']);
  const notes = resource.fields.find(({ name }) => name === 'notes');
  const saving = saveContextOf(context, resource, ada);
  await updateRecord(saving, parseKey(resource.model, '3'), () => new Map([[notes as never, 'y']]));
  assert.deepEqual(asked(), ['Lisbon: mail cities']);

  await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    keys: [4],
    parameters: { notes: 'z' },
  });
  assert.deepEqual(asked(), ['Lisbon: update cities']);
  const inline = { resource: 'cities', operation: 'update', keys: [5], inline: true } as const;
  await tasks.launchOn({ ...inline, parameters: { notes: 'z' } });
  assert.deepEqual(asked(), ['Lisbon: update cities', 'Lisbon: mail cities']);
  await tasks
    .for('cities')
    .as(ada)
    .launchMany(mail, [{ to: 'a' }, { to: 'b' }], { meta: 7 });
  assert.deepEqual(asked(), ['Lisbon: mail cities', 'Lisbon: mail cities']);
  assert.deepEqual((await metas())[0], ['mail', 'Lisbon', 7]);
  await tasks.undo(task.id);
  assert.deepEqual(asked(), ['Lisbon: undo cities']);

  await tasks.for('tags').launch(mail, { to: 'quiet' });
  assert.deepEqual(asked(), []);
  await tasks.for('countries').launch(mail, { to: 'c' });
  assert.deepEqual(asked(), ['everywhere: mail countries']);
  const { id } = await tasks.launch(parent, {});
  await finish(id);
  // The worker was at what waited of cities, too.
  const ofAll = asked().filter((line) => line.startsWith('everywhere'));
  assert.deepEqual(ofAll, ['everywhere: parent null', 'everywhere: mail null']);
});

test('what a manager refuses is launched by nobody, and what it keeps is plain JSON', async (t) => {
  const { tasks, refuse, metas, context, signIn, db } = await setUp(t);
  const resource = context.registry.get('cities');
  refuse('update');
  const closed = { code: 'closed', status: 409, message: 'Lisbon is closed.' };
  const body = { field: 'notes', 'value.notes': 'x' };
  await assert.rejects(
    launchOn(context, resource, { keys: [parseKey(resource.model, '1')] }, 'update', body),
    closed,
  );
  await assert.rejects(
    tasks.launchOn({
      resource: 'cities',
      operation: 'update',
      keys: [1],
      parameters: { notes: 'x' },
    }),
    closed,
  );
  refuse('mail');
  const editor = await signIn('editor');
  const pressed = await editor.post(
    '/tasks/new/mail?_record=2',
    {},
    { accept: 'application/json' },
  );
  assert.deepEqual([pressed.statusCode, pressed.json().error], [409, 'closed']);
  await assert.rejects(tasks.launch(mail, { to: 'x' }), { message: 'everywhere is closed.' });
  const odd = tasks.for('cities').launch(parent, {}, { meta: 'odd' });
  await assert.rejects(odd, /onLaunch of Shop: meta\.at/);
  assert.deepEqual(await metas(), []);
  const { rows } = await db.pages.query('select from gazetteer.city where notes is not null');
  assert.equal(rows.length, 0);
});

test('a manager of a resource that is none refuses the start in a sentence', () => {
  class Other {}
  const start = (options: object) =>
    checkAdmin({
      ...sample,
      schedules: [],
      resources: [defineResource(metadata, 'City', options)],
    });
  assert.throws(
    () => start({ taskManager: Other }),
    /Resource City, taskManager: must be a class that extends TaskManager\./,
  );
  assert.throws(
    () => start({ taskManager: 'Shop' }),
    /Resource City, taskManager: must be a class/,
  );
  start({ taskManager: class extends TaskManager {} });
});

test('no manager is asked for what is sent again', async (t) => {
  let count = 0;
  class Counting extends TaskManager {
    override onLaunch({ meta }: { meta: unknown }) {
      if (count++ > 0) throw new AppError('closed', 409, 'closed');
      return { meta };
    }
  }
  const noting = defineTask({ name: 'noting', params: z.object({}), run: () => undefined });
  const { app } = await testApp(t, {
    admin: { ...sample, schedules: [], taskHooks: [], tasks: [noting], taskManager: Counting },
  });
  const { tasks } = app.bulkhead;
  const operationId = '00000000-0000-4000-8000-000000000901';
  const first = await tasks.launch(noting, {}, { operationId });
  assert.equal((await tasks.launch(noting, {}, { operationId })).id, first.id);
  assert.equal(count, 1);
});
