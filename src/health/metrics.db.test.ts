import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../admin.ts';
import { keyOf } from '../metadata/keys.ts';
import { defineTask } from '../task-definitions/define-task.ts';
import { launchOwn } from '../tasks/own/launch-own.ts';
import { startWorker } from '../tasks/worker/worker.ts';
import { testApp } from '../testing/app.ts';
import { ada, finished, launchOn, testContext } from '../testing/context.ts';
import { insertPlaces } from '../testing/places.ts';
import { readMetrics, type Samples } from '../testing/read-metrics.ts';
import { install } from '../testing/setting-levels.ts';
import { until } from '../testing/until.ts';
import { version } from '../version.ts';
import { buildMeters } from './meters.ts';
import { metrics } from './metric-docs.ts';

/** Until it is let go. */
function holding() {
  const gate = Promise.withResolvers<void>();
  return {
    letGo: gate.resolve,
    task: defineTask({
      name: 'hold',
      params: z.object({}),
      queue: 'mail',
      run: (_, { signal }) => Promise.race([gate.promise, wait(60_000, undefined, { signal })]),
    }),
  };
}

/** Of the context’s process, as it is now. */
async function samplesOf(context: { meters: { read(): Promise<{ text: string }> } }) {
  // What was read for the one before is good for a second.
  const before = (await context.meters.read()).text;
  let { text } = await context.meters.read();
  for (; text === before; { text } = await context.meters.read()) await wait(50);
  return readMetrics(text);
}

test('the docs list every metric of ours with its type and labels, and no other', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const said = [...text.matchAll(/^\| `(bulkhead_\w+)` \| (\w+) \| ([^|]*) \|/gm)].map(
    ([, name, type, labels = '']) => [
      name,
      type,
      [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
    ],
  );
  assert.deepEqual(
    said,
    Object.values(metrics).map(({ name, type, labels }) => [name, type, labels]),
  );
});

const failing = defineTask({
  name: 'fail',
  params: z.object({}),
  run: () => Promise.reject(new Error('no')),
  attempts: 1,
});

/** A process of pages, and what two workers beside it would be, over one database. */
async function threeProcesses(t: TestContext) {
  const held = holding();
  const admin = { ...sample, schedules: [], taskHooks: [], tasks: [held.task, failing] };
  const site = await testApp(t, { admin, env: { BULKHEAD_MIN_ASYNC_RECORDS: '5' } });
  const workers = [1, 2].map(() => testContext(site.db, {}, {}, admin));
  return { ...site, ...held, workers };
}

const sumOf = (all: readonly Samples[], name: string) =>
  all.reduce((sum, samples) => sum + (samples.get(name) ?? 0), 0);

test('every metric of the database moves with it, and is the same whichever process is asked', async (t) => {
  const { db, context, connectionString, task, letGo, workers } = await threeProcesses(t);
  const all = [context, ...workers];
  const inAll = async (expected: Record<string, number>) => {
    for (const samples of await Promise.all(all.map(samplesOf)))
      for (const [name, value] of Object.entries(expected))
        assert.equal(samples.get(name) ?? null, value, name);
  };
  const none = {
    ...{ bulkhead_database_up: 1, bulkhead_alerts: 0 },
    'bulkhead_workers{state="alive"}': 0,
    'bulkhead_deliveries{kind="hook",state="waiting"}': 0,
  };
  await inAll(none);

  for (let count = 0; count < 3; count++) await launchOwn(context, task, {}, { principal: ada });
  await db.pages.query(`update ${db.t.task} set queued_at = now() - interval '90 s'`);
  await db.pages.query(
    `insert into ${db.t.task_delivery} (hook, event_id, task_id, name, payload, parked_at) values ('a', 1, 1, 'task:failed', '{}', null), ('a', 2, 1, 'task:failed', '{}', now())`,
  );
  await db.pages.query(
    `insert into ${db.t.notice} (event_id, channel, recipient, content, state) select n, 'x', '', '{}', case when n < 3 then 'waiting' else 'given-up' end from generate_series(1, 5) n`,
  );
  await db.pages.query(
    `insert into ${db.t.alert} (finding, title, path, over_at) values ('a', 'A', '/', null), ('b', 'B', '/', now())`,
  );
  await db.pages.query(
    `insert into ${db.t.worker} (id, host, pid, backends, quiet_at) values (gen_random_uuid(), 'gone', 1, '{queue}', now())`,
  );
  await inAll({
    'bulkhead_tasks{kind="own",state="queued"}': 3,
    'bulkhead_queue_waiting_tasks{queue="mail"}': 3,
    ...{ 'bulkhead_workers{state="stale"}': 1, 'bulkhead_workers{state="quiet"}': 0 },
    'bulkhead_deliveries{kind="hook",state="waiting"}': 1,
    'bulkhead_deliveries{kind="hook",state="given_up"}': 1,
    'bulkhead_deliveries{kind="notice",state="waiting"}': 2,
    'bulkhead_deliveries{kind="notice",state="given_up"}': 3,
    bulkhead_alerts: 1,
  });
  const waited = await samplesOf(context);
  assert.ok((waited.get('bulkhead_queue_oldest_seconds{queue="mail"}') ?? 0) >= 90);
  assert.ok((waited.get('bulkhead_audit_unsealed_seconds') ?? 0) > 0);
  assert.equal(waited.get(`bulkhead_info{version="${version}"}`), 1);

  const started = await Promise.all(
    workers.map((one) => startWorker(one, { connectionString, concurrency: 1, places: 1 })),
  );
  try {
    await until(
      async () =>
        (await db.pages.query(`select from ${db.t.task} where state = 'running'`)).rowCount === 2,
    );
    await db.pages.query(`update ${db.t.worker} set quiet_at = now() where id = $1`, [
      started[0]?.now().id,
    ]);
    await inAll({
      'bulkhead_workers{state="alive"}': 2,
      'bulkhead_workers{state="busy"}': 2,
      'bulkhead_workers{state="quiet"}': 1,
      'bulkhead_tasks{kind="own",state="running"}': 2,
      'bulkhead_queue_waiting_tasks{queue="mail"}': 1,
    });
  } finally {
    letGo();
    await Promise.all(started.map((worker) => worker.stop()));
  }
});

