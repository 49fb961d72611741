import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from './admin.ts';
import { defineCallback, defineChannel } from './channels/define-channel.ts';
import { createTestTasks } from './create-test-tasks.ts';
import { defineTask } from './task-definitions/define-task.ts';
import type { TaskHook } from './task-definitions/task-hooks.ts';
import { TaskRetryLater } from './task-definitions/task-run.ts';
import { testDatabase } from './testing/database.ts';
import { insertPlaces } from './testing/places.ts';

const params = z.object({ way: z.string() });
const dayMs = 86_400_000;
let attempts = 0;

const part = defineTask({ name: 'part', params, run: ({ way }) => way });
const whole = defineTask({
  name: 'whole',
  params,
  backoff: { firstMs: dayMs, maxMs: dayMs },
  async run({ way }, task) {
    if (way === 'parts') return task.all([await task.launch('part', part, { way })]);
    if (way === 'sleep') await task.sleep('a week', 7 * dayMs);
    if (way === 'fail' && task.attempt === 1) throw new Error('not yet');
    if (way === 'later' && ++attempts === 1) throw new TaskRetryLater({ afterMs: dayMs });
    if (way === 'hang')
      await new Promise((resolve) => task.signal.addEventListener('abort', resolve));
    return way;
  },
});
const rare = defineTask({ name: 'rare', params, rate: { max: 1, perMs: dayMs }, run: () => null });
const brief = defineTask({ name: 'brief', params, resultReuseMs: dayMs, run: () => null });

async function setUp(t: Parameters<typeof testDatabase>[0], ...taskHooks: TaskHook[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const admin = { ...sample, schedules: [], tasks: [part, whole, rare, brief], taskHooks };
  const testTasks = await createTestTasks({ admin, databaseUrl: connectionString });
  defer(() => testTasks.close());
  const idsOf = async () => (await testTasks.drain()).map(({ id }) => id);
  return { db, ...testTasks, idsOf };
}

test('all that is due is run with what it launches and what hooks do, and nothing else', async (t) => {
  const heard: string[] = [];
  const hears: TaskHook = {
    name: 'heard',
    on: ['task:created', 'task:succeeded'],
    run: ({ name, task }) => void heard.push(`${name} ${task.title}`),
  };
  const { db, tasks, drain, idsOf } = await setUp(t, hears);
  assert.deepEqual(await idsOf(), []);
  const parent = await tasks.launch(whole, { way: 'parts' });
  await tasks.launch(whole, { way: 'later' }, { delayMs: 60_000 });
  await insertPlaces(db, 30);
  const bulk = await tasks.launchOn({
    resource: 'cities',
    operation: 'update',
    where: { status: { not: 'archived' } },
    parameters: { status: 'archived' },
  });
  const ran = await drain();
  assert.deepEqual(
    ran.map(({ name, state }) => [name, state]),
    [
      ['whole', 'succeeded'],
      ['update', 'succeeded'],
      ['part', 'succeeded'],
    ],
  );
  assert.deepEqual([ran[0]?.id, ran[0]?.result, ran[1]?.id], [parent.id, ['parts'], bulk.id]);
  assert.deepEqual(heard.filter((one) => one.startsWith('task:succeeded')).length, 3, heard.join());
  assert.deepEqual(await idsOf(), [], 'what was run is run once');
  const back = await tasks.undo(bulk.id);
  await db.pages.query(`update ${db.t.task_event} set is_fanned = true`);
  assert.deepEqual(await idsOf(), [back.id], 'bulk work alone is reason enough');
});

test('time that passes brings what is scheduled, sleeps, is tried again, is rare or expires', async (t) => {
  attempts = 0;
  const { tasks, advance, drain, idsOf } = await setUp(t);
  const launch = async (way: string, options = {}) =>
    (await tasks.launch(whole, { way }, options)).id;
  const stateOf = async (id: number) => (await tasks.get(id)).state;
  const sleeping = await launch('sleep');
  const failing = await launch('fail');
  const later = await launch('later');
  const rares = [await tasks.launch(rare, { way: '' }), await tasks.launch(rare, { way: '' })];
  const scheduled = await launch('', { delayMs: 2 * dayMs });
  const expiring = await launch('', {
    delayMs: 3 * dayMs,
    expiresAt: new Date(Date.now() + dayMs / 2),
  });
  const reused = await tasks.launch(brief, { way: '' });
  await drain();
  assert.deepEqual(
    await Promise.all([sleeping, failing, later, scheduled, expiring].map(stateOf)),
    ['queued', 'queued', 'queued', 'scheduled', 'scheduled'],
  );
  assert.equal((await tasks.launch(brief, { way: '' })).id, reused.id);
  await advance(2 * dayMs);
  const ids = await idsOf();
  assert.deepEqual(ids.toSorted(), [failing, later, rares[1]?.id, scheduled].toSorted());
  assert.equal(await stateOf(expiring), 'cancelled');
  assert.equal(await stateOf(sleeping), 'queued');
  assert.notEqual((await tasks.launch(brief, { way: '' })).id, reused.id);
  await advance(5 * dayMs);
  assert.equal((await idsOf())[0], sleeping);
  assert.equal(await stateOf(sleeping), 'succeeded');
  await assert.rejects(advance(-1), TypeError);
});

test('a hook that threw is told again when its time has come', async (t) => {
  let calls = 0;
  const { tasks, advance, drain } = await setUp(t, {
    name: 'broken',
    on: 'task:succeeded',
    run: () => {
      if (++calls === 1) throw new Error('not yet');
    },
  });
  await tasks.launch(part, { way: '' });
  await drain();
  assert.equal(calls, 1);
  await advance(60_000);
  await drain();
  assert.equal(calls, 2);
});

test('what does not end is named when the time is over', async (t) => {
  const { tasks, drain } = await setUp(t);
  const { id } = await tasks.launch(whole, { way: 'hang' });
  await assert.rejects(
    drain({ timeoutMs: 4_000 }),
    new RegExp(`drain: after 4000 ms there is left task ${id} \\(whole\\), running`),
  );
  assert.equal((await tasks.get(id)).isFinished, true, 'it heeded the end of its worker');
});

test('what channels gather is sent once its time has passed, and a drain waits for what is due', async (t) => {
  const heard: number[] = [];
  const { db, connectionString, defer } = await testDatabase(t);
  const gatherer = defineChannel({
    name: 'gatherer',
    reaches: 'addresses',
    gatherMs: dayMs,
    send: ({ notices }) => void heard.push(notices.length),
  });
  const ledger = defineCallback('ledger', () => void heard.push(0));
  const { tasks, drain, advance, close } = await createTestTasks({
    admin: {
      ...sample,
      schedules: [],
      taskHooks: [],
      tasks: [part],
      channels: [gatherer, ledger],
      notify: [{ by: 'gatherer', to: { address: 'ops@example.test' } }, 'ledger'],
    },
    databaseUrl: connectionString,
  });
  defer(close);
  for (const way of ['one', 'other']) await tasks.launch(part, { way });
  await drain();
  assert.deepEqual(heard, [0, 0]);
  await advance(dayMs);
  await drain();
  assert.deepEqual(heard, [0, 0, 2]);
  assert.equal(
    (await db.pages.query(`select from ${db.t.notice} where state = 'sent'`)).rowCount,
    4,
  );
});
