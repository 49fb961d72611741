import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import { defineResource, type TypedResourceOptions } from '../index.ts';
import { ada, finished, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import type { TaskSettings } from './context.ts';
import type { RunOptions } from './run-options.ts';
import { finishChunk } from './running/finish-chunk.ts';
import { takeSlot } from './running/slots.ts';
import { startWorker } from './worker/worker.ts';

interface SetUp {
  places?: number;
  options?: TypedResourceOptions<typeof metadata, 'City'>;
  settings?: Partial<TaskSettings>;
  chunkSize?: number;
}

const everything = { kind: 'matching', filter: '' } as const;
const note = { field: 'notes', 'value.notes': 'changed' };

async function setUp(
  t: TestContext,
  { places = 600, options = {}, settings = {}, chunkSize = 100 }: SetUp,
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const admin = {
    ...sample,
    schedules: [],
    resources: [defineResource(metadata, 'City', options), ...sample.resources.slice(1)],
  };
  const logLines: string[] = [];
  const context = {
    ...testContext(db, settings, { chunkSize }, admin),
    log: (...line: unknown[]) => void logLines.push(inspect(line)),
  };
  await insertPlaces(db, places);
  const launch = (given: Partial<RunOptions> = {}) =>
    launchOn(context, context.registry.get('cities'), everything, 'update', note, ada, given);
  const worker = await startWorker(context, { connectionString, concurrency: 3 });
  defer(() => worker.stop());
  const run = async (given: Partial<RunOptions> = {}) =>
    finished(db, (await launch(given)).task.id);
  const onUpdate = (body: string) =>
    db.pages.query(`
      create function gazetteer.on_update() returns trigger language plpgsql as $$ begin ${body} return new; end $$;
      create trigger on_update before update on gazetteer.city for each row execute function gazetteer.on_update();
    `);
  const count = async (condition: string) =>
    (await db.pages.query(`select count(*)::int as n from gazetteer.city where ${condition}`))
      .rows[0].n as number;
  return { db, context, logLines, launch, run, onUpdate, count };
}

test('a task stops at the share of refused records that its person chose, else at its resource’s', async (t) => {
  const { db, run, count } = await setUp(t, {
    places: 3_000,
    options: { bulk: { stopRatio: 0.1 } },
  });
  await db.pages.query(
    `alter table gazetteer.city add constraint fifth check (id % 5 <> 0 or notes is null) not valid`,
  );
  const stopped = await run();
  assert.deepEqual([stopped.state, stopped.reason], ['failed', 'too-many-refused']);
  assert.ok(stopped.done >= 1_000 && stopped.done < 3_000, String(stopped.done));
  const gone = await run({ stopRatio: 0.3 });
  assert.deepEqual([gone.state, gone.failed, gone.done], ['partial', 600, 3_000]);
  assert.equal(await count('notes is not null'), 2_400);
});

test('a resource that says so is changed all or nothing', async (t) => {
  const { db, run, count } = await setUp(t, { options: { bulk: { atomic: 'all' } } });
  await db.pages.query(
    `alter table gazetteer.city add constraint last check (id <> 600 or notes is null) not valid`,
  );
  const end = await run();
  assert.deepEqual([end.state, end.changed, end.failed, end.chunkCount], ['failed', 0, 1, 1]);
  assert.equal(await count('notes is not null'), 0);
  await db.pages.query('alter table gazetteer.city drop constraint last');
  assert.equal((await run()).changed, 600);
});

test('all or nothing is for 10,000 records at most, and more are refused at the click', async (t) => {
  const { db, launch, run, count } = await setUp(t, {
    places: 10_001,
    options: { bulk: { atomic: 'all' } },
  });
  await assert.rejects(launch(), {
    code: 'too-many-at-once',
    status: 422,
    message: /At most 10,000 cities/,
  });
  assert.equal((await db.pages.query(`select 1 from ${db.t.task}`)).rowCount, 0);
  await db.pages.query('delete from gazetteer.city where id = 10001');
  assert.equal((await run()).changed, 10_000);
  assert.equal(await count('notes is null'), 0);
});

test('as many runners work side by side as the resource says', async (t) => {
  const { db, run, onUpdate } = await setUp(t, {
    options: { bulk: { parallelism: 3, chunkSize: 20 } },
  });
  await db.pages.query('alter table gazetteer.city add column writers int');
  // Whoever writes holds a lock with the others until its chunk is done.
  await onUpdate(
    `perform pg_advisory_xact_lock_shared(77, 77), pg_sleep(0.001);
     select count(*) into new.writers from pg_locks where locktype = 'advisory' and classid = 77 and objid = 77;`,
  );
  const end = await run();
  assert.deepEqual([end.changed, end.parallelism], [600, 3]);
  const { rows } = await db.pages.query('select max(writers)::int as runners from gazetteer.city');
  assert.equal(rows[0].runners, 3);
});

for (const [code, name] of [
  ['40001', 'a failed serialisation'],
  ['40P01', 'a deadlock'],
] as const) {
  test(`${name} is tried again and never counted as a refusal`, async (t) => {
    const { db, run, onUpdate, logLines } = await setUp(t, {});
    await db.pages.query('create sequence gazetteer.tries');
    await onUpdate(
      `if new.id = 150 and nextval('gazetteer.tries') <= 2 then raise exception using errcode = '${code}', message = 'again'; end if;`,
    );
    const end = await run();
    assert.deepEqual([end.state, end.failed, end.changed], ['succeeded', 0, 600]);
    assert.equal(logLines.filter((line) => line.includes('a chunk is tried again')).length, 2);
  });
}

test('a record that somebody holds for long is waited for no longer than the timeout, tried again, and never refused', async (t) => {
  const { db, launch, logLines } = await setUp(t, { settings: { lockTimeoutMs: 50 } });
  const editing = await db.pages.connect();
  await editing.query('begin; select 1 from gazetteer.city where id = 150 for update');
  const { task } = await launch();
  const again = () => logLines.find((line) => line.includes('a chunk is tried again'));
  for (let tries = 0; tries < 1_000 && !again(); tries++)
    await new Promise((done) => setTimeout(done, 10));
  await editing.query('rollback');
  editing.release();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.failed, end.changed], ['succeeded', 0, 600]);
  assert.match(again() ?? '', /lock timeout/);
});

