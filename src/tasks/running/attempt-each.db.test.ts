import assert from 'node:assert/strict';
import { test } from 'node:test';
import { transaction } from '../../db/transaction.ts';
import { testDatabase } from '../../testing/database.ts';
import { attemptEach } from './attempt-each.ts';

const prepared = 'select count(*)::int as count from pg_prepared_statements';

test('two processes that share a connection, as behind a pooler, never run each other’s statement', async (t) => {
  const { db } = await testDatabase(t);
  // A module loaded again has state of its own, as another process has.
  const again = './attempt-each.ts?another-process';
  const { attemptEach: another } = (await import(again)) as { attemptEach: typeof attemptEach };
  const client = await db.pages.connect();
  try {
    await client.query('create temp table city (name text, notes text)');
    await client.query(`insert into city values ('a', 'b')`);
    const name = {
      text: 'with done as (update city set name = $1 returning 1) select count(*) as changed from done',
      values: ['by the first'],
    };
    const notes = {
      text: 'with done as (update city set notes = $1 returning 1) select count(*) as changed from done',
      values: ['by the other'],
    };
    for (let round = 0; round < 3; round++) {
      assert.deepEqual(await attemptEach(client, db.t, [name]), [
        { result: { changed: 1 }, error: null },
      ]);
      assert.deepEqual(await another(client, db.t, [notes]), [
        { result: { changed: 1 }, error: null },
      ]);
      const { rows } = await client.query('select name, notes from city');
      assert.deepEqual(rows, [{ name: 'by the first', notes: 'by the other' }]);
      assert.deepEqual(
        (await client.query(prepared)).rows,
        [{ count: 0 }],
        'nothing stays on the connection',
      );
    }
    assert.deepEqual(
      (await attemptEach(client, db.t, [name, notes])).length,
      2,
      'several texts in one call run as what they are',
    );
  } finally {
    client.release(true);
  }
});

test('a call that is broken off leaves nothing that another could run', async (t) => {
  const { db } = await testDatabase(t);
  const client = await db.pages.connect();
  try {
    const slow = { text: 'select 1 as changed from pg_sleep($1::float8)', values: ['60'] };
    await assert.rejects(
      transaction(db.pages, async (tx) => {
        await tx.query(`set local statement_timeout = 20`);
        await attemptEach(tx, db.t, [slow]);
      }),
      { code: '57014' },
    );
    const refused = { text: 'select 1 / $1::int as changed', values: ['0'] };
    const lost = {
      text: `select pg_catalog.set_config('no.such', $1, true)::regclass as changed`,
      values: ['nowhere'],
    };
    const [attempt] = await attemptEach(client, db.t, [refused]);
    assert.equal(attempt?.error?.code, '22012');
    await assert.rejects(attemptEach(client, db.t, [lost]), { code: '42P01' });
    assert.deepEqual((await client.query(prepared)).rows, [{ count: 0 }]);
    // One that was broken off by force may still be there: it is of the same text, and used for
    // what it is.
    await client.query('begin');
    await client.query('savepoint broken');
    await client.query('set local statement_timeout = 20');
    await assert.rejects(attemptEach(client, db.t, [slow]), { code: '57014' });
    await client.query('rollback to savepoint broken');
    const quick = { ...slow, values: ['0'] };
    assert.deepEqual(await attemptEach(client, db.t, [quick]), [
      { result: { changed: 1 }, error: null },
    ]);
    await client.query('rollback');
    assert.deepEqual((await client.query(prepared)).rows, [{ count: 0 }]);
  } finally {
    client.release();
  }
});
