import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { taskManagerOf } from '../create-task-manager.ts';
import { transaction } from '../db/transaction.ts';
import { defineSchedule, defineTask } from '../index.ts';
import { keyOf } from '../metadata/keys.ts';
import type { Backend } from '../queue/backend.ts';
import { ada, finished, launchOn } from '../testing/context.ts';
import { faxMachine } from '../testing/fax-machine.ts';
import { type Installation, install } from '../testing/setting-levels.ts';
import { backendsOf, mayRunWithin, runsInProcess } from './assert-backends.ts';
import { pause } from './control/pause.ts';
import { type FollowUp, newFollowUp } from './follow-ups/follow-up.ts';
import { undo } from './follow-ups/undo.ts';
import { enqueue } from './launching/launch.ts';
import { launchFromCode } from './launching/launch-from-code.ts';
import { getTask } from './looking/queries.ts';
import { recover } from './worker/recovery.ts';
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
const slow = defineTask({
  name: 'slow',
  params: z.object({ ms: z.number() }),
  run: ({ ms }) => wait(ms),
});
const unreached = defineTask({ ...plain.options, name: 'unreached', backend: 'broken' });
const single = defineTask({ ...plain.options, name: 'single', unique: { policy: 'after' } });
const tasks = [plain, choosing, lost, parent, slow, single];
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

async function waitingFor(t: TestContext, backend: string): Promise<boolean[]> {
  const admin = { tasks, backends, settings: { backend } };
  const { context, admin: whole, connectionString, defer } = await install(t, { admin });
  const { id } = await taskManagerOf(whole, context).launch(plain, {}, { delayMs: 60_000 });
  const hasWorker = async () => (await getTask(context, ada, id)).workerFor === 'there';
  const seen = [await hasWorker()];
  for (const backends of [['queue'], ['in-process'], ['fax-machine']]) {
    const worker = await startWorker(context, { connectionString, concurrency: 1, backends });
    defer(() => worker.stop());
    seen.push(await hasWorker());
    await worker.stop();
  }
  return seen;
}

test('a worker that does not run the tasks of a backend is none for what waits for it', async (t) => {
  assert.deepEqual(await waitingFor(t, 'queue'), [false, true, false, false]);
  assert.deepEqual(await waitingFor(t, 'in-process'), [false, false, true, false]);
  assert.deepEqual(await waitingFor(t, 'fax-machine'), [false, false, false, true]);
});

test('what a function gives is refused where nobody would run it, and not where that is listed', async (t) => {
  const settings = { backend: () => 'in-process' };
  const refused = await install(t, { admin: { tasks, settings } });
  await assert.rejects(taskManagerOf(refused.admin, refused.context).launch(plain, {}), {
    code: 'unknown-backend',
    message: /“in-process” is not among the backends of defineAdmin/,
  });
  assert.equal(runsInProcess(refused.context), false);
  const listed = { tasks, settings, backends: ['in-process' as const] };
  const { context, admin, connectionString, db } = await install(t, { admin: listed });
  assert.equal(runsInProcess(context), true);
  const worker = await startWorker(context, {
    connectionString,
    concurrency: 1,
    backends: backendsOf(context),
  });
  const { id } = await taskManagerOf(admin, context).launch(plain, {});
  assert.equal((await finished(db, id)).state, 'succeeded');
  await worker.stop();
});

test('tasks of a backend that is chosen no more are taken up by the queue, and of one that is alive are not', async (t) => {
  const before = await install(
    t,
    { env: { BULKHEAD_BACKEND: 'in-process' }, admin: { tasks } },
    30,
  );
  const { context, cities, admin, db, connectionString } = before;
  const own = await taskManagerOf(admin, context).launch(plain, {});
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', archive);
  await db.pages.query(
    `update ${db.t.task} set woken_at = now() - interval '1 minute', queued_at = now() - interval '1 minute', created_at = now() - interval '1 minute'`,
  );
  const alive = await startWorker(context, { connectionString, concurrency: 1, backends: [] });
  await db.pages.query(`update ${db.t.worker} set backends = '{in-process}'`);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const states = async () =>
    (await db.pages.query(`select state, backend from ${db.t.task} order by id`)).rows;
  await wait(1_500);
  assert.deepEqual(
    await states(),
    [1, 2].map(() => ({ state: 'queued', backend: 'in-process' })),
  );
  await alive.stop();
  await db.pages.query(`update ${db.t.task} set woken_at = now() - interval '1 minute'`);
  for (const id of [own.id, task.id]) assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(
    await states(),
    [1, 2].map(() => ({ state: 'succeeded', backend: 'queue' })),
  );
  await worker.stop();
});

test('what waits to run within its call is not taken for left, and what is left has failed', async (t) => {
  const { context, admin, db } = await install(t, off['the environment']);
  const { rows } = await db.pages.query(
    `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, queued_at, created_at)
     select 'own', 'plain', 'plain', backend, 'x', 'x', '{"id": "x", "name": "x", "roles": []}', '{}', 'queued', now() - interval '40 seconds', now() - interval '40 seconds' from unnest(array['inline', 'fax-machine']) backend returning id`,
  );
  await recover(context);
  const [inline, fax] = await Promise.all(rows.map(({ id }) => getTask(context, ada, id)));
  assert.deepEqual(
    [inline?.state, inline?.reason, fax?.state],
    ['failed', 'worker-died', 'queued'],
  );

  // A launch of many that takes long: the last is kept from being taken for left.
  const launched = taskManagerOf(admin, context).launchMany(slow, [{ ms: 7_000 }, { ms: 1 }]);
  const last = async () =>
    (
      await db.pages.query(
        `select id, extract(epoch from now() - coalesce(woken_at, queued_at))::float8 as age from ${db.t.task} where state = 'queued' and backend = 'inline'`,
      )
    ).rows[0];
  while (!(await last())) await wait(20);
  await db.pages.query(
    `update ${db.t.task} set woken_at = now() - interval '29 seconds', queued_at = now() - interval '1 minute' where id = $1`,
    [(await last()).id],
  );
  while ((await last())?.age > 20) await wait(100);
  await recover(context);
  for (const { id } of await launched)
    assert.equal((await getTask(context, ada, id)).state, 'succeeded');
});

