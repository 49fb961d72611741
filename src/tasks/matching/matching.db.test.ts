import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import { advisoryClass } from '../../db/advisory-class.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { faxMachine } from '../../testing/fax-machine.ts';
import { ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import type { TaskContext } from '../context.ts';
import { cancel } from '../control/cancel.ts';
import { retry } from '../follow-ups/retry.ts';
import { getTask } from '../looking/queries.ts';
import { filterNames } from '../looking/tasks-query.ts';
import { launchOwn } from '../own/launch-own.ts';
import { startRecovery, startWorker } from '../worker/worker.ts';
import { countMatched, listMatched } from './matched.ts';
import { type MatchingAct, type MatchingParams, matchingActs } from './matching-acts.ts';

/** Goes wrong, and is tried once. */
const failing = defineTask({
  name: 'failing',
  params: z.object({ n: z.number() }),
  title: ({ n }) => `Fail ${n}`,
  attempts: 1,
  run() {
    throw new Error('it never works');
  },
});

const admin = {
  ...sample,
  schedules: [],
  taskHooks: [],
  notify: 'none' as const,
  tasks: [failing],
};

async function setUp(t: TestContext, given: Parameters<typeof testContext>[3] = admin) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, given);
  const begin = async (places = 2) => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places });
    defer(() => worker.stop());
  };
  return { db, connectionString, defer, context, begin };
}

/** Rows of tasks, of Ada's, without anybody who runs them. */
async function insertTasks(
  { db }: TaskContext,
  states: readonly string[],
  {
    by = ada,
    operation = 'failing',
    backend = 'queue',
  }: { by?: Principal; operation?: string; backend?: string } = {},
): Promise<number[]> {
  const { rows } = await db.pages.query<{ id: number }>(
    `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, due_at, started_at, finished_at)
     select 'own', $1, 'Inserted ' || n, $2, $3, $4, $5, jsonb_build_object('n', n), state, case when state = 'scheduled' then now() + interval '1 day' end,
       case when state not in ('scheduled', 'queued') then now() end, case when state in ('failed', 'succeeded', 'cancelled') then now() end
     from unnest($6::text[]) with ordinality given(state, n) order by n returning id`,
    [operation, backend, by.id, by.name, JSON.stringify(by), states],
  );
  return rows.map(({ id }) => id);
}

async function launchMatching(
  context: TaskContext,
  act: MatchingAct,
  given: Partial<MatchingParams>,
  principal: Principal = ada,
): Promise<number> {
  const { rows } = await context.db.pages.query(`select max(id) as last from ${context.db.t.task}`);
  const params = { filter: '', upTo: rows[0].last, shown: 0, isExact: true, ...given };
  const definition = context.definitions.get(matchingActs[act].task);
  assert.ok(definition);
  return (await launchOwn(context, definition, params, { principal })).id;
}

async function statesOf({ db }: TaskContext, ids: readonly number[]) {
  const { rows } = await db.pages.query(
    `select id, state from ${db.t.task} where id = any($1) order by id`,
    [ids],
  );
  return rows.map(({ state }) => state);
}

test('all that match are cancelled: those of the filter and of no later number, whatever else there is', async (t) => {
  const { context, db, begin } = await setUp(t);
  const tasks = await insertTasks(context, ['scheduled', 'queued', 'scheduled', 'failed']);
  const others = await insertTasks(context, ['scheduled'], { by: eve });
  const { rows } = await db.pages.query(`select max(id) as last from ${db.t.task}`);
  const later = await insertTasks(context, ['scheduled']);
  const given = { filter: 'state=scheduled&person=ada', upTo: rows[0].last, shown: 2 };
  const id = await launchMatching(context, 'cancellation', given);
  await begin(1);
  const task = await finished(db, id);
  assert.deepEqual(
    [task.state, task.title, task.result],
    ['succeeded', 'Cancel 2 tasks', { found: 2, done: 2, leftAlone: {} }],
  );
  const [first, , third] = await statesOf(context, tasks);
  assert.deepEqual([first, third], ['cancelled', 'cancelled']);
  assert.deepEqual(await statesOf(context, [...others, ...later]), ['scheduled', 'scheduled']);
  const events = await db.pages.query(
    `select by ->> 'name' as by, message from ${db.t.task_event} event join ${db.t.task} task on task.id = event.task_id where task_id = $1 and event.state = 'cancelled'`,
    [tasks[0]],
  );
  assert.deepEqual(events.rows, [
    { by: 'Ada', message: `Cancelled by Ada, with all that matched (task ${id}).` },
  ]);
});

