import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { testApp } from '../../testing/app.ts';

const counting = defineTask({ name: 'counting', params: z.object({}), run: () => null });

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t, {
    admin: { ...sample, schedules: [], taskHooks: [], tasks: [counting] },
  });
  const { tasks } = app.app.bulkhead;
  const { id } = await tasks.launch(counting, {}, { startAt: new Date('2030-01-31T12:30Z') });
  const dueAt = async () => {
    const { rows } = await app.db.pages.query<{ dueAt: Date; state: string }>(
      `select due_at as "dueAt", state from ${app.db.t.task} where id = $1`,
      [id],
    );
    return [rows[0]?.state, rows[0]?.dueAt.toISOString().slice(0, 19)];
  };
  return { ...app, id, dueAt, tasks, admin: await app.signIn('admin') };
}

test('a task that waits for its time is given another one on its page, in the reader’s time zone', async (t) => {
  const { admin, id, dueAt } = await setUp(t);
  const inBerlin = { cookie: `${admin.cookie}; bulkhead_time_zone=Europe%2FBerlin` };
  const page = (await admin.get(`/tasks/${id}`, inBerlin)).body;
  assert.match(page, /type="datetime-local" name="at" value="2030-01-31T13:30"/);
  assert.match(page, /In Europe\/Berlin\./);
  assert.doesNotMatch(page, /http-equiv="refresh"/);
  const answer = await admin.post(`/tasks/${id}/time`, {
    at: '2030-02-01T08:00',
    _zone: 'Europe/Berlin',
  });
  assert.deepEqual([answer.statusCode, answer.headers.location], [303, `/tasks/${id}`]);
  assert.deepEqual(await dueAt(), ['scheduled', '2030-02-01T07:00:00']);
});

test('what is no time comes back with the form, and changes nothing', async (t) => {
  const { admin, id, dueAt } = await setUp(t);
  const answer = await admin.post(`/tasks/${id}/time`, { at: 'tomorrow' });
  assert.equal(answer.statusCode, 422);
  assert.match(answer.body, /name="at" value="tomorrow"[^>]*aria-invalid="true"/);
  assert.match(answer.body, /Nothing was changed\./);
  const json = await admin.post(`/tasks/${id}/time`, { at: '' }, { accept: 'application/json' });
  assert.deepEqual([json.statusCode, json.json().error], [422, 'invalid-time']);
  assert.deepEqual(await dueAt(), ['scheduled', '2030-01-31T12:30:00']);
});

test('a task that waits for no time has no such form, and is left as it is', async (t) => {
  const { admin, id, tasks, dueAt } = await setUp(t);
  await tasks.as(systemPrincipal('test')).cancel(id);
  assert.doesNotMatch((await admin.get(`/tasks/${id}`)).body, /datetime-local/);
  for (const at of ['2030-02-01T08:00', 'tomorrow'])
    assert.equal((await admin.post(`/tasks/${id}/time`, { at })).statusCode, 409, at);
  assert.deepEqual(await dueAt(), ['cancelled', '2030-01-31T12:30:00']);
});

test('somebody else’s task is not theirs to move', async (t) => {
  const { signIn, id, dueAt } = await setUp(t);
  const viewer = await signIn('viewer');
  const answer = await viewer.post(`/tasks/${id}/time`, { at: '2030-02-01T08:00' });
  assert.equal(answer.statusCode, 404);
  assert.deepEqual(await dueAt(), ['scheduled', '2030-01-31T12:30:00']);
});
