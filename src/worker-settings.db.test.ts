import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { keyOf } from './metadata/keys.ts';
import { runWorker } from './run-worker.ts';
import { defineTask } from './task-definitions/define-task.ts';
import { launchOwn } from './tasks/own/launch-own.ts';
import { ada, finished, launchOn } from './testing/context.ts';
import { type Installation, install } from './testing/setting-levels.ts';
import { until } from './testing/until.ts';

/** A worker of an installation, as `npm run work` starts one. */
async function begin({ connectionString, config, admin, defer }: Installation) {
  const worker = await runWorker(connectionString, config, admin, () => undefined);
  defer(() => worker.stop());
}

test('a worker has as many runners as the environment says', async (t) => {
  const meet = async (env: Record<string, string>, runners: number) => {
    const installation = await install(t, { env: { BULKHEAD_MIN_ASYNC_RECORDS: '1', ...env } }, 2);
    const { context, cities, db } = installation;
    const launched: number[] = [];
    for (const id of [1, 2]) {
      const keys = [keyOf(cities.model, { id })];
      const body = { field: 'notes', 'value.notes': 'changed' };
      launched.push((await launchOn(context, cities, { keys }, 'update', body)).task.id);
    }
    const holder = await db.background.connect();
    try {
      await holder.query('begin; select from gazetteer.city for update');
      await begin(installation);
      const running = `select from ${db.t.task} where state = 'running'`;
      await until(async () => (await db.pages.query(running)).rowCount === runners);
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    const [first, second] = await Promise.all(launched.map((id) => finished(db, id)));
    return Number(second?.startedAt) < Number(first?.finishedAt);
  };
  assert.equal(await meet({}, 2), true);
  assert.equal(await meet({ BULKHEAD_WORKER_CONCURRENCY: '1' }, 1), false);
});

/** How many of one more than so many tasks a worker runs at a time, each until so many have met. */
async function highestOf(t: TestContext, places: number, env: Record<string, string>) {
  let [now, highest] = [0, 0];
  const meeting = defineTask({
    name: 'meeting',
    params: z.object({}),
    async run() {
      now += 1;
      highest = Math.max(highest, now);
      await until(() => highest >= places);
      await wait(100);
      now -= 1;
    },
  });
  const installation = await install(t, { env, admin: { tasks: [meeting] } });
  const { context, db } = installation;
  const launched: number[] = [];
  for (let n = 0; n <= places; n++)
    launched.push((await launchOwn(context, meeting, {}, { principal: ada })).id);
  await begin(installation);
  for (const id of launched) assert.equal((await finished(db, id)).state, 'succeeded');
  return highest;
}

test('a worker runs as many tasks of the project’s own at a time as the environment says', async (t) => {
  for (const places of [1, 3])
    assert.equal(await highestOf(t, places, { BULKHEAD_PLACES: String(places) }), places);
});

test('where nobody says how many, a worker runs one for each core, and at most eight', async (t) => {
  const places = Math.min(8, availableParallelism());
  assert.equal(await highestOf(t, places, {}), places);
});

test('the pool of a worker has as many connections as the environment says, enough for all that it runs at a time, and is refused with fewer', async (t) => {
  const env = { BULKHEAD_MIN_ASYNC_RECORDS: '1', BULKHEAD_WORKER_CONCURRENCY: '4' };
  const places = { ...env, BULKHEAD_PLACES: '3' };
  await assert.rejects(
    install(t, { env: { ...places, BULKHEAD_WORKER_POOL_SIZE: '8' } }).then(begin),
    {
      code: 'invalid-settings',
      message:
        'Settings that cannot be used: BULKHEAD_WORKER_POOL_SIZE: must be at least 9 with BULKHEAD_WORKER_CONCURRENCY 4 and BULKHEAD_PLACES 3.',
    },
  );
  const saving = defineTask({
    name: 'saving',
    params: z.object({ id: z.number() }),
    async run({ id }, { change }) {
      await change('cities', [id], { notes: 'by code' });
    },
  });
  const installation = await install(
    t,
    { env: { ...places, BULKHEAD_WORKER_POOL_SIZE: '9' }, admin: { tasks: [saving] } },
    40,
  );
  const { context, cities, db } = installation;
  const launched: number[] = [];
  for (let id = 1; id <= 20; id++) {
    const keys = [keyOf(cities.model, { id })];
    const body = { field: 'notes', 'value.notes': 'changed' };
    launched.push((await launchOn(context, cities, { keys }, 'update', body)).task.id);
    launched.push((await launchOwn(context, saving, { id: id + 20 }, { principal: ada })).id);
  }
  await begin(installation);
  for (const id of launched) assert.equal((await finished(db, id)).state, 'succeeded');
  const { rows } = await db.pages.query<{ count: number }>(
    `select count(*)::int as count from pg_stat_activity where application_name = (select id::text from ${db.t.worker})`,
  );
  // Beside the pool its session.
  assert.equal(rows[0]?.count, 1 + 9);
});

test('a worker takes tasks of the queues of the environment alone', async (t) => {
  const on = (queue: string) =>
    defineTask({ name: `on-${queue}`, params: z.object({}), queue, run: () => queue });
  const [mail, reports] = [on('mail'), on('reports')];
  const env = { BULKHEAD_QUEUES: 'mail, bulk', BULKHEAD_PLACES: '1' };
  const installation = await install(t, { env, admin: { tasks: [mail, reports] } });
  const { context, db } = installation;
  const left = await launchOwn(context, reports, {}, { principal: ada });
  const taken = await launchOwn(context, mail, {}, { principal: ada });
  await begin(installation);
  assert.equal((await finished(db, taken.id)).result, 'mail');
  const { rows } = await db.pages.query(
    `select state, (select queues from ${db.t.worker}) as queues from ${db.t.task} where id = $1`,
    [left.id],
  );
  assert.deepEqual(rows, [{ state: 'queued', queues: ['mail', 'bulk'] }]);
});

test('secret parameters are kept encrypted by the keys of the environment, and refuse the start without one', async (t) => {
  const given: unknown[] = [];
  const sync = defineTask({
    name: 'sync',
    params: z.object({ token: z.string() }),
    secret: ['token'],
    run: ({ token }) => void given.push(token),
  });
  const admin = { tasks: [sync] };
  await assert.rejects(install(t, { admin }), /set BULKHEAD_ENCRYPTION_KEYS/);
  const env = { BULKHEAD_ENCRYPTION_KEYS: randomBytes(32).toString('base64') };
  const installation = await install(t, { env, admin });
  const { context, db } = installation;
  const { id } = await launchOwn(context, sync, { token: 'tok-4711' }, { principal: ada });
  const { rows } = await db.pages.query<{ text: string }>(
    `select task::text as text from ${db.t.task} task`,
  );
  assert.doesNotMatch(rows[0]?.text ?? '', /4711/);
  await begin(installation);
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(given, ['tok-4711']);
});
