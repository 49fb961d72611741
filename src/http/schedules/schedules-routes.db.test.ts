import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineSchedule } from '../../task-definitions/define-schedule.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { beginRuns } from '../../tasks/schedules/begin-runs.ts';
import { testApp } from '../../testing/app.ts';

const noting = defineTask({
  name: 'noting',
  params: z.object({ text: z.string() }),
  run: () => undefined,
});
const yearly = defineSchedule({
  name: 'yearly-note',
  cron: '0 0 1 1 *',
  timeZone: 'Asia/Tokyo',
  task: noting,
  params: { text: 'a year' },
});
const admin = { ...sample, taskHooks: [], tasks: [noting], schedules: [yearly] };

test('schedules are seen, run, paused and resumed on a page of their own', async (t) => {
  const app = await testApp(t, { admin });
  const visitor = await app.signIn('admin');
  const show = async () => (await visitor.get('/tasks/schedules')).body;
  assert.match((await visitor.get('/tasks')).body, /href="[^"]*\/tasks\/schedules"/);
  assert.match(
    await show(),
    /yearly-note[\s\S]+0 0 1 1 \* · Asia\/Tokyo[\s\S]+No worker has seen it yet/,
  );

  const run = await visitor.post('/tasks/schedules/yearly-note/run', {});
  assert.deepEqual([run.statusCode, run.headers.location], [303, '/tasks/schedules']);
  assert.match(
    await show(),
    /yearly-note is about to run[\s\S]+31 Dec 2026[\s\S]+About to begin[\s\S]+by /,
  );
  const twice = await visitor.post('/tasks/schedules/yearly-note/run', {});
  assert.equal(twice.statusCode, 409);
  await beginRuns(app.context, app.db.background);
  assert.match(await show(), /Queued[\s\S]+href="\/tasks\/1"/);

  await visitor.post('/tasks/schedules/yearly-note/pause', {});
  assert.match(await show(), new RegExp(`Resume[\\s\\S]+Paused by ${visitor.principal.name}`));
  const resumed = await visitor.post(
    '/tasks/schedules/yearly-note/resumption',
    {},
    { accept: 'application/json' },
  );
  const { schedule } = resumed.json();
  assert.equal(schedule.isPaused, false);
  assert.match(schedule.nextAt, /-12-31T15:00:00/);
  const listed = await visitor.get('/tasks/schedules', { accept: 'application/json' });
  assert.deepEqual(listed.json().schedules, [schedule]);
});

for (const role of ['viewer', 'editor'] as const)
  test(`schedules are not for a ${role}`, async (t) => {
    const app = await testApp(t, { admin });
    const visitor = await app.signIn(role);
    assert.equal((await visitor.get('/tasks/schedules')).statusCode, 404);
    for (const act of ['run', 'pause', 'resumption'])
      assert.equal((await visitor.post(`/tasks/schedules/yearly-note/${act}`, {})).statusCode, 404);
    assert.doesNotMatch((await visitor.get('/tasks')).body, /schedules/);
  });

test('there are no schedules to see where the code has none', async (t) => {
  const app = await testApp(t, { admin: { ...admin, schedules: [] } });
  const visitor = await app.signIn('admin');
  assert.doesNotMatch((await visitor.get('/tasks')).body, /schedules/);
  assert.match((await visitor.get('/tasks/schedules')).body, /There is no schedule/);
});

test('where nothing runs in the background the page says that no schedule does', async (t) => {
  const app = await testApp(t, { env: { BULKHEAD_BACKGROUND: 'false' } });
  const ada = await app.signIn('admin');
  const { body } = await ada.get('/tasks/schedules');
  assert.match(body, /None of them runs: nothing does in the background here/);
  assert.doesNotMatch(body, /Run now/);
});