test('a backend that cannot be reached keeps no other task from its end', async (t) => {
  const broken: Backend = {
    ...faxMachine(),
    name: 'broken',
    call: async (client) => void (await client.query('select 1 / 0')),
  };
  const admin = { tasks: [plain, unreached], backends: [broken] };
  const { context, db, connectionString, admin: whole } = await install(t, { admin });
  const manager = taskManagerOf(whole, context);
  await assert.rejects(manager.launch(unreached, {}), /division by zero/);
  const kept = await transaction(db.background, async (tx) => {
    await assert.rejects(manager.launch(unreached, {}, { tx }), /division by zero/);
    return manager.launch(plain, {}, { tx, onFinished: { task: unreached, params: {} } });
  });
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  const done = await finished(db, kept.id);
  assert.deepEqual([done.state, done.attempts], ['succeeded', 1]);
  const [next] = (await db.pages.query(`select id from ${db.t.task} where operation = 'unreached'`))
    .rows;
  assert.equal((await finished(db, next.id)).state, 'succeeded');
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 2);
  await worker.stop();
});

test('what a backend cannot do is refused of every launch and of every act', async (t) => {
  const admin = { tasks, settings: { backend: 'inline' } };
  const { context, admin: whole, cities } = await install(t, { admin });
  const manager = taskManagerOf(whole, context);
  await assert.rejects(
    manager.launch(plain, {}, { onFinished: { task: plain, params: {} } }),
    /is to launch a task at its end, which the backend “inline” cannot/,
  );
  const frail: Backend = {
    ...faxMachine(),
    name: 'frail',
    can: { later: false, cancel: false, processes: true, restart: false },
  };
  const frailAdmin = { tasks, backends: [frail], settings: { backend: 'frail' } };
  const site = await install(t, { admin: frailAdmin }, 30);
  const frailly = taskManagerOf(site.admin, site.context);
  const first = await frailly.launch(single, {});
  await assert.rejects(frailly.launch(single, {}), { code: 'duplicate' });
  assert.equal(first.state, 'queued');
  const { task } = await launchOn(
    site.context,
    site.cities,
    { kind: 'matching' },
    'update',
    archive,
  );
  await site.db.pages.query(`update ${site.db.t.task} set state = 'running' where id = $1`, [
    task.id,
  ]);
  await assert.rejects(pause(site.context, ada, task.id), {
    code: 'not-pausable',
    message: 'What runs by the backend “frail” cannot be stopped. Nothing was changed.',
  });
  assert.equal(cities.hasBackground, false);
  const dead = '00000000-0000-4000-8000-0000000000dd';
  await site.db.pages.query(
    `insert into ${site.db.t.task_slot} (task_id, slot, worker_id, token) values ($1, 0, $2, $2)`,
    [task.id, dead],
  );
  await recover(site.context);
  const ended = await getTask(site.context, ada, task.id);
  assert.deepEqual([ended.state, ended.reason], ['failed', 'worker-died']);
});

test('a bulk operation of a process that was not there is called for when it comes', async (t) => {
  const env = { BULKHEAD_BACKEND: 'in-process' };
  const { context, cities, db, connectionString } = await install(t, { env }, 30);
  const { task } = await launchOn(context, cities, { kind: 'matching' }, 'update', archive);
  const backends = ['in-process'];
  const worker = await startWorker(context, { connectionString, concurrency: 1, backends });
  // Sooner than what nobody has looked at is called for again.
  assert.equal((await finished(db, task.id, 20_000)).state, 'succeeded');
  await worker.stop();
});

test('what is launched after another, and is more than a call can do, is refused where it would run within that', async (t) => {
  const { context, cities, db } = await install(t, off['the environment']);
  const parent = {
    id: 1,
    isAtomic: false,
    changeReason: null,
  } as FollowUp['parent'];
  const undoing = newFollowUp({
    parent,
    resource: cities,
    principal: ada,
    operationId: randomUUID(),
    operation: 'undo',
    title: 'Undo',
    parameters: {},
    selection: { kind: 'changed', filter: '' },
    expected: 10_001,
  });
  await assert.rejects(enqueue(context, undoing), { code: 'too-many-records' });
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
});

test('sessions of its own are asked for at the start where something may run within its call', async (t) => {
  const may = async (said: Parameters<typeof install>[1]) =>
    mayRunWithin((await install(t, said)).context);
  assert.equal(await may({ admin: { tasks } }), true, 'a task has a function that chooses');
  assert.equal(await may({ admin: { tasks: [plain] } }), false);
  assert.equal(await may({ env: { BULKHEAD_BACKGROUND: 'false' } }), true);
  assert.equal(await may({ options: { bulk: { background: false } } }), true);
  assert.equal(await may({ options: { bulk: { backend: 'inline' } } }), true);
});
