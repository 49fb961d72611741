import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { taskManagerOf } from '../create-task-manager.ts';
import { defineSchedule, defineTask } from '../index.ts';
import { keyOf } from '../metadata/keys.ts';
import { ada, finished, launchOn } from '../testing/context.ts';
import { faxMachine } from '../testing/fax-machine.ts';
import { type Installation, install } from '../testing/setting-levels.ts';
import { undo } from './follow-ups/undo.ts';
import { launchFromCode } from './launching/launch-from-code.ts';
import { getTask } from './looking/queries.ts';
import { startWorker } from './worker/worker.ts';

const plain = defineTask({ name: 'plain', params: z.object({}), run: () => 'done' });
const asked: unknown[] = [];
const choosing = defineTask({
  name: 'choosing',
  params: z.object({}),
  backend(asking) {
    asked.push(asking);
    return 'fax-machine';
  },
  run: () => 'done',
});
const lost = defineTask({
  name: 'lost',
  params: z.object({}),
  backend: () => 'fox-machine',
  run: () => 'done',
});
const parent = defineTask({
  name: 'parent',
  params: z.object({}),
  async run(_, task) {
    const children = [await task.launch('a', plain, {}), await task.launch('b', plain, {})];
    return task.all(children);
  },
});
const tasks = [plain, choosing, lost, parent];
const backends = [faxMachine()];

const archive = { field: 'status', 'value.status': 'archived' };

/** What runs a change of 30 records, and a task. */
async function chosen({ context, cities, admin }: Installation): Promise<[string, string]> {
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', archive);
  const own = await taskManagerOf(admin, context).launch(plain, {});
  return [task.backend, (await getTask(context, ada, own.id)).backend];
}

test('a task runs by the backend that the nearest level says, and one that says none by the queue', async (t) => {
  const env = { BULKHEAD_BACKEND: 'in-process' };
  const settings = { backend: 'fax-machine' };
  const options = { bulk: { backend: 'queue' } };
  assert.deepEqual(await chosen(await install(t, { admin: { tasks } }, 30)), ['queue', 'queue']);
  const auto = { BULKHEAD_BACKEND: 'auto' };
  assert.deepEqual(await chosen(await install(t, { env: auto, admin: { tasks } }, 30)), [
    'queue',
    'queue',
  ]);
  assert.deepEqual(await chosen(await install(t, { env, admin: { tasks } }, 30)), [
    'in-process',
    'in-process',
  ]);
  const nearer = { tasks, backends, settings };
  assert.deepEqual(await chosen(await install(t, { env, admin: nearer }, 30)), [
    'fax-machine',
    'fax-machine',
  ]);
  assert.deepEqual(await chosen(await install(t, { env, admin: nearer, options }, 30)), [
    'queue',
    'fax-machine',
  ]);
});

test('a function chooses for each launch, by what it is told of it', async (t) => {
  const seen: unknown[] = [];
  const settings = {
    backend: (asking: { kind: string; count: number | null }) => {
      seen.push(asking);
      return asking.kind === 'bulk' && (asking.count ?? 0) > 25 ? 'fax-machine' : 'auto';
    },
  };
  const installation = await install(t, { admin: { tasks, backends, settings } }, 30);
  const { context, cities, admin, db } = installation;
  assert.deepEqual(await chosen(installation), ['fax-machine', 'queue']);
  const principal = { id: ada.id, name: ada.name };
  const [first] = seen as { principal: { id: string; name: string } }[];
  assert.deepEqual(
    { ...first, principal: { id: first?.principal.id, name: first?.principal.name } },
    { kind: 'bulk', name: 'update', resource: 'cities', principal, count: 30 },
  );
  const keys = Array.from({ length: 25 }, (_, at) => keyOf(cities.model, { id: at + 1 }));
  const fewer = await launchOn(context, cities, { keys }, 'update', {
    ...archive,
    field: 'status',
  });
  assert.equal(fewer.task.backend, 'queue');
  const manager = taskManagerOf(admin, context);
  const { id } = await manager.launch(choosing, {});
  assert.equal((await getTask(context, ada, id)).backend, 'fax-machine');
  assert.deepEqual(
    asked.map((one) => ({ ...(one as object), principal: null })),
    [{ kind: 'own', name: 'choosing', resource: null, principal: null, count: null }],
  );
  await assert.rejects(manager.launch(lost, {}), {
    code: 'unknown-backend',
    message:
      'What chooses the backend of “lost”: there is no backend “fox-machine”: there are auto, queue, in-process, fax-machine, inline. Did you mean "fax-machine"? Nothing was started.',
  });
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 4);
});

test('a backend that there is not is refused at the start, whoever names it, with those that there are', async (t) => {
  const known = 'there are auto, queue, in-process, inline.';
  const named = defineTask({ ...plain.options, name: 'named', backend: 'celery' });
  const nightly = defineSchedule({ name: 'nightly', cron: '0 3 * * *', task: plain, params: {} });
  for (const [said, message] of [
    [
      { env: { BULKHEAD_BACKEND: 'celery' } },
      `BULKHEAD_BACKEND, or settings.backend: there is no backend “celery”: ${known}`,
    ],
    [
      { admin: { settings: { backend: 'in-procces' } } },
      `settings.backend: there is no backend “in-procces”: ${known} Did you mean "in-process"?`,
    ],
    [
      { options: { bulk: { backend: 'celery' } } },
      `Resource City, bulk.backend: there is no backend “celery”: ${known}`,
    ],
    [{ admin: { tasks: [named] } }, `Task named, backend: there is no backend “celery”: ${known}`],
    [
      { env: { BULKHEAD_BACKEND: 'inline' }, admin: { tasks, schedules: [nightly] } },
      'Schedule nightly: what it launches cannot run later by the backend “inline”.',
    ],
    [
      { admin: { backends: [{ ...faxMachine(), name: 'queue' }] } },
      'Backend queue: this name is one of Bulkhead’s own.',
    ],
    [
      { admin: { backends: [faxMachine(), faxMachine()] } },
      'Backend fax-machine: another backend has this name.',
    ],
    [
      { admin: { backends: [{ name: 'half', can: { later: true } } as never] } },
      'Backend half: can.cancel must be true or false.',
    ],
    [{ admin: { settings: { backend: 7 as never } } }, 'settings: backend must be'],
  ] as const)
    await assert.rejects(install(t, said), (error: Error) => {
      assert.ok(error.message.includes(message), error.message);
      return true;
    });
});

