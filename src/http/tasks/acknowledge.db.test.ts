import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const json = { accept: 'application/json' };

async function setUp(
  t: Parameters<typeof testApp>[0],
): Promise<TestApp & { admin: Visitor; editor: Visitor; failed: number; queued: number }> {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  const failed = await launchAs(editor, 20);
  await app.db.pages.query(
    `update ${app.db.t.task} set state = 'failed', reason = 'error', started_at = now(), finished_at = now() where id = $1`,
    [failed],
  );
  return { ...app, admin, editor, failed, queued: await launchAs(editor, 20, { from: 31 }) };
}

const idsOn = (body: string) =>
  [...body.matchAll(/<tr[^>]* id="task-(\d+)"/g)].map(([, id]) => Number(id));

test('somebody says that they have seen to a task that failed: its page and the list name them, and who was first stays', async (t) => {
  const { admin, editor, failed } = await setUp(t);
  const path = `/tasks/${failed}/acknowledgement`;
  assert.match((await admin.get(`/tasks/${failed}`)).body, new RegExp(`action="${path}"`));
  const answer = await admin.post(path);
  assert.deepEqual([answer.statusCode, answer.headers.location], [303, `/tasks/${failed}`]);
  const { acknowledged } = (await editor.post(path, {}, json)).json();
  assert.equal(acknowledged.by, 'Admin');
  assert.ok(Date.now() - Date.parse(acknowledged.at) < 60_000);
  const { body } = await editor.get(`/tasks/${failed}`);
  assert.match(body, /Admin has seen to it, /);
  assert.doesNotMatch(body, new RegExp(`action="${path}"`));
  assert.match((await editor.get('/tasks')).body, /Seen to by Admin/);
});

test('the list leaves out what has been seen to, or shows that alone', async (t) => {
  const { admin, failed, queued } = await setUp(t);
  const found = async (query: string) => idsOn((await admin.get(`/tasks?${query}`)).body);
  assert.deepEqual(await found('state=failed&acknowledged=no'), [failed]);
  await admin.post(`/tasks/${failed}/acknowledgement`);
  assert.deepEqual(await found('acknowledged=no'), [queued]);
  assert.deepEqual(await found('acknowledged=yes'), [failed]);
  assert.deepEqual(await found('state=failed&acknowledged=no'), []);
  assert.equal((await admin.get('/tasks?acknowledged=perhaps')).statusCode, 422);
});

test('it is taken back, and nobody has seen to it', async (t) => {
  const { admin, editor, failed } = await setUp(t);
  const path = `/tasks/${failed}/acknowledgement`;
  await admin.post(path);
  assert.match(
    (await editor.get(`/tasks/${failed}`)).body,
    new RegExp(`action="${path}/withdrawal"`),
  );
  assert.equal((await editor.post(`${path}/withdrawal`)).statusCode, 303);
  assert.equal((await editor.get(`/tasks/${failed}`, json)).json().acknowledged, null);
  assert.match((await editor.get(`/tasks/${failed}`)).body, new RegExp(`action="${path}"`));
});

test('of a task that has not failed there is nothing to see to, and somebody else’s is not found', async (t) => {
  const { admin, editor, signIn, failed, queued } = await setUp(t);
  const { statusCode, body } = await editor.post(`/tasks/${queued}/acknowledgement`, {}, json);
  assert.deepEqual([statusCode, JSON.parse(body).error], [409, 'not-failed']);
  assert.doesNotMatch((await editor.get(`/tasks/${queued}`)).body, /\/acknowledgement"/);
  const viewer = await signIn('viewer');
  await admin.post(`/tasks/${failed}/acknowledgement`);
  for (const path of ['acknowledgement', 'acknowledgement/withdrawal'])
    assert.equal((await viewer.post(`/tasks/${failed}/${path}`)).statusCode, 404, path);
  assert.equal((await admin.get(`/tasks/${failed}`, json)).json().acknowledged.by, 'Admin');
});
