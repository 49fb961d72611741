import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { parseConfig } from '../config.ts';
import { openPool } from '../db/pool.ts';
import { testDatabase } from '../testing/database.ts';
import { connectionsHere } from './connections.ts';

test('before a process opens connections it is said how many it may, beside what others have taken and may come to need', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const name = new URL(connectionString).pathname.slice(1);
  await db.background.query(`alter database ${name} connection limit 60`);
  const env = {
    DATABASE_URL: connectionString,
    BULKHEAD_PAGES_POOL_SIZE: '5',
    BULKHEAD_WORKER_CONCURRENCY: '3',
    BULKHEAD_PLACES: '4',
  };
  const said = (kind: 'serve' | 'work' | 'start', more: Record<string, string> = {}) =>
    connectionsHere(kind, parseConfig({ ...env, ...more }), connectionString);
  const taken = async () => {
    const [, count] = /others have taken (\d+)/.exec(await said('serve')) ?? [];
    return Number(count);
  };
  const before = await taken();
  assert.equal(
    await said('serve'),
    `Connections to the database: up to 9 of this process, of 60 that it allows, of which others have taken ${before}.`,
  );
  // Pages, two sessions, six for runners, four for places, three beside.
  assert.match(await said('work'), /: up to 24 of this process, of 60/);
  assert.match(
    await said('work', { BULKHEAD_WORKER_POOL_SIZE: '9' }),
    /: up to 20 of this process, of 60/,
  );

  const other = openPool({ connectionString, name: 'other', max: 20 });
  defer(() => other.end());
  const held = await Promise.all(Array.from({ length: 20 }, () => other.connect()));
  assert.equal(await taken(), before + 20);
  // It has opened none yet.
  await db.background.query(
    `insert into ${db.t.worker} (id, host, pid, concurrency, places) values ($1, 'elsewhere', 1, 5, 7)`,
    [randomUUID()],
  );
  assert.equal(await taken(), before + 20 + 21);
  assert.match(
    await said('work'),
    new RegExp(
      `of 60 that it allows, of which others have taken ${before + 41}: together more than that\\. Set BULKHEAD_PAGES_POOL_SIZE`,
    ),
  );
  for (const client of held) client.release();
});

test('connections to a pooler are not counted among those of the database', async (t) => {
  const { connectionString } = await testDatabase(t);
  const DATABASE_URL = 'postgresql://pooler.example:6432/shop';
  const config = parseConfig({ DATABASE_URL, DIRECT_DATABASE_URL: connectionString });
  const said = (kind: 'serve' | 'start') => connectionsHere(kind, config, connectionString);
  assert.equal(
    await said('serve'),
    'Connections to the database: up to 14 to the pooler of DATABASE_URL.',
  );
  assert.match(
    await said('start'),
    /up to \d+ of this process \(beside up to 14 to the pooler of DATABASE_URL\), of \d+ that it allows/,
  );
});
