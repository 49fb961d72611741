import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { defineAdmin, defineResource, defineTask } from '../../index.ts';
import { drain } from '../../tasks/worker/drain.ts';
import { testApp, type Visitor } from '../../testing/app.ts';
import { insertPlaces } from '../../testing/places.ts';

const mayEdit = ({ roles }: Principal) => !roles.includes('viewer');
const json = { accept: 'application/json' };
const runAgain =
  /action="([^"]+\/again)"[\s\S]*?name="_op" value="([^"]+)"[\s\S]*?Run it all the same/;
const shown = /Until [^<]* whoever starts the same is shown this result instead/;

async function setUp(t: TestContext) {
  let runs = 0;
  let isHidden = false;
  const cities = defineResource(metadata, 'City', {
    scope: () => (isHidden ? { id: { lt: 0 } } : {}),
  });
  const measure = defineTask({
    name: 'measure',
    params: z.object({ city: z.string() }),
    resultReuseMs: 3_600_000,
    launchable: {
      on: 'record',
      resource: 'cities',
      allowed: mayEdit,
      params: ({ key }) => ({ city: key }),
    },
    run: () => ++runs,
  });
  const once = defineTask({
    name: 'once',
    params: z.object({}),
    launchable: { allowed: mayEdit },
    run: () => null,
  });
  const resources = [cities, ...sample.resources.filter(({ model }) => model !== 'City')];
  const tasks = [measure, once];
  const admin = defineAdmin({ ...sample, schedules: [], taskHooks: [], resources, tasks });
  const app = await testApp(t, { admin, env: { BULKHEAD_MAX_QUEUED: '1' } });
  await insertPlaces(app.db, 3);
  const [editor, viewer] = [await app.signIn('editor'), await app.signIn('viewer')];
  const press = async (visitor: Visitor, headers = {}) =>
    visitor.post('/tasks/new/measure?_record=2', { _op: randomUUID() }, headers);
  const run = () => drain(app.context, app.connectionString, 30_000);
  return { ...app, editor, viewer, press, run, counted: () => runs, hide: () => (isHidden = true) };
}

const idOf = (location: unknown) => Number(/\/tasks\/(\d+)$/.exec(String(location))?.[1]);

test('who starts what was done a while ago is shown its result, until when that will do, and a way to run it all the same', async (t) => {
  const { db, editor, viewer, press, run, counted } = await setUp(t);
  const first = idOf((await press(editor)).headers.location);
  await run();
  const reused = await press(editor);
  assert.deepEqual([reused.statusCode, idOf(reused.headers.location)], [303, first]);
  const page = await editor.get(`/tasks/${first}`);
  assert.match(page.body, /The same was done a while ago, and what it gave is still good/);
  assert.match(page.body, shown);
  const { outcome, taskId } = (await press(editor, json)).json();
  assert.deepEqual(
    { outcome, taskId, runs: counted() },
    { outcome: 'reused', taskId: first, runs: 1 },
  );
  const [, path = '', _op = ''] = runAgain.exec(page.body) ?? [];

  const again = await editor.post(path, { _op });
  const second = idOf(again.headers.location);
  assert.equal(again.statusCode, 303);
  assert.ok(second > first);
  const sent = await editor.post(path, { _op });
  assert.equal(idOf(sent.headers.location), second, 'the same form is one task');
  assert.match((await editor.get(`/tasks/${second}`)).body, /already been sent/);
  const full = await editor.post(path, { _op: randomUUID() }, json);
  assert.deepEqual([full.statusCode, full.json().error], [409, 'queue-full']);
  await run();
  assert.equal(counted(), 2);
  const { rows: about } = await db.pages.query(
    `select key from ${db.t.task_about} where task_id = $1`,
    [second],
  );
  assert.deepEqual(about, [{ key: '2'.padStart(20, '0') }], 'it is about the same record');
  const former = (await editor.get(`/tasks/${first}`)).body;
  assert.doesNotMatch(former, shown, 'it is not this one any more');
  const third = idOf((await press(editor)).headers.location);
  assert.equal(third, second, 'from then on it is the later result');

  // The viewer sees what is about a record that they see, and may start nothing.
  const seen = await viewer.get(`/tasks/${second}`);
  assert.doesNotMatch(seen.body, runAgain);
  const refused = await viewer.post(path, { _op: randomUUID() }, json);
  assert.ok([404, 409].includes(refused.statusCode), refused.body);
});

test('what is not used again is not run again by that form', async (t) => {
  const { db, editor, press, run, counted } = await setUp(t);
  const plain = idOf(
    (await editor.post('/tasks/new/once', { _op: randomUUID() })).headers.location,
  );
  await run();
  const old = idOf((await press(editor)).headers.location);
  await run();
  await db.pages.query(
    `update ${db.t.task} set finished_at = finished_at - interval '2 hours' where id = $1`,
    [old],
  );
  for (const id of [plain, old]) {
    const { body } = await editor.get(`/tasks/${id}`);
    assert.doesNotMatch(body, runAgain);
    assert.doesNotMatch(body, shown);
  }
  const answer = await editor.post(`/tasks/${plain}/again`, { _op: randomUUID() }, json);
  assert.deepEqual([answer.statusCode, answer.json().error], [409, 'nothing-to-retry']);
  const odd = await editor.post(`/tasks/${old}/again`, { _op: 'x' }, json);
  assert.deepEqual([odd.statusCode, odd.json().error], [409, 'preview-gone']);
  assert.equal(counted(), 1);
  const late = await editor.post(`/tasks/${old}/again`, { _op: randomUUID() });
  assert.notEqual(idOf(late.headers.location), old, 'pressed a moment late it runs');
});

test('what is about a record out of reach is not run again', async (t) => {
  const { editor, press, run, counted, hide } = await setUp(t);
  const id = idOf((await press(editor)).headers.location);
  await run();
  hide();
  for (const answer of [
    await press(editor, json),
    await editor.post(`/tasks/${id}/again`, { _op: randomUUID() }, json),
  ])
    assert.equal(answer.statusCode, 404, answer.body);
  assert.equal(counted(), 1);
});
