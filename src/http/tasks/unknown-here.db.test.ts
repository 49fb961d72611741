import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { lookAtAll } from '../../health/look.ts';
import { taskParts } from '../../health/task-findings.ts';
import { defineOperation } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { defineResource } from '../../resources/define-resource.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { undo } from '../../tasks/follow-ups/undo.ts';
import { launchOwn } from '../../tasks/own/launch-own.ts';
import { recover } from '../../tasks/worker/recovery.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { testApp } from '../../testing/app.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import type { TestDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';

const key = (id: number) => String(id).padStart(20, '0');
const keys = Array.from({ length: 30 }, (_, index) => key(index + 1));

const mark = defineOperation(metadata, 'City', {
  name: 'mark',
  label: 'Mark…',
  icon: 'flag',
  change: () => ({ notes: 'marked' }),
});
const counting = defineTask({
  name: 'counting',
  params: z.object({}),
  undo: () => undefined,
  run: () => 'counted',
});
const { undo: _, ...withoutUndo } = counting.options;

const cities = (operations: readonly (typeof mark)[]) =>
  defineResource(metadata, 'City', { permissions: () => actions, operations });
const others = sample.resources.filter(({ model }) => model !== 'City');
const adminOf = (
  operations: readonly (typeof mark)[] | null,
  tasks: NonNullable<AdminDefinition['tasks']>,
): AdminDefinition => ({
  ...sample,
  schedules: [],
  taskHooks: [],
  tasks,
  resources: operations ? [cities(operations), ...others] : others,
});
const newer = adminOf([mark], [counting]);
const older = adminOf([], []);

async function setUp(t: TestContext, admin: AdminDefinition) {
  let defer: TestDatabase['defer'] = () => undefined;
  const prepare = (database: TestDatabase) => {
    defer = database.defer;
    return database.db;
  };
  const app = await testApp(t, { admin, prepare });
  const { db, connectionString } = app;
  await insertPlaces(db, keys.length);
  const operator = await app.signIn('admin');
  /** Code of an admin beside the one that serves the pages; `seen` are its warnings. */
  const codeOf = (given: AdminDefinition) => {
    const seen: string[] = [];
    const context: TaskContext = {
      ...testContext(db, {}, {}, given),
      log: (level, message, details) => {
        if (level === 'warning') seen.push(`${message} ${details?.taskId} ${details?.unknown}`);
      },
    };
    const work = async () => {
      const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
      defer(() => worker.stop());
      return worker;
    };
    return { context, seen, work };
  };
  const there = codeOf(newer);
  const launch = async (operation: string, body: Record<string, unknown> = {}) => {
    const resource = there.context.registry.get('cities');
    const options = { inBackground: true };
    const { task } = await launchOn(
      there.context,
      resource,
      { keys },
      operation,
      body,
      ada,
      options,
    );
    return task.id;
  };
  const row = async (id: number) =>
    (
      await db.pages.query<{ state: string; reason: string | null; message: string | null }>(
        `select state, reason, message from ${db.t.task} where id = $1`,
        [id],
      )
    ).rows[0];
  const page = async (path: string) => (await operator.get(path)).body.replace(/\s+/g, ' ');
  const found = async () =>
    (await lookAtAll(app.context, taskParts)).flatMap(({ findings }) =>
      findings.map(({ name }) => name),
    );
  return { ...app, operator, codeOf, there, launch, row, page, found };
}

/** As a version to come would have launched it, or one before that had it. */
const ofAnother: Record<string, { set: string; what: RegExp; leftFor: string }> = {
  'a resource': {
    set: `resource = 'villages'`,
    what: /the operation “update” of “villages”/,
    leftFor: 'villages',
  },
  'an operation': {
    set: `operation = 'archive'`,
    what: /the operation “archive” of “cities”/,
    leftFor: 'cities archive',
  },
  'a later version of its parameters': {
    set: `parameters_version = 2`,
    what: /the operation “update” of “cities”/,
    leftFor: 'cities update 2',
  },
  'an operation that it takes back': {
    set: `operation = 'undo', parameters = '{"action": "bulk-update", "shapes": [], "what": {"operation": "archive", "parameters": {}}}'`,
    what: /how to take back the operation “archive” of “cities”/,
    leftFor: 'cities archive',
  },
};

for (const [what, { set, what: words, leftFor }] of Object.entries(ofAnother))
  test(`${what} that no running worker knows: the task waits, says so wherever it is shown, calls nobody again, and can be cancelled`, async (t) => {
    const { db, found, codeOf, launch, row, page, operator } = await setUp(t, newer);
    const id = await launch('update', { field: 'status', 'value.status': 'published' });
    await db.pages.query(`update ${db.t.task} set ${set} where id = $1`, [id]);
    const [one, other] = [codeOf(newer), codeOf(newer)];
    await one.work();
    await other.work();
    await until(async () => (await row(id))?.reason === 'unknown');
    // Each has met it once at most, and the call waits for somebody else.
    const met = () => [...one.seen, ...other.seen];
    const known = await launch('mark');
    assert.equal((await finished(db, known)).state, 'succeeded');
    for (const seen of [one.seen, other.seen])
      assert.ok(new Set(seen).size === seen.length, seen.join());
    for (const line of met())
      assert.equal(line, `a task is left to a worker that knows it ${id} ${leftFor}`);
    assert.equal((await row(id))?.state, 'queued');
    const task = await page(`/tasks/${id}`);
    assert.match(
      task,
      new RegExp(`No running worker knows ${words.source}\\. A newer version may`),
    );
    assert.match(task, /It can be cancelled/);
    assert.match(await page('/tasks'), /No running worker knows it/);
    assert.match(
      await page('/tasks/overview'),
      /1 task waits for a version of the code that knows/,
    );
    await db.pages.query(`update ${db.t.task} set queued_at = now() - interval '1 hour'`);
    await db.pages.query(`update ${db.t.task_event} set at = now() - interval '1 hour'`);
    assert.deepEqual(await found(), ['unknown:bulk']);
    const answer = await operator.get(`/tasks/${id}`, { accept: 'application/json' });
    assert.equal(answer.json().isUnknown, true);
    await operator.post(`/tasks/${id}/cancellation`);
    assert.equal((await finished(db, id)).state, 'cancelled');
    assert.deepEqual(await found(), []);
  });

test('two workers of different code side by side: the one that knows a task takes it, although the other was called first', async (t) => {
  const { db, codeOf, there, launch, page } = await setUp(t, newer);
  const before = codeOf(older);
  await before.work();
  const marked = await launch('mark');
  const counted = await launchOwn(there.context, counting, {}, { principal: ada });
  await until(() => before.seen.length > 0);
  assert.match(await page(`/tasks/${counted.id}`), /No running worker knows the task “counting”/);
  await there.work();
  for (const [id, changed] of [
    [marked, keys.length],
    [counted.id, 0],
  ] as const) {
    const task = await finished(db, id);
    assert.deepEqual([task.state, task.changed], ['succeeded', changed]);
  }
  const undone = await undo(there.context, ada, marked, {
    operationId: '00000000-0000-4000-8000-0000000000b1',
    chosen: null,
  });
  const { state, reason, message } = await finished(db, undone.task.id);
  assert.deepEqual([state, reason, message], ['succeeded', null, null]);
});

test('a field that this version does not have is no reason to end a task: another has it', async (t) => {
  const { db, codeOf, launch, row } = await setUp(t, newer);
  const id = await launch('update', { field: 'status', 'value.status': 'published' });
  const renamed = `replace(parameters::text, '"status"', '"stage"')::jsonb`;
  await db.pages.query(`update ${db.t.task} set parameters = ${renamed} where id = $1`, [id]);
  const { seen, work } = codeOf(newer);
  await work();
  await until(() => seen.length > 0);
  await until(async () => (await row(id))?.reason === 'unknown');
  assert.match((await row(id))?.message ?? '', /does not know the field “stage” of “cities”/);
});

test('a run that nobody here knows is tried as often as it may, whoever sees to its lost worker', async (t) => {
  const once = defineTask({ ...withoutUndo, attempts: 1 });
  const often = defineTask({ ...withoutUndo, name: 'often', attempts: 5 });
  const admin = adminOf([], [once, often]);
  const { db, codeOf, context } = await setUp(t, older);
  const { context: knowing, work } = codeOf(admin);
  const ids: number[] = [];
  for (const task of [once, often])
    ids.push((await launchOwn(knowing, task, {}, { principal: ada })).id);
  const lost = '00000000-0000-4000-8000-0000000000dd';
  await db.pages.query(`update ${db.t.task} set state = 'running', started_at = now()`);
  for (const failed of [1, 4]) {
    await db.pages.query(
      `insert into ${db.t.task_slot} (task_id, slot, worker_id, token) select id, 0, $1, gen_random_uuid() from ${db.t.task} where state = 'running'`,
      [lost],
    );
    await db.pages.query(`update ${db.t.task} set failed_attempts = $1 where operation = 'often'`, [
      failed - 1,
    ]);
    await recover(context);
    await db.pages.query(
      `update ${db.t.task} set state = case operation when 'often' then 'running' else 'queued' end, due_at = null`,
    );
  }
  await db.pages.query(`update ${db.t.task} set state = 'queued'`);
  await work();
  const [first, second] = [
    await finished(db, ids[0] as number),
    await finished(db, ids[1] as number),
  ];
  assert.deepEqual([first.state, first.reason], ['failed', 'worker-died']);
  assert.match(first.message ?? '', /is not tried again/);
  assert.deepEqual([second.state, second.failedAttempts], ['succeeded', 4]);
});

test('what a version before has left is shown and cancelled by those who see every task, though its resource is gone', async (t) => {
  const { db, launch, operator, page } = await setUp(t, adminOf(null, []));
  const id = await launch('mark');
  assert.match(await page(`/tasks/${id}`), /No worker is alive/);
  assert.match(await page('/tasks'), /mark|Mark/i);
  const answer = await operator.post(`/tasks/${id}/cancellation`);
  assert.equal(answer.statusCode, 303);
  assert.equal((await finished(db, id)).state, 'cancelled');
});
