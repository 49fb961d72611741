import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { findHolder } from '../looking/holders.ts';
import { finishChunk } from '../running/finish-chunk.ts';
import { releaseSlot, takeSlot } from '../running/slots.ts';
import { recover } from '../worker/recovery.ts';
import { startWorker } from '../worker/worker.ts';
import { cancel } from './cancel.ts';

const key = (id: number) => String(id).padStart(20, '0');
const body = { field: 'notes', 'value.notes': 'changed' };

async function setUp(t: Parameters<typeof testDatabase>[0], chunkSize = 100) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, { recoveryIntervalMs: 50 }, { chunkSize });
  await insertPlaces(db, 1_000);
  const run = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
  };
  return { db, context, cities: context.registry.get('cities'), run, defer };
}

test('a task that waits is cancelled at once and never begins', async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  assert.equal(await cancel(context, ada, task.id), 'cancelled');
  await run();
  await new Promise((done) => setTimeout(done, 500));
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where notes is not null`,
  );
  assert.equal(rows[0].n, 0);
});

test('a running task ends before its next chunk; what was done stays, and the rest is free again', async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const holder = await db.pages.connect();
  await holder.query('begin');
  await holder.query('select 1 from gazetteer.city where id = 450 for update');
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  await run();
  for (let tries = 0; tries < 400; tries++) {
    const { rows } = await db.pages.query(`select chunks_done from ${db.t.task} where id = $1`, [
      task.id,
    ]);
    if (rows[0].chunks_done === 4) break;
    await new Promise((done) => setTimeout(done, 10));
  }
  assert.equal((await findHolder(db.pages, db.t, 'City', key(450)))?.taskId, task.id);
  assert.equal(await findHolder(db.pages, db.t, 'City', key(5)), null);
  assert.equal(await cancel(context, ada, task.id), 'cancelling');
  await holder.query('rollback');
  holder.release();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.reason], ['cancelled', 'cancelled']);
  const { rows } = await db.pages.query(
    `select count(*)::int as n from gazetteer.city where notes = 'changed'`,
  );
  assert.equal(rows[0].n, end.changed);
  assert.ok(end.changed < 1_000);
  assert.equal(await findHolder(db.pages, db.t, 'City', key(900)), null);
});

test("success beats a late cancel, and somebody else's task is not found", async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  await assert.rejects(cancel(context, eve, task.id), { status: 404 });
  await run();
  await finished(db, task.id);
  await assert.rejects(cancel(context, ada, task.id), { code: 'task-finished', status: 409 });
  assert.equal((await finished(db, task.id)).state, 'succeeded');
});

test('a runner whose slot was given away cannot count a chunk any more', async (t) => {
  const { db, context, cities } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  const lease = await takeSlot(context, db.background, task.id, randomUUID());
  assert.ok(lease);
  assert.equal(await takeSlot(context, db.background, task.id, randomUUID()), null);
  await db.pages.query(`update ${db.t.task} set state = 'running', chunk_count = 3 where id = $1`, [
    task.id,
  ]);
  const none = {
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
    outcome: none,
    durationMs: 1,
    stopRatio: 1,
  };
  assert.equal((await finishChunk(db.pages, db.t, { ...chunk, lease }))?.state, 'running');
  assert.equal(
    await finishChunk(db.pages, db.t, { ...chunk, lease: { ...lease, token: randomUUID() } }),
    null,
  );
  await releaseSlot(context, db.background, lease);
  assert.equal(await finishChunk(db.pages, db.t, { ...chunk, lease }), null);
});

test('five workers lost in a row without a chunk between fail the task, and its records are free', async (t) => {
  const { db, context, cities } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  for (let death = 1; death <= 5; death++) {
    const id = randomUUID();
    await db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'nowhere', 1)`, [
      id,
    ]);
    assert.ok(await takeSlot(context, db.background, task.id, id));
    assert.equal(await recover(context), 1);
  }
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.reason, end.deaths], ['failed', 'worker-died', 5]);
});

test('whoever may not sign in any more, or lost the right, changes nothing', async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  Object.assign(context.people, { findUser: async () => null });
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.reason, end.changed], ['failed', 'user-inactive', 0]);
});

test('a task runs by the roles of today, not by those it was launched with', async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  Object.assign(context.people, { findUser: async () => ({ ...ada, roles: ['viewer'] }) });
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.reason, end.changed], ['failed', 'forbidden', 0]);
});

test('a count that moved too far since it was confirmed ends the task before its first write', async (t) => {
  const { db, context, cities, run } = await setUp(t);
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: 'population-max=100' },
    'update',
    body,
  );
  await db.pages.query('update gazetteer.city set population = 1 where id between 500 and 520');
  await run();
  const end = await finished(db, task.id);
  assert.deepEqual([end.state, end.reason, end.changed], ['failed', 'count-changed', 0]);
});