test('what processes count of themselves adds up: records, chunks, ends by reason', async (t) => {
  const { db, context, connectionString, workers } = await threeProcesses(t);
  await insertPlaces(db, 400);
  const cities = context.registry.get('cities');
  await db.pages.query(`update gazetteer.city set notes = 'one' where id = 7`);
  await db.pages.query(
    `alter table gazetteer.city add constraint refused check (id not in (5, 6) or notes is distinct from 'one')`,
  );
  const started = await Promise.all(
    workers.map((one) => startWorker(one, { connectionString, concurrency: 1, places: 1 })),
  );
  try {
    const change = (notes: string, selected: object) =>
      launchOn(context, cities, selected, 'update', { field: 'notes', 'value.notes': notes });
    // Within the call: the process of pages does it.
    assert.equal(
      (await change('two', { keys: [1, 2, 3].map((id) => keyOf(cities.model, { id })) })).outcome,
      'inline',
    );
    const ids = [
      (await change('one', { kind: 'matching' })).task.id,
      (await launchOwn(context, failing, {}, { principal: ada })).id,
    ];
    for (const id of ids) await finished(db, id);
    await until(async () => {
      const { rows } = await db.pages.query(
        `select count(*)::int as count from ${db.t.task_event} where not is_fanned`,
      );
      return rows[0].count === 0;
    });
    const samples = await Promise.all([context, ...workers].map(samplesOf));
    const { rows } = await db.pages.query(
      `select sum(changed)::int as changed, sum(unchanged)::int as unchanged, sum(failed)::int as failed, sum(chunks_done)::int as chunks from ${db.t.task}`,
    );
    const outcomes = ['changed', 'unchanged', 'failed'].map((outcome) => [
      sumOf(samples, `bulkhead_records_total{outcome="${outcome}"}`),
      rows[0][outcome],
    ]);
    assert.deepEqual(outcomes, [
      [400, 400],
      [1, 1],
      [2, 2],
    ]);
    assert.deepEqual(
      [
        sumOf(samples, 'bulkhead_chunk_seconds_count'),
        sumOf(samples, 'bulkhead_tasks_ended_total{kind="own",reason="error",state="failed"}'),
      ],
      [rows[0].chunks, 1],
    );
    assert.equal(samples[0]?.get('bulkhead_records_total{outcome="changed"}'), 3);
    assert.ok(sumOf(samples, 'bulkhead_chunk_seconds_sum') > 0);
    assert.ok(
      sumOf(samples, 'bulkhead_tasks_ended_total{kind="bulk",reason="",state="succeeded"}') >= 1,
    );
    assert.equal(
      sumOf(
        samples,
        'bulkhead_tasks_ended_total{kind="bulk",reason="records-refused",state="partial"}',
      ),
      1,
    );
  } finally {
    await Promise.all(started.map((worker) => worker.stop()));
  }
});

