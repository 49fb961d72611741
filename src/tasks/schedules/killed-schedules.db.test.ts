import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';

const file = join(import.meta.dirname, '../../testing/scheduled-admin.ts');
const kills = Number(process.env.BULKHEAD_TEST_KILLS ?? 4);
const everyMs = 3_000;

test(`each time of a schedule has one run, with ${kills} kills of two workers around due times`, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 1);
  await db.pages.query(`update gazetteer.city set notes = 'x'`);
  const start = () => startWorkerProcess(connectionString, {}, file);
  const workers = [await start(), await start()];
  defer(() => Promise.all(workers.map((worker) => worker.kill('SIGKILL'))));
  for (let kill = 0; kill < kills; kill++) {
    // From a fifth of a second before a time until as long after it as a look and a launch take.
    const due = Math.ceil((Date.now() + 500) / everyMs) * everyMs;
    await wait(due - Date.now() - 200 + Math.random() * 1_200);
    await workers[kill % 2]?.kill('SIGKILL');
    workers[kill % 2] = await start();
  }

  const read = async () =>
    (
      await db.pages.query<{ schedule: string; dueAt: Date; state: string; taskState: string }>(
        `select schedule, run.due_at as "dueAt", run.state, task.state as "taskState"
         from ${db.t.schedule_run} run left join ${db.t.task} task on task.id = run.task_id order by schedule, run.due_at`,
      )
    ).rows;
  const until = Date.now();
  const isSettled = async () =>
    (await read())
      .filter(({ dueAt }) => dueAt.getTime() <= until)
      .every(({ state, taskState }) => state === 'launched' && taskState === 'succeeded');
  for (const end = Date.now() + 60_000; !(await isSettled()); await wait(100))
    assert.ok(Date.now() < end, JSON.stringify(await read()));

  const runs = (await read()).filter(({ dueAt }) => dueAt.getTime() <= until);
  for (const schedule of ['archiving', 'ticking']) {
    const times = runs
      .filter((run) => run.schedule === schedule)
      .map(({ dueAt }) => dueAt.getTime());
    const [first = 0] = times;
    assert.ok(times.length >= kills, 'there was a time for each kill');
    assert.deepEqual(
      times,
      times.map((_, place) => first + place * everyMs),
      `${schedule}: no time is left out, and none is there twice`,
    );
  }
  // Whatever is under way at this moment, each task is of one time and each of both kinds ran once.
  await Promise.all(workers.map((worker) => worker.kill('SIGKILL')));
  const { rows } = await db.pages.query<{
    tasks: number;
    due: number;
    runs: number;
    added: boolean;
  }>(
    `select (select count(*)::int from ${db.t.task}) as tasks,
       (select count(*)::int from ${db.t.schedule_run} where state = 'due') as due,
       (select count(distinct task_id)::int from ${db.t.schedule_run} where state = 'launched') as runs,
       (select length(notes) - 1 from gazetteer.city where id = 1) = (select coalesce(sum(changed), 0) from ${db.t.task} where operation = 'update') as added`,
  );
  const [end] = rows;
  assert.ok(end && end.tasks >= end.runs && end.tasks - end.runs <= end.due, JSON.stringify(end));
  assert.ok(end.added, 'each run of the bulk operation added one');
});
