import { test } from 'node:test';
import pg from 'pg';
import { openPool } from '../db/pool.ts';
import { transaction } from '../db/transaction.ts';
import { testDatabase } from '../testing/database.ts';
import { queueBackend } from './graphile.ts';

test('a queue whose wake-up can no longer be marked ends and says so, and takes nobody with it', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const elsewhere = new URL(connectionString);
  const name = elsewhere.pathname.slice(1);
  elsewhere.pathname = '/postgres';
  const server = new pg.Client({ connectionString: elsewhere.href });
  await server.connect();
  defer(async () => {
    await server.query(`alter database ${name} allow_connections true`);
    await server.end();
  });
  for (const ending of ['done', 'failed']) {
    const pool = openPool({ connectionString, name: 'queue of a test', max: 4 });
    defer(() => pool.end());
    const backend = queueBackend(db.queueSchema);
    const queue = await backend.start({
      pool,
      concurrency: 1,
      async run() {
        await server.query(`alter database ${name} allow_connections false`);
        await server.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'queue of a test'`,
        );
        if (ending === 'failed') throw new Error('this slice failed');
      },
      log: () => undefined,
    });
    defer(() => queue.stop());
    await transaction(db.background, (client) =>
      backend.call(client, { kind: 'bulk', taskIds: [1], delayMs: 0 }),
    );
    await queue.ended.catch(() => undefined);
    await server.query(`alter database ${name} allow_connections true`);
    await db.background.query(`delete from "${db.queueSchema}"._private_jobs`);
  }
});
