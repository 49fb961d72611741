import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { taskManagerOf } from '../../create-task-manager.ts';
import type { AppError } from '../../errors.ts';
import { defineSchedule, type Schedule } from '../../task-definitions/define-schedule.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import type { TaskContext } from '../context.ts';
import { advance } from '../worker/advance.ts';
import { startWorker } from '../worker/worker.ts';
import { announceSchedules } from './announce-schedules.ts';
import { beginRuns } from './begin-runs.ts';
import { noteDue } from './note-due.ts';

const ran: { name: string; by: string }[] = [];
const counted = defineTask({
  name: 'counted',
  params: z.object({ name: z.string() }),
  async run({ name }, task) {
    ran.push({ name, by: task.principal.name });
  },
});
const hourMs = 3_600_000;

/** Never due by the clock while a test runs. */
const yearly = { cron: '0 0 1 1 *' };
const once = defineSchedule({
  name: 'once',
  cron: '0 * * * *',
  task: counted,
  params: { name: 'o' },
});

async function setUp(t: TestContext, ...schedules: Schedule[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const given = { ...sample, taskHooks: [], tasks: [counted], schedules };
  const context = testContext(db, {}, {}, given);
  ran.length = 0;
  await announceSchedules(db.pages, context);
  const manager = taskManagerOf(given, context);
  const look = async (given: TaskContext = context) => {
    await noteDue(given, db.background);
    await beginRuns(given, db.background);
  };
  const runsOf = async (name: string) =>
    (await manager.schedules()).find((one) => one.name === name)?.runs ?? [];
  const statesOf = async (name: string) => (await runsOf(name)).map(({ state }) => state);
  return { db, context, given, manager, connectionString, defer, look, runsOf, statesOf };
}

test('a time that has come has its run, once, on behalf of the schedule', async (t) => {
  const { db, context, manager, look, runsOf, connectionString, defer } = await setUp(t, once);
  const [before] = await manager.schedules();
  const next = before?.nextAt as Date;
  assert.ok(next.getTime() > Date.now() && next.getTime() <= Date.now() + hourMs);
  assert.deepEqual(await runsOf('once'), []);

  await advance(context, hourMs);
  await Promise.all([look(), look(), look(), look()]);
  await look();
  const [run, ...others] = await runsOf('once');
  assert.deepEqual(others, []);
  assert.equal(run?.state, 'launched');
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const task = await finished(db, run?.taskId as number);
  assert.deepEqual([task.state, task.principalName], ['succeeded', 'system: once']);
  assert.deepEqual(ran, [{ name: 'o', by: 'system: once' }]);
  const [after] = await manager.schedules();
  assert.ok(Number(after?.nextAt) > Date.now());
});

for (const [catchUp, states, tasks] of [
  ['none', ['missed'], 0],
  ['once', ['launched', 'missed'], 1],
  ['each', ['due', 'due', 'launched'], 1],
] as const)
  test(`three times that nobody was there for: ${catchUp}`, async (t) => {
    const schedule = defineSchedule({
      name: 'late',
      cron: '0 * * * *',
      catchUp,
      task: counted,
      params: { name: 'x' },
    });
    const { db, context, look, statesOf, manager } = await setUp(t, schedule);
    const { rows } = await db.pages.query<{ at: Date }>(
      `update ${db.t.schedule} set next_at = date_trunc('hour', now()) - interval '2 hours' returning next_at as at`,
    );
    // Just after an hour the latest of them is not missed.
    const isOnTime = Date.now() % hourMs < 2 * 60_000;
    assert.ok(rows[0]?.at);
    await look();
    if (isOnTime) return;
    assert.deepEqual(await statesOf('late'), states);
    assert.equal((await manager.list()).length, tasks);
    assert.equal(context.schedules.size, 1);
  });

test('each of the times that were missed begins when the one before has ended', async (t) => {
  const schedule = defineSchedule({
    name: 'each',
    ...yearly,
    catchUp: 'each',
    task: counted,
    params: { name: 'e' },
  });
  const { db, context, look, statesOf, connectionString, defer } = await setUp(t, schedule);
  await db.pages.query(
    `insert into ${db.t.schedule_run} (schedule, due_at, state) select 'each', now() - make_interval(hours => n), 'due' from generate_series(1, 3) n`,
  );
  await look();
  assert.deepEqual(await statesOf('each'), ['due', 'due', 'launched']);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const isDone = async () => (await statesOf('each')).every((state) => state === 'launched');
  for (const end = Date.now() + 20_000; !(await isDone()); await wait(50))
    assert.ok(Date.now() < end);
});

test('a time is left out while the one before is under way, or begins beside it where that is allowed', async (t) => {
  const beside = defineSchedule({
    ...yearly,
    name: 'beside',
    overlap: 'allow',
    task: counted,
    params: { name: 'b' },
  });
  const skipping = defineSchedule({
    ...yearly,
    name: 'skipping',
    task: counted,
    params: { name: 's' },
  });
  const { manager, look, statesOf, runsOf } = await setUp(t, beside, skipping);
  for (const name of ['beside', 'skipping', 'beside', 'skipping']) {
    await manager.runSchedule(name);
    await look();
    await wait(2);
  }
  assert.deepEqual(await statesOf('beside'), ['launched', 'launched']);
  assert.deepEqual(await statesOf('skipping'), ['skipped', 'launched']);
  const [skipped] = await runsOf('skipping');
  assert.match(skipped?.message ?? '', /^Task \d+ was still under way\.$/);
});

test('a schedule is run by hand, paused and resumed, by those who see every task', async (t) => {
  const { context, manager, look, runsOf, db } = await setUp(t, once);
  await manager.as(ada).runSchedule('once');
  await assert.rejects(manager.runSchedule('once'), { code: 'already-due' });
  await look();
  const [run] = await runsOf('once');
  assert.deepEqual([run?.state, run?.by?.name], ['launched', ada.name]);

  await manager.as(ada).pauseSchedule('once');
  const [paused] = await manager.schedules();
  assert.deepEqual(
    [paused?.isPaused, paused?.nextAt, paused?.pausedBy?.name],
    [true, null, ada.name],
  );
  await advance(context, hourMs);
  await announceSchedules(db.pages, context);
  await look();
  assert.equal((await runsOf('once')).length, 1);
  await manager.as(ada).resumeSchedule('once');
  const [resumed] = await manager.schedules();
  assert.equal(resumed?.isPaused, false);
  assert.ok(Number(resumed?.nextAt) > Date.now());

  assert.deepEqual(await manager.as(eve).schedules(), []);
  for (const call of ['runSchedule', 'pauseSchedule', 'resumeSchedule'] as const)
    await assert.rejects(manager.as(eve)[call]('once'), { code: 'not-found' });
  await assert.rejects(manager.runSchedule('nothing'), { code: 'not-found' });
});

test('a schedule that is taken out of the code is parked with its runs, and goes on when it is back', async (t) => {
  const { db, context, given, manager, look } = await setUp(t, once);
  await manager.runSchedule('once');
  await look();
  const without = testContext(db, {}, {}, { ...given, schedules: [] });
  await announceSchedules(db.pages, without);
  assert.equal((await manager.schedules())[0]?.isParked, false, 'others may name it yet');
  await db.pages.query(`update ${db.t.schedule} set seen_at = now() - interval '11 minutes'`);
  await announceSchedules(db.pages, without);
  const [parked] = await manager.schedules();
  assert.deepEqual([parked?.isParked, parked?.nextAt, parked?.runs.length], [true, null, 1]);
  await advance(context, hourMs);
  await look();
  assert.equal((await manager.schedules())[0]?.runs.length, 1);
  await announceSchedules(db.pages, context);
  const [back] = await manager.schedules();
  assert.equal(back?.isParked, false);
  assert.ok(Number(back?.nextAt) > Date.now());
});

test('another line begins anew from now, and the same line keeps its time', async (t) => {
  const { db, context, given, manager } = await setUp(t, once);
  await advance(context, hourMs);
  const dueAt = (await manager.schedules())[0]?.nextAt as Date;
  await announceSchedules(db.pages, context);
  assert.deepEqual((await manager.schedules())[0]?.nextAt, dueAt, 'what is due stays so');
  const other = defineSchedule({
    name: 'once',
    cron: '30 4 * * *',
    timeZone: 'Asia/Kolkata',
    task: counted,
    params: { name: 'o' },
  });
  await announceSchedules(db.pages, testContext(db, {}, {}, { ...given, schedules: [other] }));
  const [now] = await manager.schedules();
  assert.equal(now?.nextAt?.toISOString().slice(11, 16), '23:00');
});

test('a bulk operation counts its records again at each time, and stops where they are not as expected', async (t) => {
  const bulk = {
    resource: 'cities',
    operation: 'archive',
    where: { status: 'draft' },
    maxMove: 0.2,
    maxRecords: 100,
    confirmedCount: 30,
  } as const;
  const schedule = defineSchedule({ name: 'weekly', ...yearly, bulk });
  const { db, context, manager, look, runsOf, connectionString, defer } = await setUp(t, schedule);
  await insertPlaces(db, 160);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  const draft = (count: number) =>
    db.pages.query(
      `update gazetteer.city set status = (case when id <= $1 then 'draft' else 'published' end)::gazetteer.city_status`,
      [count],
    );
  const due = async () => {
    await db.pages.query(
      `insert into ${db.t.schedule_run} (schedule, due_at, state) values ('weekly', clock_timestamp(), 'due')`,
    );
    for (const end = Date.now() + 20_000; ; await wait(50)) {
      const [run] = await runsOf('weekly');
      if (run && run.state !== 'due') return run;
      assert.ok(Date.now() < end);
    }
  };
  await draft(40);
  const far = await due();
  assert.deepEqual([far.state, far.count, far.taskId], ['stopped', 40, null]);
  assert.match(far.message ?? '', /40 records matched where somebody confirmed 30: .*20 %/);

  await draft(33);
  const first = await due();
  assert.deepEqual([first.state, first.count], ['launched', 33]);
  const task = await finished(db, first.taskId as number);
  assert.deepEqual(
    [task.state, task.changed, task.principalName],
    ['succeeded', 33, 'system: weekly'],
  );

  const none = await due();
  assert.deepEqual([none.state, none.message], ['skipped', 'No record matched.']);
  await draft(39);
  const near = await due();
  assert.deepEqual(
    [near.state, near.count],
    ['launched', 39],
    'a fifth more than the 33 of the last run',
  );
  await finished(db, near.taskId as number);
  await draft(110);
  const many = await due();
  assert.match(many.message ?? '', /110 records matched, more than the 100/);
  await manager.runSchedule('weekly');
  await look();
  assert.equal((await runsOf('weekly'))[0]?.state, 'launched', 'somebody has asked for it');
});

test('a person who may not sign in any more is refused at each time, in words', async (t) => {
  const schedule = defineSchedule({
    name: 'hers',
    ...yearly,
    principal: ada,
    bulk: { resource: 'cities', operation: 'archive', where: { status: 'draft' } },
  });
  const { db, given, runsOf } = await setUp(t, schedule);
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set status = 'draft'`);
  const asked = testContext(db, {}, {}, given);
  const context = { ...asked, people: { ...asked.people, findUser: async () => null } };
  await taskManagerOf(given, context).runSchedule('hers');
  await beginRuns(context, db.background);
  const [run] = await runsOf('hers');
  assert.deepEqual([run?.state, run?.taskId], ['refused', null]);
  assert.match(run?.message ?? '', /may not sign in any more/);
});

test('what was launched for a time is found again where nobody could write that down', async (t) => {
  const schedule = defineSchedule({
    name: 'lost',
    ...yearly,
    bulk: { resource: 'cities', operation: 'archive', where: { status: 'draft' } },
  });
  const { db, manager, look, runsOf } = await setUp(t, schedule);
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set status = 'draft'`);
  await manager.runSchedule('lost');
  await look();
  const [first] = await runsOf('lost');
  await db.pages.query(`update ${db.t.schedule_run} set state = 'due', task_id = null`);
  await look();
  const [again] = await runsOf('lost');
  assert.equal(again?.taskId, first?.taskId);
  assert.equal((await manager.list()).length, 1);
});

