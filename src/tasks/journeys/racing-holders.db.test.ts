import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { insertPrincipals } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { type Outcomes, race, raced } from '../../testing/race.ts';
import { racingSql } from '../../testing/racing-admin.ts';
import { findBroken, invariantsAlways } from '../../testing/task-invariants.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { unfinishedSql } from '../states.ts';

/** More by command: `BULKHEAD_TEST_LAUNCHES=500`. */
const launches = Number(process.env.BULKHEAD_TEST_LAUNCHES ?? 120);
/** From so many on each outcome must have been met. */
const fullSize = 300;
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20_261_130);
const folder = join(import.meta.dirname, '../../testing');

test(`${launches} racing launches over three models, saves and asserts beside, from 20 connections of two processes: never two holders who are not of one family (seed ${seed})`, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPrincipals(db);
  await insertPlaces(db, raced);
  await db.pages.query(
    `insert into gazetteer.tag (name) select 'tag ' || n from generate_series(4, $1::int) n`,
    [raced],
  );
  await db.pages.query(
    `insert into gazetteer.language (code, name) select 'l' || n, 'language ' || n from generate_series(1, $1::int) n`,
    [raced],
  );
  await db.pages.query(racingSql);
  for (let count = 0; count < 2; count++) {
    const env = { BULKHEAD_PLACES: '4', BULKHEAD_WORKER_CONCURRENCY: '2' };
    const worker = await startWorkerProcess(connectionString, env, join(folder, 'racing-admin.ts'));
    defer(() => worker.kill('SIGTERM'));
  }
  const { 'no record is held by two tasks, but by one and those whose part it is': one } =
    invariantsAlways(db);
  let isOver = false;
  const watching = (async () => {
    const broken: string[] = [];
    for (; !isOver; await wait(10)) broken.push(...(await findBroken(db, { one: one as string })));
    return broken;
  })();

  const half = Math.floor(launches / 2);
  const there = promisify(execFile)(process.execPath, [
    ...process.execArgv,
    join(folder, 'race-process.ts'),
    connectionString,
    String(half),
    String(seed + 1),
  ]);
  const here = await race(connectionString, { launches: launches - half, seed });
  const outcomes = [here, JSON.parse((await there).stdout) as Outcomes];
  const unfinished = `select id, title, state, reason, message from ${db.t.task} where state in (${unfinishedSql})`;
  for (let tries = 0; (await db.pages.query(unfinished)).rowCount; tries++) {
    if (tries > 1_200) assert.deepEqual((await db.pages.query(unfinished)).rows, []);
    await wait(100);
  }
  isOver = true;
  assert.deepEqual(await watching, [], 'what the tables of locks say');
  assert.deepEqual((await db.pages.query('select text from public.violation')).rows, []);
  for (const left of [db.t.lock_set, 'public.holder'])
    assert.equal((await db.pages.query(`select from ${left}`)).rowCount, 0, left);

  const count = (name: string) => outcomes.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  for (const level of ['repeatable read', 'serializable']) {
    assert.equal(count(`assert, ${level}: done`), 0, level);
    assert.ok(count(`assert, ${level}: wrong-isolation`) > 0, level);
  }
  const { rows } = await db.pages.query<{ name: string; state: string; count: number }>(
    `select kind || ' ' || operation as name, state, count(*)::int as count from ${db.t.task} group by 1, 2`,
  );
  const ended = (name: string, state: string) =>
    rows.find((row) => row.name === name && row.state === state)?.count ?? 0;
  t.diagnostic(rows.map(({ name, state, count: n }) => `${name} ${state} ${n}`).join(', '));
  assert.equal(ended('own racing.waiting', 'failed'), 0, 'who waits has its turn');
  if (launches < fullSize) return;
  for (const name of ['save', 'assert, read committed'])
    for (const outcome of ['done', 'locked'])
      assert.ok(count(`${name}: ${outcome}`) > 0, `never: ${name}: ${outcome}`);
  for (const name of ['yielding', 'locking', 'part'])
    for (const state of ['succeeded', 'failed'])
      assert.ok(ended(`own racing.${name}`, state) > 0, `never: ${name} ${state}`);
});
