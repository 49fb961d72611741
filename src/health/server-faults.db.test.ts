import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import sample from '../admin.ts';
import { migrateAll } from '../cli/migrate-all.ts';
import { openDatabase } from '../db/database.ts';
import { testContext } from '../testing/context.ts';
import { makeKeeper } from '../testing/keeper.ts';
import { startPrimary } from '../testing/standby-server.ts';
import { lookAtHolders } from './database-findings.ts';
import type { Finding } from './finding.ts';
import { lookNow } from './health-report.ts';

/** A server of the test's own, whose database is that of a role that is not its owner. */
async function ownServer(t: TestContext) {
  const settings = { max_connections: '100', max_prepared_transactions: '2', autovacuum: 'off' };
  const server = await startPrimary({ settings });
  t.after(() => server.stop());
  await server.query('create database shop');
  const address = server.urlOf('shop');
  await migrateAll(address, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, sample);
  const connect = async (connectionString: string) => {
    const client = new pg.Client({ connectionString });
    client.on('error', () => undefined);
    await client.connect();
    return client;
  };
  const owner = await connect(address);
  const keeper = await makeKeeper(owner, address, ['gazetteer']);
  const db = await openDatabase({ connectionString: keeper });
  t.after(async () => {
    await db.close();
    await owner.end();
  });
  return { address, keeper, connect, owner, context: testContext(db) };
}

const names = (findings: readonly Finding[]) => findings.map(({ name }) => name);

/** The statement that it says. */
function statementOf({ remedy }: Finding): string {
  return /“([^”]+)”/.exec(remedy)?.[1] ?? assert.fail(remedy);
}

test('what is wrong with a server is found, by a role that sees little of others too, and what it says to do mends it', async (t) => {
  const { address, keeper, connect, owner, context } = await ownServer(t);
  const seen = async () => (await lookNow(context, 'database')).findings;
  const held = async () => (await lookAtHolders(context, { forSeconds: 0 })).findings;
  assert.deepEqual(names(await seen()), []);

  const others = await Promise.all(Array.from({ length: 87 }, () => connect(address)));
  const [full, ...more] = await seen();
  assert.deepEqual([full?.name, more], ['connections-full', []]);
  assert.match(
    full?.title ?? '',
    /^\d\d of the 97 connections that the server allows are taken\.$/,
  );
  assert.match(full?.remedy ?? '', /Raise max_connections, set BULKHEAD_PAGES_POOL_SIZE/);
  await Promise.all(others.map((client) => client.end()));
  assert.deepEqual(names(await seen()), []);

  const idle = await connect(keeper);
  await idle.query('begin; lock table gazetteer.city in row exclusive mode');
  const [session, ...noOther] = await held();
  assert.match(session?.name ?? '', /^idle-session:\d+$/);
  assert.deepEqual(noOther, []);
  // It is one when it has done nothing for a minute.
  assert.deepEqual(names(await seen()), []);
  const ended = new Promise((resolve) => idle.once('end', resolve));
  await owner.query(statementOf(session as Finding));
  await ended;

  await owner.query(
    `begin; lock table gazetteer.city in row exclusive mode; prepare transaction 'it''s left'`,
  );
  const [prepared, ...none] = await held();
  assert.deepEqual([prepared?.name, none], ["prepared-transaction:it's left", []]);
  await owner.query(statementOf(prepared as Finding));
  assert.deepEqual(await held(), []);

  await owner.query(
    `update pg_database set datfrozenxid = ((pg_current_xact_id()::text::bigint - 1600000000 + 4294967296) % 4294967296)::text::xid where datname = 'shop'`,
  );
  const [old] = await seen();
  assert.equal(old?.name, 'transaction-ids');
  assert.match(old?.title ?? '', /has gone 1,600,000,\d{3} transactions without being frozen/);
  await owner.query(statementOf(old as Finding));
  assert.deepEqual(names(await seen()), []);
});
