import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { taskManagerOf } from '../../create-task-manager.ts';
import { createTestTasks } from '../../create-test-tasks.ts';
import { defineSchedule, type Schedule } from '../../task-definitions/define-schedule.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { TaskManager } from '../../task-manager.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { advance } from '../worker/advance.ts';
import { purge } from '../worker/retention.ts';
import { announceSchedules } from './announce-schedules.ts';
import { beginRuns } from './begin-runs.ts';
import { noteDue } from './note-due.ts';

const counted = defineTask({ name: 'counted', params: z.object({}), run: () => undefined });
const throwing = defineTask({
  name: 'throwing',
  params: z.object({}),
  title: () => {
    throw new TypeError('no title');
  },
  run: () => undefined,
});
const yearly = { cron: '0 0 1 1 *', params: {} };
const good = defineSchedule({ name: 'good', ...yearly, task: counted });

async function setUp(t: TestContext, schedules: Schedule[], more: object = {}) {
  const { db, connectionString } = await testDatabase(t);
  const given = { ...sample, taskHooks: [], tasks: [counted, throwing], schedules, ...more };
  const context = testContext(db, {}, {}, given);
  await announceSchedules(db.pages, context);
  const manager = taskManagerOf(given, context);
  return {
    db,
    context,
    given,
    manager,
    connectionString,
    async look() {
      await noteDue(context, db.background);
      await beginRuns(context, db.background);
    },
    async statesOf(name: string) {
      const found = (await manager.schedules()).find((one) => one.name === name);
      return found?.runs.map(({ state }) => state);
    },
    due: (name: string, count: number) =>
      db.pages.query(
        `insert into ${db.t.schedule_run} (schedule, due_at, state) select $1, now() - make_interval(secs => n), 'due' from generate_series(1, $2::int) n`,
        [name, count],
      ),
  };
}

class Refusing extends TaskManager {
  override onLaunch({ meta, principal }: { meta: unknown; principal: { name: string } }) {
    if (principal.name === 'system: bad') throw new TypeError('their database is away');
    return { meta };
  }
}
const away = () => {
  throw new Error('the directory is away');
};

for (const [what, bad, more] of [
  ['its title', defineSchedule({ name: 'bad', ...yearly, task: throwing }), {}],
  [
    'its manager',
    defineSchedule({ name: 'bad', ...yearly, task: counted }),
    { taskManager: Refusing },
  ],
  [
    'the directory of people',
    defineSchedule({ name: 'bad', ...yearly, principal: ada, task: counted }),
    { people: { getUser: () => null, refreshUser: away } },
  ],
] as const)
  test(`a schedule whose launch throws keeps no other waiting, and says so: ${what}`, async (t) => {
    const { manager, look, statesOf } = await setUp(t, [bad, good], more);
    for (const name of ['bad', 'good']) await manager.runSchedule(name);
    await look();
    assert.deepEqual([await statesOf('bad'), await statesOf('good')], [['due'], ['launched']]);
    const [first] = await manager.schedules();
    assert.match(first?.runs[0]?.message ?? '', /could not be launched, and is tried again/);
  });

for (const overlap of ['after', 'skip'] as const)
  test(`two workers that look at once begin one time of a schedule: ${overlap}`, async (t) => {
    const schedule = defineSchedule({ name: 'one', ...yearly, overlap, task: counted });
    const { db, context, due } = await setUp(t, [schedule]);
    for (let round = 0; round < 150; round++) {
      await db.pages.query(`delete from ${db.t.schedule_run}`);
      await db.pages.query(
        `update ${db.t.task} set state = 'succeeded', finished_at = now() where state = 'queued'`,
      );
      await due('one', 3);
      await Promise.all([
        beginRuns(context, db.pages),
        wait(Math.random() * 4).then(() => beginRuns(context, db.background)),
      ]);
      const { rowCount } = await db.pages.query(`select from ${db.t.task} where state = 'queued'`);
      assert.equal(rowCount, 1, `round ${round}`);
    }
  });

test('a schedule is paused while another time of it is being launched', async (t) => {
  let goOn: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let isAsked: () => void = () => undefined;
  const launching = new Promise<void>((resolve) => {
    isAsked = resolve;
  });
  class Slow extends TaskManager {
    override async onLaunch({ meta }: { meta: unknown }) {
      isAsked();
      await asked;
      return { meta };
    }
  }
  const { db, context, manager, statesOf } = await setUp(t, [good], { taskManager: Slow });
  await manager.runSchedule('good');
  const begun = beginRuns(context, db.background);
  await launching;
  await manager.pauseSchedule('good');
  goOn();
  await begun;
  assert.deepEqual(await statesOf('good'), ['launched']);
});

test('what waits of a paused schedule begins when it is resumed', async (t) => {
  const each = defineSchedule({ name: 'each', ...yearly, catchUp: 'each', task: counted });
  const { db, manager, look, statesOf, due } = await setUp(t, [each]);
  await due('each', 3);
  await look();
  await manager.pauseSchedule('each');
  const end = () =>
    db.pages.query(`update ${db.t.task} set state = 'succeeded', finished_at = now()`);
  await end();
  await look();
  assert.deepEqual(await statesOf('each'), ['due', 'due', 'launched']);
  await manager.resumeSchedule('each');
  await look();
  assert.deepEqual(await statesOf('each'), ['due', 'launched', 'launched']);
});

test('a process of older code parks nothing that a newer one names', async (t) => {
  const hourly = defineSchedule({ name: 'hourly', cron: '0 * * * *', task: counted, params: {} });
  const { db, context, given, look, statesOf } = await setUp(t, [hourly, good]);
  const older = { ...given, schedules: [good] };
  await taskManagerOf(older, testContext(db, {}, {}, older)).pauseSchedule('good');
  await advance(context, 7_200_000);
  await look();
  assert.equal((await statesOf('hourly'))?.[0], 'launched');
});

test('tests of a project drain what schedules have due, by hand and by the clock', async (t) => {
  const { connectionString, given } = await setUp(t, [good]);
  const { tasks, drain, advance, close } = await createTestTasks({
    admin: given,
    databaseUrl: connectionString,
  });
  try {
    await tasks.runSchedule('good');
    assert.equal((await drain()).length, 1);
    await advance(366 * 86_400_000);
    assert.equal((await drain()).length, 1);
  } finally {
    await close();
  }
});

test('times that are settled are forgotten as history is', async (t) => {
  const { db, context, statesOf } = await setUp(t, [good]);
  await db.pages.query(
    `insert into ${db.t.schedule_run} (schedule, due_at, state, settled_at)
     select 'good', now() - make_interval(days => n * 360), 'launched', now() - make_interval(days => n * 360) from generate_series(1, 3) n`,
  );
  await purge(context);
  assert.deepEqual(await statesOf('good'), ['launched']);
});
