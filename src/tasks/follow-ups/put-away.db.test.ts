import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { PrismaClient } from '../../../generated/sample/client.ts';
import { type City, metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError, defineOperation, defineResource, type ResourceOptions } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { formOf } from '../../testing/html-form.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';
import { listFailures } from '../looking/queries.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';
import { undo } from './undo.ts';

type Options = ResourceOptions<City>;

const archiving: Options = {
  permissions: () => [...actions],
  scope: ({ roles }) =>
    roles.includes('admin') ? {} : { status: { not: 'archived' }, countryCode: 'ESP' },
  // Whoever puts records away need not see the mark.
  fields: { status: { hidden: true } },
  hooks: {
    async delete({ record, tx }) {
      if (record.population === 3) throw new AppError('kept', 422, 'The third place stays.');
      if (record.population === 5) throw new Error('a fault');
      const { city } = tx as unknown as PrismaClient;
      await city.update({ where: { id: record.id }, data: { status: 'archived' } });
    },
  },
  operations: [
    defineOperation(metadata, 'City', {
      name: 'drop',
      label: 'Drop',
      icon: 'archive',
      deletes: true,
    }),
  ],
};

const adminWith = (city: Options) => ({
  ...sample,
  schedules: [],
  taskHooks: [],
  notify: 'none' as const,
  resources: [
    defineResource(metadata, 'City', city),
    ...sample.resources.filter(({ model }) => model !== 'City'),
  ],
});

async function setUp(t: TestContext, city: Options = archiving) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 12);
  const context = testContext(db, {}, { minAsyncRecords: 1, chunkSize: 4 }, adminWith(city));
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const launch = async (operation: string) => {
    const cities = context.registry.for(eve, 'cities');
    const { task } = await launchOn(
      context,
      cities,
      { kind: 'matching' },
      operation,
      { acknowledge: 'yes' },
      eve,
    );
    return finished(db, task.id);
  };
  const undone = async (task: TaskRow, chosen: string[] | null = null) => {
    const asked = { operationId: randomUUID(), chosen };
    return finished(db, (await undo(context, eve, task.id, asked)).task.id);
  };
  const archived = async () => {
    const { rows } = await db.pages.query<{ at: number }>(
      `select population::int as at from gazetteer.city where status = 'archived' order by 1`,
    );
    return rows.map(({ at }) => at);
  };
  return { db, context, launch, undone, archived };
}

const all = [1, 2, 4, 6, 7, 8, 9, 10, 11, 12];

for (const operation of ['delete', 'drop']) {
  test(`${operation} lets the hook put records away, and what it refuses stays alone`, async (t) => {
    const { db, launch, undone, archived } = await setUp(t);
    const task = await launch(operation);
    assert.deepEqual([task.state, task.changed, task.failed], ['partial', 10, 2]);
    assert.deepEqual(await archived(), all);
    const failures = await listFailures(db, task.id);
    assert.match(JSON.stringify(failures), /The third place stays\./);
    assert.match(JSON.stringify(failures), /The delete rule of cities failed/);

    const back = await undone(task);
    assert.deepEqual([back.state, back.changed], ['succeeded', 10]);
    assert.deepEqual(await archived(), []);
    const again = await undone(back);
    assert.deepEqual([again.state, again.changed], ['succeeded', 10]);
    assert.deepEqual(await archived(), all);
    const one = await undone(again, ['7'.padStart(20, '0')]);
    assert.deepEqual([one.state, one.changed], ['succeeded', 1]);
    assert.deepEqual(
      await archived(),
      all.filter((at) => at !== 7),
    );
  });
}

test('an undo brings no record back that is outside the row scope of who undoes, or changed since', async (t) => {
  const { db, launch, undone, archived } = await setUp(t);
  const task = await launch('delete');
  await db.pages.query(
    `update gazetteer.city set country_code = 'FRA' where population = 1;
     update gazetteer.city set status = 'draft' where population = 2;
     delete from gazetteer.city where population = 4`,
  );
  const back = await undone(task);
  assert.equal(back.changed, 7);
  assert.deepEqual(await archived(), [1]);
  const { rows } = await db.pages.query(
    'select status, country_code from gazetteer.city where population = 1',
  );
  assert.deepEqual(rows, [{ status: 'archived', country_code: 'FRA' }]);
});

test('a hook that deletes the record is refused, and one that writes nothing changes nothing', async (t) => {
  const { db, launch } = await setUp(t, {
    permissions: () => [...actions],
    hooks: {
      async delete({ record, tx }) {
        const { city } = tx as unknown as PrismaClient;
        if (record.population < 3) await city.delete({ where: { id: record.id } });
      },
    },
  });
  const task = await launch('delete');
  assert.deepEqual([task.state, task.changed, task.unchanged, task.failed], ['failed', 0, 10, 2]);
  assert.match(JSON.stringify(await listFailures(db, task.id)), /is to put it away/);
  const { rows } = await db.pages.query('select count(*)::int as count from gazetteer.city');
  assert.deepEqual(rows, [{ count: 12 }]);
});