/** A value of each of the filter's keys, and which of the rows of `variedTasks` it means, in SQL. */
const keys: readonly [filter: string, sql: string][] = [
  ['kind=own', `kind = 'own'`],
  ['kind=bulk', `kind = 'bulk'`],
  ['resource=cities', `resource = 'cities'`],
  ['person=EVE', `principal_name = 'Eve'`],
  ['reason=too-slow', `reason = 'too-slow'`],
  ['acknowledged=no', 'true'],
  ['queue=mail', `queue = 'mail'`],
  ['queue=bulk', `kind = 'bulk'`],
  ['worker=00000000-0000-4000-8000-000000000001', 'false'],
  ['schedule=nightly', 'id in (select task_id from bulkhead.schedule_run)'],
  ['parent=1', 'parent_id = 1'],
  ['record=countries%2FESP', 'id in (select task_id from bulkhead.task_about)'],
  ['from=2026-02-01', `created_at >= '2026-02-01T00:00+01'`],
  ['to=2026-01-31', `created_at < '2026-02-01T00:00+01'`],
  ['_q=inserted%204', `title like '%4'`],
  ['state=failed', `state = 'failed'`],
  ['state=partial&state=failed&kind=bulk', `kind = 'bulk'`],
];

test('what is acted on is what each key of the filter means, as SQL says it, in the time zone of whoever asked', async (t) => {
  const { context, db, begin } = await setUp(t);
  assert.deepEqual(
    filterNames.filter((name) => !keys.some(([filter]) => new URLSearchParams(filter).has(name))),
    [],
  );
  const all = await insertTasks(context, Array(8).fill('failed'));
  const { task } = db.t;
  const is = (n: number) => `where id = ${all[n]}`;
  for (const statement of [
    `update ${task} set created_at = '2026-01-15T00:00Z'`,
    `update ${task} set principal_name = 'Eve', principal_id = '${eve.id}' ${is(1)}`,
    `update ${task} set kind = 'bulk', resource = 'cities', model = 'City', selection = '{"kind":"ticked","filter":""}', operation = 'update', parameters = '{"changes":[]}', state = 'partial' ${is(2)}`,
    `update ${task} set reason = 'too-slow' ${is(4)}`,
    `update ${task} set queue = 'mail' ${is(5)}`,
    `update ${task} set parent_id = 1 ${is(6)}`,
    `update ${task} set created_at = '2026-01-31T23:30Z' ${is(7)}`,
    `insert into ${db.t.task_about} (task_id, model, key) values (${all[3]}, 'Country', 'ESP')`,
    `insert into ${db.t.schedule} (name, cron, time_zone) values ('nightly', '* * * * *', 'UTC')`,
    `insert into ${db.t.schedule_run} (schedule, due_at, state, task_id) values ('nightly', now(), 'launched', ${all[4]})`,
  ])
    await db.pages.query(statement);
  await begin();
  const upTo = all.at(-1) as number;
  for (const [filter, condition] of keys) {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from ${task} where id <= $1 and (${condition}) order by id`,
      [upTo],
    );
    const expected = rows.map(({ id }) => id);
    const asked = { filter, upTo, timeZone: 'Europe/Berlin' };
    const run = await finished(db, await launchMatching(context, 'acknowledgement', asked));
    assert.equal(run.state, expected.length === 0 ? 'failed' : 'succeeded', filter);
    const hit = await db.pages.query<{ id: number }>(
      `update ${task} set acknowledged_at = null, acknowledged_by = null where acknowledged_at is not null returning id`,
    );
    assert.deepEqual(
      hit.rows.map(({ id }) => id).sort((a, b) => a - b),
      expected,
      filter,
    );
  }
  assert.ok(keys.filter(([, condition]) => condition === 'false').length === 1);
});

test('each that may not be cancelled is left alone, with its reason, and the others are cancelled', async (t) => {
  const mute = {
    ...faxMachine(),
    can: { later: true, cancel: false, processes: true, restart: true },
  };
  const { context, db, begin, defer } = await setUp(t, { ...admin, backends: [mute] });
  const [first, moved, other, cancelling, faxed, last] = (await insertTasks(context, [
    'scheduled',
    'scheduled',
    'scheduled',
    'running',
    'running',
    'scheduled',
  ])) as [number, number, number, number, number, number];
  const holder = await db.pages.connect();
  defer(() => holder.release(true));
  // A worker that lives as long as the connection of whoever holds its lock is at two of them.
  const { rows: workers } = await db.pages.query(
    `insert into ${db.t.worker} (id, host, pid, queues, backends) values (gen_random_uuid(), 'elsewhere', 1, '{none}', '{none}') returning id, lock_id`,
  );
  await holder.query('select pg_advisory_lock($1, $2)', [
    advisoryClass.liveness,
    workers[0].lock_id,
  ]);
  for (const id of [cancelling, faxed])
    await db.pages.query(
      `insert into ${db.t.task_slot} (task_id, slot, worker_id, token) values ($1, 0, $2, gen_random_uuid())`,
      [id, workers[0].id],
    );
  await db.pages.query(`update ${db.t.task} set backend = 'fax-machine' where id = $1`, [faxed]);
  // Read ahead together, and changed before their turn comes: whoever holds the first keeps it waiting.
  await holder.query('begin');
  await holder.query(`select from ${db.t.task} where id = $1 for update`, [first]);
  const filter = 'state=scheduled&state=running';
  const id = await launchMatching(context, 'cancellation', { filter, upTo: last, shown: 6 });
  await begin(1);
  await until(async () => {
    const { rowCount } = await db.pages.query(
      `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%for update%'`,
    );
    return rowCount === 1;
  });
  await db.pages.query(
    `update ${db.t.task} set state = 'succeeded', finished_at = now() where id = $1`,
    [moved],
  );
  await db.pages.query(`update ${db.t.task} set state = 'cancelling' where id = $1`, [cancelling]);
  await db.pages.query(`update ${db.t.task} set state = 'paused' where id = $1`, [other]);
  await holder.query('commit');
  const task = await finished(db, id);
  assert.equal(task.state, 'succeeded');
  const listed = await listMatched(db, id, { only: null, after: 0, limit: 10 });
  assert.deepEqual(
    listed.map(({ taskId, code }) => [taskId, code]),
    [
      [first, null],
      [moved, 'task-finished'],
      [other, 'matches-no-more'],
      [cancelling, 'cancelling'],
      [faxed, 'not-cancellable'],
      [last, null],
    ],
  );
  assert.deepEqual(await countMatched(db, id), {
    found: 6,
    done: 2,
    leftAlone: { cancelling: 1, 'matches-no-more': 1, 'not-cancellable': 1, 'task-finished': 1 },
  });
  assert.deepEqual(await statesOf(context, [first, last]), ['cancelled', 'cancelled']);
});