for (const [what, options, why] of [
  ['a line', { cron: '0 25 * * *' }, /cron: "0 25 \* \* \*" is no line/],
  ['no time', { cron: '0 0 30 2 *' }, /no time comes/],
  ['a zone', { timeZone: 'Mars/Base' }, /no zone "Mars\/Base"/],
  ['parameters', { params: { nam: 'x' } }, /params\.name/],
  ['a name', { name: '1st' }, /its name begins/],
  ['an option', { catchup: 'once' }, /catchup is no option\. Did you mean "catchUp"/],
  ['catch-up', { catchUp: 'all' }, /catchUp must be one of none, once, each/],
  ['nothing', { task: undefined, params: undefined }, /needs a task or bulk/],
  [
    'a resource',
    {
      task: undefined,
      params: undefined,
      bulk: { resource: 'citys', operation: 'update', where: {} },
    },
    /no resource "citys"\. Did you mean "cities"/,
  ],
  [
    'an operation',
    {
      task: undefined,
      params: undefined,
      bulk: { resource: 'cities', operation: 'archve', where: {} },
    },
    /bulk\.operation: There is no operation “archve”/,
  ],
  [
    'its parameters',
    {
      task: undefined,
      params: undefined,
      bulk: { resource: 'cities', operation: 'update', where: {}, parameters: { populaton: 1 } },
    },
    /bulk\.parameters/,
  ],
] as const)
  test(`a start is refused for a schedule: ${what}`, async (t) => {
    const { db } = await testDatabase(t);
    const schedule = defineSchedule({
      ...once.options,
      task: counted,
      params: { name: 'x' },
      ...options,
    } as never);
    assert.throws(
      () => testContext(db, {}, {}, { ...sample, tasks: [counted], schedules: [schedule] }),
      (error: AppError) => why.test(error.message),
    );
  });
