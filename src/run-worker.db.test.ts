import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runWorker } from './run-worker.ts';
import { install } from './testing/setting-levels.ts';

test('a worker that cannot start leaves no connection open', async (t) => {
  const { admin, config, connectionString, db } = await install(t, {});
  await db.pages.query(`alter table ${db.t.worker} rename to somewhere_else`);
  await assert.rejects(
    runWorker(connectionString, config, admin, () => undefined),
    { code: '42P01' },
  );
});
