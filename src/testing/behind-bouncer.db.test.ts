import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { behindBouncer } from './behind-bouncer.ts';
import { findBouncer } from './pgbouncer.ts';

/** As in `npm run bouncer`, for a moment, or for as many minutes as is said. */
const minutes = Number(process.env.BULKHEAD_TEST_BOUNCER_MINUTES ?? 1 / 3);

// Where there is no PgBouncer, `npm test` says that this did not run.
test('two web processes behind PgBouncer with three sessions: every route answers, and what was written is what tasks claim', {
  skip: findBouncer() ? false : 'PgBouncer is not installed (apt-get install pgbouncer)',
  timeout: 180_000 + minutes * 60_000,
}, async (t) => {
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const { routes, asked, writes, tasks, broken } = await behindBouncer({
    seed,
    ms: minutes * 60_000,
    say: (line) => t.diagnostic(line),
  });
  assert.deepEqual(broken, [], `seed ${seed}`);
  assert.equal(asked, routes);
  assert.ok(
    writes > 1_000 && tasks.has('succeeded (inline)') && tasks.has('succeeded (queue)'),
    `${writes} writes, ${[...tasks]}`,
  );
});
