import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import admin from '../admin.ts';
import { testDatabase } from '../testing/database.ts';
import { killStarts } from '../testing/kill-starts.ts';

// A few of those of `npm run kill-starts`.
const draws = { tables: 9, pooled: 3, push: 7, seed: 1 };

test('a start that was ended at any statement, of ours, the queue’s, the push’s or the seed’s, is made good by the next one', {
  timeout: 180_000,
}, async (t) => {
  await testDatabase(t, { content: 'nothing' });
  t.mock.method(console, 'log', () => undefined);
  const seed = Number(process.env.BULKHEAD_TEST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`seed ${seed}`);
  const { killed, broken } = await killStarts({ seed, draws, say: (line) => t.diagnostic(line) });
  assert.deepEqual(broken, [], `seed ${seed}`);
  assert.equal(killed, 20);
});

test('the sample is filled once by two that start at once', async (t) => {
  const { connectionString, db } = await testDatabase(t);
  await Promise.all([1, 2].map(() => admin.seed?.(connectionString, () => undefined)));
  const { rows } = await db.pages.query('select count(*)::int as count from gazetteer.city');
  assert.deepEqual(rows, [{ count: 135_233 }]);
});
