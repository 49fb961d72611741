import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../../testing/database.ts';
import { duels } from '../../testing/duels.ts';
import { runDuels } from '../../testing/ring.ts';

const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20_261_130);

test(`two who act on one task at the same time come to one legal end, and every write is told once (seed ${seed})`, async (t) => {
  const { db, connectionString } = await testDatabase(t);
  const { ends, broken } = await runDuels(
    { connectionString, owner: db.pages },
    { times: 1, seed },
  );
  assert.deepEqual(broken, []);
  for (const name of Object.keys(duels))
    assert.ok(
      [...ends.keys()].some((end) => end.startsWith(`${name}: `)),
      `never: ${name}`,
    );
  t.diagnostic([...ends.keys()].join('\n'));
});