test('a task that is in the middle of a step for long is left alone as busy, and the others are not', async (t) => {
  const { context, db, begin, defer } = await setUp(t);
  const [held, free] = (await insertTasks(context, ['scheduled', 'scheduled'])) as [number, number];
  const holder = await db.pages.connect();
  defer(() => holder.release(true));
  await holder.query('begin');
  await holder.query(`select from ${db.t.task} where id = $1 for update`, [held]);
  const id = await launchMatching(context, 'cancellation', { upTo: free, shown: 2 });
  await begin(1);
  const { state } = await finished(db, id);
  await holder.query('rollback');
  assert.equal(state, 'succeeded');
  assert.deepEqual(await statesOf(context, [held, free]), ['scheduled', 'cancelled']);
  assert.deepEqual((await countMatched(db, id)).leftAlone, { busy: 1 });
});

test('all that failed is tried again as by its button, each once; what cannot be is left alone', async (t) => {
  const { context, db, begin } = await setUp(t);
  const [one, two, unknown, waiting] = (await insertTasks(context, Array(4).fill('failed'))) as [
    number,
    number,
    number,
    number,
  ];
  await db.pages.query(`update ${db.t.task} set operation = 'gone' where id = $1`, [unknown]);
  const { task: already } = await retry(context, ada, waiting, {
    operationId: randomUUID(),
    code: null,
  });
  await db.pages.query(
    `update ${db.t.task} set state = 'scheduled', due_at = now() + interval '1 day' where id = $1`,
    [already.id],
  );
  const id = await launchMatching(context, 'retry', {
    filter: 'state=failed',
    shown: 4,
    upTo: waiting,
  });
  await begin(1);
  const run = await finished(db, id);
  const listed = await listMatched(db, id, { only: null, after: 0, limit: 10 });
  assert.deepEqual(
    listed.map(({ taskId, code }) => [taskId, code]),
    [
      [one, null],
      [two, null],
      [unknown, 'nothing-to-retry'],
      [waiting, 'under-way'],
    ],
  );
  assert.equal(listed[3]?.followUpId, already.id);
  for (const { taskId, code, followUpId } of listed) {
    if (code !== null) continue;
    const again = await finished(db, followUpId as number);
    assert.deepEqual(
      [again.followsId, again.parentId, again.state, again.principalName],
      [taskId, null, 'failed', 'Ada'],
    );
  }
  assert.equal(run.state, 'succeeded');
  const { rows } = await db.pages.query(
    `select count(*)::int as count from ${db.t.task} where follows_id is not null`,
  );
  assert.equal(rows[0].count, 3);
});