for (const [writeThrough, idle] of [
  ['sql', '15s'],
  // What is between two statements may be code of the project's.
  ['client', '55s'],
] as const) {
  test(`every chunk has timeouts for statements, locks and idling: ${writeThrough}`, async (t) => {
    const settings = { statementTimeoutMs: 20_000, lockTimeoutMs: 3_000, staleAfterMs: 15_000 };
    const { db, run, onUpdate } = await setUp(t, {
      places: 60,
      options: { writeThrough },
      settings,
    });
    await db.pages.query('alter table gazetteer.city add column timeouts text');
    const names = ['statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout'];
    await onUpdate(
      `new.timeouts := concat_ws(' ', ${names.map((name) => `current_setting('${name}')`).join(', ')});`,
    );
    assert.equal((await run()).changed, 60);
    const { rows } = await db.pages.query('select distinct timeouts from gazetteer.city');
    assert.deepEqual(rows, [{ timeouts: `20s 3s ${idle}` }]);
  });
}

test('a chunk knows before it commits whether somebody waits for one of its records', async (t) => {
  const { db, defer } = await testDatabase(t);
  const context = testContext(db);
  await insertPlaces(db, 10);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    note,
    ada,
    {
      inBackground: true,
    },
  );
  const lease = await takeSlot(context, db.background, task.id, randomUUID());
  assert.ok(lease);
  await db.pages.query(`update ${db.t.task} set state = 'running', chunk_count = 3 where id = $1`, [
    task.id,
  ]);
  const outcome = {
    changed: 1,
    unchanged: 0,
    gone: 0,
    failed: 0,
    conflicted: 0,
    keptBack: 0,
    refusals: [],
    conflicts: [],
  };
  const chunk = {
    taskId: task.id,
    number: 0,
    added: 0,
    outcome,
    durationMs: 1,
    stopRatio: 1,
    lease,
  };
  const runner = await db.background.connect();
  defer(() => runner.release());
  await runner.query(`begin; update gazetteer.city set notes = 'x' where id = 5`);
  assert.equal((await finishChunk(runner, db.t, chunk))?.isWaitedFor, false);
  const waiting = db.pages.query(`update gazetteer.city set rating = 1 where id = 5`);
  const locked = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await db.pages.query(locked)).rowCount === 0)
    await new Promise((done) => setTimeout(done, 5));
  assert.equal((await finishChunk(runner, db.t, { ...chunk, number: 1 }))?.isWaitedFor, true);
  await runner.query('commit');
  await waiting;
});