test('requests are measured by the template of their route and the class of their status', async (t) => {
  const { app, context, signIn } = await threeProcesses(t);
  const admin = await signIn('admin');
  await admin.get('/cities/4711');
  await admin.get('/cities/4712');
  await admin.get('/nowhere/at/all/there');
  await app.inject('/healthz');
  const samples = await samplesOf(context);
  const count = (labels: string) => samples.get(`bulkhead_http_request_seconds_count{${labels}}`);
  assert.equal(count('method="GET",route="/:resource/:id",status="4xx"'), 2);
  assert.equal(count('method="GET",route="none",status="4xx"'), 1);
  assert.equal(count('method="GET",route="/healthz",status="2xx"'), 1);
  assert.equal(count('method="POST",route="/sign-in",status="3xx"'), 1);
  assert.doesNotMatch([...samples.keys()].join('\n'), /4711|nowhere/);
});

test('connections are counted by their pool, and those who wait for one', async (t) => {
  const { db, context } = await install(t, {});
  const clients = await Promise.all(
    Array.from({ length: db.pages.options.max ?? 0 }, () => db.pages.connect()),
  );
  const waiting = [db.pages.connect(), db.pages.connect()];
  const samples = await samplesOf(context);
  const count = (state: string) =>
    samples.get(`bulkhead_pool_connections{pool="pages",state="${state}"}`);
  assert.deepEqual([count('total'), count('idle'), count('waiting')], [clients.length, 0, 2]);
  for (const client of clients) client.release();
  for (const client of waiting) (await client).release();
  const later = await samplesOf(context);
  assert.equal(later.get('bulkhead_pool_connections{pool="pages",state="waiting"}'), 0);
});

test('what Node says of a process is there, and moves', async (t) => {
  const { context } = await install(t, {});
  const before = await samplesOf(context);
  for (const until = Date.now() + 300; Date.now() < until; );
  const after = await samplesOf(context);
  assert.notEqual(
    after.get('nodejs_eventloop_lag_max_seconds'),
    before.get('nodejs_eventloop_lag_max_seconds'),
  );
  const moved = ['process_cpu_seconds_total', 'process_cpu_user_seconds_total'];
  for (const name of moved) assert.ok((after.get(name) ?? 0) > (before.get(name) ?? 0), name);
  for (const name of ['process_resident_memory_bytes', 'nodejs_heap_size_used_bytes'])
    assert.ok((after.get(name) ?? 0) > 1_000_000, name);
});

test('a database that does not answer leaves out what it would say, and nothing else', async (t) => {
  const { db, context } = await install(t, {});
  await db.pages.query(`alter table ${db.t.alert} rename to away`);
  const without = await samplesOf(context);
  assert.equal(without.get('bulkhead_database_up'), 0);
  const ours = [...without.keys()].filter((name) => name.startsWith('bulkhead_'));
  assert.ok(ours.some((name) => name.startsWith('bulkhead_pool_connections')));
  for (const name of ['bulkhead_alerts', 'bulkhead_workers', 'bulkhead_audit_unsealed_seconds'])
    assert.deepEqual(
      ours.filter((one) => one.startsWith(name)),
      [],
      name,
    );
  await db.pages.query(`alter table ${db.schema}.away rename to alert`);
  assert.equal((await samplesOf(context)).get('bulkhead_database_up'), 1);
});

test('while one reading waits for the database nobody begins another, and nothing is counted twice', async (t) => {
  const { task, db, context } = await threeProcesses(t);
  for (let count = 0; count < 3; count++) await launchOwn(context, task, {}, { principal: ada });
  const holder = await db.background.connect();
  await holder.query(`begin; lock table ${db.t.alert} in access exclusive mode`);
  const first = context.meters.read();
  // For longer than what was read is good for.
  await wait(1_100);
  const second = context.meters.read();
  await holder.query('rollback');
  holder.release();
  for (const { text } of await Promise.all([first, second])) {
    const said = readMetrics(text).get('bulkhead_tasks{kind="own",state="queued"}');
    // A machine that is slow leaves it out.
    assert.equal(said ?? 3, 3);
  }
});

test('reading is done once for all who ask within a second', async (t) => {
  const { db } = await install(t, {});
  let asked = 0;
  const { read } = buildMeters(() => {
    asked += 1;
    return { db, log: () => undefined };
  });
  const texts = await Promise.all(Array.from({ length: 50 }, () => read()));
  assert.deepEqual([asked, new Set(texts.map(({ text }) => text)).size], [1, 1]);
});