test('where nothing at all was done the task has failed, and says so', async (t) => {
  const { context, db, begin } = await setUp(t);
  const [unknown = 0] = await insertTasks(context, ['failed'], { operation: 'gone' });
  const id = await launchMatching(context, 'retry', { shown: 1 });
  const none = await launchMatching(context, 'cancellation', { upTo: unknown, shown: 1 });
  await begin(1);
  const run = await finished(db, id);
  assert.deepEqual(
    [run.state, run.reason, run.message],
    ['failed', 'gave-up', 'None of them was tried again.'],
  );
  assert.equal((await finished(db, none)).message, 'None of them was cancelled.');
});

test('a filter that means nothing any more ends the task in words, and nothing is done', async (t) => {
  const { context, db, begin } = await setUp(t);
  await insertTasks(context, ['scheduled']);
  const filters = ['state=nonsense', 'record=cities%2F999', 'from=yesterday', 'state=failed'];
  const ids: number[] = [];
  for (const filter of filters) ids.push(await launchMatching(context, 'cancellation', { filter }));
  await begin(1);
  for (const [index, id] of ids.entries())
    assert.equal((await finished(db, id)).reason, 'gave-up', filters[index]);
  assert.deepEqual(await statesOf(context, [1]), ['scheduled']);
});

test('a person who loses their right half-way does no more: each of the rest is left alone, with the reason', async (t) => {
  let roles: readonly string[] | null = ['admin'];
  let asked = 0;
  const people = {
    getUser: () => null,
    refreshUser: (id: string) => {
      asked++;
      if (asked > 4 && roles) roles = ['viewer'];
      if (asked > 6) roles = null;
      return roles && { id, name: 'Ada', roles };
    },
  };
  const { context, db, begin } = await setUp(t, { ...admin, people });
  const ids = await insertTasks(context, Array(8).fill('scheduled'), { by: eve });
  const id = await launchMatching(context, 'cancellation', { shown: 8 });
  await begin(1);
  const run = await finished(db, id);
  // Asked before the run twice, and once for each.
  assert.deepEqual([run.state, run.result], ['succeeded', await countMatched(db, id)]);
  const { done, leftAlone } = await countMatched(db, id);
  assert.equal(done, 2);
  assert.deepEqual(leftAlone, { 'user-inactive': 4, 'not-found': 2 });
  assert.deepEqual(
    await statesOf(context, ids),
    ids.map((_, index) => (index < 2 ? 'cancelled' : 'scheduled')),
  );
});

test('two people at once: each task is acted on by one of them, and the other is told that it was', async (t) => {
  const { context, db, begin } = await setUp(t);
  const ids = await insertTasks(context, Array(40).fill('failed'));
  const upTo = ids.at(-1) as number;
  const two: Principal = { ...ada, id: '00000000-0000-4000-8000-00000000000b', name: 'Bea' };
  const given = { upTo, shown: 40 };
  const runs = [
    await launchMatching(context, 'acknowledgement', given),
    await launchMatching(context, 'acknowledgement', given, two),
  ];
  await begin(2);
  const counts = [];
  for (const id of runs) {
    await finished(db, id);
    counts.push(await countMatched(db, id));
  }
  const { rows } = await db.pages.query<{ by: string; count: number }>(
    `select acknowledged_by ->> 'name' as by, count(*)::int as count from ${db.t.task} where acknowledged_at is not null group by 1`,
  );
  const of = (name: string) => rows.find(({ by }) => by === name)?.count ?? 0;
  assert.deepEqual([of('Ada'), of('Bea')], [counts[0]?.done, counts[1]?.done]);
  assert.equal(of('Ada') + of('Bea'), 40);
  for (const { leftAlone } of counts)
    for (const code of Object.keys(leftAlone))
      assert.ok(['acknowledged', 'matches-no-more'].includes(code), code);
});

