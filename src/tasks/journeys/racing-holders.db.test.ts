import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../testing/database.ts';
import { runRaces } from '../../testing/run-races.ts';

/** More by command: `BULKHEAD_TEST_LAUNCHES=500`, or `npm run chaos -- races`. */
const launches = Number(process.env.BULKHEAD_TEST_LAUNCHES ?? 120);
/** From so many on each outcome must have been met. */
const fullSize = 300;
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20_261_130);

test(`${launches} racing launches over three models, saves and asserts beside, from 20 connections of two processes: never two holders who are not of one family (seed ${seed})`, async (t) => {
  const { db, connectionString } = await testDatabase(t);
  const {
    outcomes,
    ended: rows,
    broken,
  } = await runRaces({ connectionString, owner: db.pages }, { launches, seed });
  assert.deepEqual(broken, []);

  const count = (name: string) => outcomes.reduce((sum, each) => sum + (each[name] ?? 0), 0);
  for (const level of ['repeatable read', 'serializable']) {
    assert.equal(count(`assert, ${level}: done`), 0, level);
    assert.ok(count(`assert, ${level}: wrong-isolation`) > 0, level);
  }
  const ended = (name: string, state: string) =>
    rows
      .filter((row) => row.name === name && row.state === state)
      .reduce((sum, row) => sum + row.count, 0);
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
