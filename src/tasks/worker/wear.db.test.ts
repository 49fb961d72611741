import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { startCommand, stopCommands } from '../../testing/command.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { launchOwn } from '../own/launch-own.ts';
import { startWorker } from './worker.ts';

const places = 3_000;

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, places);
  await insertPrincipals(db);
  const context = testContext(db);
  const launch = async (from: number, count: number) => {
    const keys = Array.from({ length: count }, (_, n) => String(from + n).padStart(20, '0'));
    const cities = context.registry.get('cities');
    const body = { field: 'notes', 'value.notes': 'changed' };
    return (await launchOn(context, cities, { keys }, 'update', body, ada, { inBackground: true }))
      .task.id;
  };
  /** A worker as `npm run work` starts one. */
  const work = async (env: Record<string, string>) => {
    defer(stopCommands);
    const all = { DATABASE_URL: connectionString, BULKHEAD_LOG_LEVEL: 'error', ...env };
    const program = [process.execPath, ...process.execArgv] as const;
    const command = await startCommand(['src/cli/work.ts'], all, undefined, program);
    const ended = new Promise<number | null>((resolve) => command.child.once('exit', resolve));
    return { ended, text: command.text };
  };
  const left = async () =>
    (
      await db.pages.query(
        `select (select count(*)::int from ${db.t.task_slot}) as slots, (select count(*)::int from ${db.t.worker}) as workers`,
      )
    ).rows[0];
  return { db, connectionString, defer, context, launch, work, left };
}

test('a worker that has begun as many tasks as it may takes nothing more, ends what it has begun, and its process ends well, saying why', async (t) => {
  const { db, launch, work, left } = await setUp(t);
  const ids: number[] = [];
  for (let n = 0; n < 5; n++) ids.push(await launch(1 + n * 30, 30));
  const { ended, text } = await work({
    BULKHEAD_WORKER_MAX_TASKS: '2',
    BULKHEAD_WORKER_CONCURRENCY: '1',
  });
  assert.equal(await ended, 0);
  assert.match(text(), /The worker has stopped.*It has begun 2 tasks.*BULKHEAD_WORKER_MAX_TASKS/);
  assert.deepEqual(await left(), { slots: 0, workers: 0 });
  const { rows } = await db.pages.query(
    `select state, count(*)::int as count from ${db.t.task} group by 1 order by 1`,
  );
  const of = (state: string) => rows.find((row) => row.state === state)?.count ?? 0;
  assert.ok(of('succeeded') >= 1 && of('succeeded') <= 2, JSON.stringify(rows));
  const next = await work({});
  for (const id of ids) assert.equal((await finished(db, id)).state, 'succeeded');
  assert.doesNotMatch(next.text(), /has stopped/);
});

test('a worker that takes more memory than it may hands on its bulk work, and its process ends well, saying why', async (t) => {
  const { db, launch, work, left } = await setUp(t);
  await countWrites(db);
  const id = await launch(1, places);
  const { ended, text } = await work({
    BULKHEAD_WORKER_MAX_MEMORY_MB: '64',
    BULKHEAD_CHUNK_SIZE: '10',
  });
  assert.equal(await ended, 0);
  assert.match(text(), /The worker has stopped.*MB of memory, more than 64/);
  assert.deepEqual(await left(), { slots: 0, workers: 0 });
  await work({});
  assert.equal((await finished(db, id)).state, 'succeeded');
  const { rows } = await db.pages.query('select distinct writes from gazetteer.city');
  assert.deepEqual(rows, [{ writes: 1 }]);
});

test('where it runs beside pages, a worker begins anew under another id once own tasks have ended that it is at', async (t) => {
  const { db, connectionString, defer } = await setUp(t);
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const holding = defineTask({
    name: 'holding',
    params: z.object({}),
    run: () => released,
  });
  const admin = { ...sample, schedules: [], taskHooks: [], tasks: [holding] };
  const context = testContext(db, {}, {}, admin);
  const worker = await startWorker(context, {
    ...{ connectionString, concurrency: 1, places: 2 },
    ...{ maxTasks: 1, isRenewed: true },
  });
  defer(() => worker.stop());
  const read = async () =>
    (
      await db.pages.query<{ id: string; isQuiet: boolean }>(
        `select id, quiet_at is not null as "isQuiet" from ${db.t.worker}`,
      )
    ).rows;
  const [first] = await read();
  const one = await launchOwn(context, holding, {}, { principal: ada });
  await until(async () => (await read())[0]?.isQuiet === true);
  const other = await launchOwn(context, holding, {}, { principal: ada });
  assert.equal((await read())[0]?.id, first?.id);
  release();
  for (const { id } of [one, other]) assert.equal((await finished(db, id)).state, 'succeeded');
  await until(async () => {
    const [now] = await read();
    return now !== undefined && now.id !== first?.id;
  });
});