test('beforeDelete and afterDelete stand around it, in that order, for each record', async (t) => {
  const calls: string[] = [];
  const { launch } = await setUp(t, {
    permissions: () => [...actions],
    scope: () => ({ population: { lte: 2 } }),
    hooks: {
      beforeDelete: ({ record }) => void calls.push(`before ${record.population}`),
      delete: ({ record }) => void calls.push(`delete ${record.population}`),
      afterDelete: ({ record }) => void calls.push(`after ${record.population}`),
    },
  });
  await launch('delete');
  assert.deepEqual(calls, ['before 1', 'delete 1', 'after 1', 'before 2', 'delete 2', 'after 2']);
});

test('pages say that records are put away, one and many, and lead to the undo', async (t) => {
  const site = await testApp(t, { content: 'empty', admin: adminWith(archiving) });
  const { signIn, db } = site;
  const workedOff = async ({ headers }: { headers: Record<string, unknown> }) =>
    (await workOff(site, Number(/\d+$/.exec(String(headers.location))?.[0]))).changed;
  await insertPlaces(db, 12);
  const editor = await signIn('editor');
  assert.match((await editor.get('/cities/1')).body, /Put away…/);
  const page = (await editor.get('/cities/1/delete')).body;
  assert.match(
    page,
    /Put Place 1 away\?[\s\S]*is put away, and not deleted\.[\s\S]*Can be undone for/,
  );
  assert.doesNotMatch(page, /removed from the database|Cannot be undone|>Delete</);
  const refused = await editor.post('/cities/3/delete');
  assert.equal(refused.statusCode, 422);
  assert.match(refused.body, /The third place stays\./);
  const { statusCode } = await editor.post('/cities/1/delete');
  assert.equal(statusCode, 303);
  const list = (await editor.get('/cities')).body;
  const [, undoUrl = ''] = /Place 1 was put away\.[\s\S]*?href="([^"]+\/undo)"/.exec(list) ?? [];
  assert.doesNotMatch(list, /Place 1<\/a>/);
  assert.equal((await editor.get('/cities/1')).statusCode, 404);
  const form = (await editor.get(undoUrl)).body;
  const [, op = ''] = /name="_op" value="([^"]+)"/.exec(form) ?? [];
  assert.equal(await workedOff(await editor.post(undoUrl, { _op: op })), 1);

  await editor.post('/cities/2/delete');
  const away = (await editor.get('/cities/deleted')).body;
  assert.match(away, /<h1[^>]*>Cities put away<\/h1>/);
  assert.doesNotMatch(away, /Place 1</);
  const [, action = '', fields = ''] =
    /Place 2<[\s\S]*?action="(\/tasks\/\d+\/undo)"([\s\S]*?)<\/form>/.exec(away) ?? [];
  const sent = Object.fromEntries(
    [...fields.matchAll(/name="(\w+)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  assert.equal(await workedOff(await editor.post(action, sent)), 1);
  assert.equal((await editor.get('/cities/2')).statusCode, 200);
  const admin = await signIn('admin');
  await admin.post('/cities/9/delete');
  // Who put it away knows it; another who does not see it does not.
  assert.doesNotMatch((await editor.get('/cities/deleted')).body, /Place 9/);
  assert.match((await admin.get('/cities/9/history')).body, /\/undo"/);

  const path = `/cities/bulk-delete?_s=${await selectAs(editor, 3, 6)}`;
  const dialog = (await editor.get(path, htmx)).body;
  assert.match(
    dialog,
    /Put 3 cities away[\s\S]*They are put away, and not deleted\.[\s\S]*Can be undone/,
  );
  const asked = { _op: await openAs(editor, path), _do: 'preview' };
  const preview = await editor.post(path, asked, htmx);
  const shown = await editor.get(
    String(preview.headers['hx-redirect'] ?? preview.headers.location),
  );
  assert.match(shown.body, /Will be put away/);
  assert.doesNotMatch(shown.body, /Will be deleted|Deleted along/);
});

test('who put a record away reads what it was called then, and nothing that others have made of it since', async (t) => {
  const { signIn, db } = await testApp(t, { content: 'empty', admin: adminWith(archiving) });
  await insertPlaces(db, 4);
  const [editor, admin] = [await signIn('editor'), await signIn('admin')];
  const namesAway = async () => {
    const { body } = await editor.get('/cities/deleted');
    return [...new Set([...body.matchAll(/(?:Place|Moved) \d/g)].map(String))].sort();
  };
  for (const id of [1, 2, 4]) await editor.post(`/cities/${id}/delete`);
  // What an answer leaves to be said is said once.
  await editor.get('/cities');
  assert.deepEqual(await namesAway(), ['Place 1', 'Place 2', 'Place 4']);
  for (const [id, values] of [
    [2, { name: 'Moved 2', country: 'FRA', notes: 'x' }],
    [4, { notes: 'Moved 4' }],
  ] as const) {
    const page = (await admin.get(`/cities/${id}/edit`)).body;
    const saved = await admin.post(`/cities/${id}/edit`, {
      ...formOf(page, 'record-form'),
      ...values,
    });
    assert.equal(saved.statusCode, 303, saved.body);
  }
  assert.deepEqual(await namesAway(), ['Place 1', 'Place 2', 'Place 4']);
  assert.match((await admin.get('/cities/2')).body, /Moved 2/);
});