/** Nothing in the background, in each way that it is said. */
const off = {
  'the environment': {
    env: { BULKHEAD_BACKGROUND: 'false' },
    admin: { tasks, settings: { background: true } },
  },
  'the admin': {
    admin: { tasks, settings: { background: false } },
    options: { bulk: { background: true } },
  },
  'the backend': { env: { BULKHEAD_BACKEND: 'inline' }, admin: { tasks } },
} as const;

for (const [who, said] of Object.entries(off))
  test(`without a background, as ${who} says, everything runs within the call that launches it`, async (t) => {
    const { db, context, cities, admin } = await install(t, said, 60);
    const none = async () =>
      (await db.pages.query(`select from ${db.t.task} where finished_at is null`)).rowCount;
    const { task, outcome } = await launchOn(
      context,
      cities,
      { kind: 'matching' },
      'update',
      archive,
    );
    assert.deepEqual([outcome, task.backend, task.changed], ['inline', 'inline', 60]);
    const back = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    assert.deepEqual(
      [back.outcome, back.task.backend, back.task.state, back.task.changed],
      ['inline', 'inline', 'succeeded', 60],
    );
    const manager = taskManagerOf(admin, context);
    assert.equal((await manager.launch(plain, {})).result, 'done');
    assert.deepEqual((await manager.launch(parent, {})).result, ['done', 'done']);
    assert.equal(await none(), 0);
    const later = { delayMs: 60_000 };
    await assert.rejects(manager.launch(plain, {}, later), {
      code: 'not-later',
      message: /“plain” runs by the backend “inline”, which cannot begin it later/,
    });
    await assert.rejects(
      launchFromCode(context, {
        resource: 'cities',
        operation: 'update',
        where: {},
        everything: true,
        parameters: { status: 'archived' },
        principal: ada,
      }),
      { code: 'no-background' },
    );
    assert.equal(await none(), 0);
    assert.equal(
      (await db.pages.query(`select from ${db.t.worker}`)).rowCount,
      0,
      'who ran them is a worker no more',
    );
  });

test('without a background schedules are not followed, nor run by hand', async (t) => {
  const schedules = [
    defineSchedule({ name: 'often', cron: '* * * * * *', task: plain, params: {} }),
  ];
  const env = { BULKHEAD_BACKGROUND: 'false' };
  const { context, admin, db, connectionString } = await install(t, {
    env,
    admin: { tasks, schedules },
  });
  const manager = taskManagerOf(admin, context);
  await assert.rejects(manager.runSchedule('often'), { code: 'no-background', status: 422 });
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  await wait(2_500);
  await worker.stop();
  assert.equal((await db.pages.query(`select from ${db.t.schedule_run}`)).rowCount, 0);
});

test('what is more than a request can do is refused where there is no background', async (t) => {
  const { context, cities, db } = await install(t, off['the environment'], 10_001);
  await assert.rejects(launchOn(context, cities, { kind: 'matching' }, 'update', archive), {
    code: 'too-many-records',
  });
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
});

test('the same form sent twice at the same moment runs a task inline once', async (t) => {
  const { context, admin, db } = await install(t, off['the environment']);
  const manager = taskManagerOf(admin, context);
  for (let round = 0; round < 5; round++) {
    const operationId = randomUUID();
    const both = await Promise.all([1, 2, 3].map(() => manager.launch(plain, {}, { operationId })));
    assert.equal(new Set(both.map(({ id }) => id)).size, 1);
    const task = await finished(db, both[0]?.id as number);
    assert.deepEqual([task.state, task.attempts], ['succeeded', 1], task.message ?? '');
  }
});

async function waitingFor(t: TestContext, backend: string): Promise<(boolean | null)[]> {
  const admin = { tasks, backends, settings: { backend } };
  const { context, admin: whole, connectionString, defer } = await install(t, { admin });
  const { id } = await taskManagerOf(whole, context).launch(plain, {}, { delayMs: 60_000 });
  const seen = [(await getTask(context, ada, id)).hasWorker];
  for (const backends of [['queue'], ['in-process'], ['fax-machine']]) {
    const worker = await startWorker(context, { connectionString, concurrency: 1, backends });
    defer(() => worker.stop());
    seen.push((await getTask(context, ada, id)).hasWorker);
    await worker.stop();
  }
  return seen;
}

test('a worker that does not run the tasks of a backend is none for what waits for it', async (t) => {
  assert.deepEqual(await waitingFor(t, 'queue'), [false, true, false, false]);
  assert.deepEqual(await waitingFor(t, 'in-process'), [false, false, true, false]);
  assert.deepEqual(await waitingFor(t, 'fax-machine'), [false, false, false, true]);
});
