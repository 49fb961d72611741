import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { findBouncer, startBouncer } from '../testing/pgbouncer.ts';
import { startTransactionPooler } from '../testing/transaction-pooler.ts';
import { openDatabase } from './database.ts';
import { openPool } from './pool.ts';
import { assertOwnSessions, lookThrough } from './pooler.ts';

/** A database whose sessions begin at New York, unless a client says otherwise. */
async function elsewhere(t: TestContext) {
  const made = await testDatabase(t, { content: 'nothing' });
  const name = new URL(made.connectionString).pathname.slice(1);
  await made.db.pages.query(`alter database ${name} set timezone = 'America/New_York'`);
  return made;
}

async function zonesOf(connectionString: string): Promise<string[]> {
  const db = await openDatabase({ connectionString });
  try {
    const asked = Array.from({ length: 6 }, () =>
      db.pages.query<{ zone: string }>(`select current_setting('TimeZone') as zone`),
    );
    return (await Promise.all(asked)).map(({ rows }) => rows[0]?.zone ?? '');
  } finally {
    await db.close();
  }
}

const isUtc = (zones: string[]) => assert.deepEqual([...new Set(zones)], ['UTC']);

test('a server at another zone, without a pooler: our sessions are at UTC', async (t) => {
  const { connectionString } = await elsewhere(t);
  isUtc(await zonesOf(connectionString));
  await assertOwnSessions(connectionString);
});

for (const size of [1, 2, 3]) {
  test(`a pooler of ${size} that forgets a client's zone is refused at the start, unless the server is at UTC`, async (t) => {
    const { connectionString, db, defer } = await elsewhere(t);
    const pooler = await startTransactionPooler(connectionString, size);
    defer(() => pooler.stop());
    const through = pooler.through(connectionString);
    await assert.rejects(openDatabase({ connectionString: through }), {
      code: 'zone-not-kept',
      message:
        /does not keep a connection's time zone \(America\/New_York instead of UTC\): set it with "alter role … set timezone/,
    });
    const name = new URL(connectionString).pathname.slice(1);
    await db.pages.query(`alter database ${name} set timezone = 'UTC'`);
    const mended = await startTransactionPooler(connectionString, size);
    defer(() => mended.stop());
    isUtc(await zonesOf(mended.through(connectionString)));
    await assert.rejects(assertOwnSessions(mended.through(connectionString)), {
      code: 'shared-sessions',
    });
  });
}

test('PgBouncer in transaction mode keeps the zone, and is known for a pooler', {
  skip: findBouncer() ? false : 'PgBouncer is not installed (apt-get install pgbouncer)',
}, async (t) => {
  const { connectionString, defer } = await elsewhere(t);
  for (const size of [1, 3]) {
    const bouncer = await startBouncer(connectionString, size);
    defer(() => bouncer.stop());
    const through = bouncer.through(connectionString);
    isUtc(await zonesOf(through));
    const pool = openPool({ connectionString: through, name: 'look', max: 2 });
    assert.equal((await lookThrough(pool)).isShared, true);
    await pool.end();
    await assert.rejects(assertOwnSessions(through), { code: 'shared-sessions' });
  }
});