test('neither itself nor what it is a part of is cancelled by a task that cancels all', async (t) => {
  const { context, db, begin } = await setUp(t);
  const [one] = await insertTasks(context, ['scheduled']);
  const id = await launchMatching(context, 'cancellation', { upTo: 2_000_000_000, shown: 1 });
  const later = await insertTasks(context, ['scheduled']);
  await begin(1);
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(await statesOf(context, [one as number, ...later]), ['cancelled', 'scheduled']);
});

test('run again after it was cancelled it goes on after what it has done', async (t) => {
  const { context, db, begin, defer } = await setUp(t);
  const ids = await insertTasks(context, Array(6).fill('scheduled'));
  const id = await launchMatching(context, 'cancellation', { shown: 6 });
  const holder = await db.pages.connect();
  defer(() => holder.release(true));
  await holder.query('begin');
  await holder.query(`select from ${db.t.task} where id = $1 for update`, [ids[3]]);
  await begin(1);
  await until(async () => (await countMatched(db, id)).found === 3);
  await cancel(context, ada, id);
  const stopped = await finished(db, id);
  await holder.query('rollback');
  assert.equal(stopped.state, 'cancelled');
  const { found } = await countMatched(db, id);
  assert.ok(found < 6, 'it went on to its end');
  const { task } = await retry(context, ada, id, { operationId: randomUUID(), code: null });
  const again = await finished(db, task.id);
  assert.deepEqual(
    [again.state, again.result],
    ['succeeded', { found: 6, done: 5, leftAlone: { busy: 1 } }],
  );
  assert.deepEqual(
    await statesOf(context, ids),
    ids.map((_, index) => (index === 3 ? 'scheduled' : 'cancelled')),
  );
});

/** More by command: `BULKHEAD_TEST_KILLS=20`. */
const kills = Number(process.env.BULKHEAD_TEST_KILLS ?? 2);
const file = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');

for (const act of ['cancellation', 'retry'] as const)
  test(`${kills} workers killed half-way of a ${act} of 300 tasks: each is acted on once, and counted once`, async (t) => {
    const { db, connectionString, defer, context } = await setUp(t, ownTasksAdmin);
    await insertPrincipals(db);
    const recovery = startRecovery(context);
    defer(() => recovery.stop());
    const state = act === 'retry' ? 'failed' : 'scheduled';
    const ids = await insertTasks(context, Array(300).fill(state), { operation: 'piece' });
    await db.pages.query(`create table public.dealt (item int)`);
    const id = await launchMatching(context, act, { upTo: ids.at(-1) as number, shown: 300 });
    let worker = await startWorkerProcess(connectionString, {}, file);
    defer(() => worker.kill('SIGTERM'));
    for (let killed = 0; killed < kills; killed++) {
      const wanted = Math.floor((300 * (killed + 0.5)) / kills);
      await until(async () => (await countMatched(db, id)).found >= wanted);
      assert.equal((await getTask(context, ada, id)).finishedAt, null, 'killed too late');
      await worker.kill('SIGKILL');
      worker = await startWorkerProcess(connectionString, {}, file);
    }
    const run = await finished(db, id);
    assert.deepEqual(
      [run.state, run.result],
      ['succeeded', { found: 300, done: 300, leftAlone: {} }],
    );
    if (act === 'cancellation') {
      assert.deepEqual(await statesOf(context, ids), Array(300).fill('cancelled'));
      const { rows } = await db.pages.query(
        `select count(*)::int as count from ${db.t.task_event} where state = 'cancelled'`,
      );
      assert.equal(rows[0].count, 300);
    } else {
      const { rows } = await db.pages.query(
        `select count(*)::int as count, count(distinct follows_id)::int as of from ${db.t.task} where follows_id = any($1)`,
        [ids],
      );
      assert.deepEqual(rows[0], { count: 300, of: 300 });
    }
  });
