import assert from 'node:assert/strict';
import test from 'node:test';
import { delegateOf } from '../resources/delegate.ts';
import { testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { openDatabase } from './database.ts';
import { openPool } from './pool.ts';
import { queryPrepared } from './prepared.ts';

test('a timestamp is the same to Prisma and to SQL whatever time zone the database has', async (t) => {
  const { db: first, connectionString, defer } = await testDatabase(t);
  await insertPlaces(first, 1);
  await first.pages.query(
    `alter database ${new URL(connectionString).pathname.slice(1)} set timezone = 'America/New_York'`,
  );
  const db = await openDatabase({ connectionString });
  defer(() => db.close());
  const { client, get } = testContext(db).registry;
  const cities = delegateOf(client, get('cities').model);
  const noon = new Date('2026-07-01T12:00:00Z');

  await cities.update({ where: { id: 1 }, data: { reviewedAt: noon } });

  const { rows } = await first.pages.query<{ at: string }>(
    `select to_char(reviewed_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as at from gazetteer.city where id = 1`,
  );
  assert.deepEqual(rows, [{ at: '2026-07-01 12:00' }]);
  assert.deepEqual(
    (await cities.findFirst({ where: { id: 1, reviewedAt: noon } }))?.reviewedAt,
    noon,
  );
});

test('a statement is planned once in sessions of our own, and sent as it is in any other', async (t) => {
  const { connectionString, defer } = await testDatabase(t);
  const names = async (ownSessions: boolean) => {
    const pool = openPool({ connectionString, name: 'one', max: 1, ownSessions });
    defer(() => pool.end());
    const statement = { text: 'select $1::int as n', values: [7] };
    assert.deepEqual((await queryPrepared(pool, statement)).rows, [{ n: 7 }]);
    const client = await pool.connect();
    assert.deepEqual((await queryPrepared(client, statement)).rows, [{ n: 7 }]);
    client.release();
    const { rows } = await pool.query('select statement from pg_prepared_statements');
    return rows.map(({ statement: text }) => text);
  };
  assert.deepEqual(await names(true), ['select $1::int as n']);
  assert.deepEqual(await names(false), []);
});

test('a connection that a callback gives back twice is given back once', async (t) => {
  const { connectionString, defer } = await testDatabase(t);
  const pool = openPool({ connectionString, name: 'twice', max: 2 });
  defer(() => pool.end());
  await new Promise<void>((resolve, reject) =>
    pool.connect((error, client, done) => {
      if (error || !client) return reject(error);
      done();
      done();
      resolve();
    }),
  );
  assert.deepEqual([pool.totalCount, pool.idleCount], [1, 1]);
  assert.deepEqual((await pool.query('select 1 as n')).rows, [{ n: 1 }]);
});
