import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { brakingAdmin } from '../../testing/braking-admin.ts';
import { finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { keepLedger, ledgerDifferences } from '../../testing/write-ledger.ts';
import { listEveryWorker } from '../looking/list-workers.ts';
import { startWorker } from './worker.ts';

const file = join(import.meta.dirname, '../../testing/braking-admin.ts');

test('a worker whose hook gives way to nothing is said to be busy, lives on, and gives its bulk work to others after its limit', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const settings = { staleAfterMs: 1_500, recoveryIntervalMs: 100 };
  const context = testContext(db, settings, { chunkSize: 20 }, brakingAdmin);
  await insertPrincipals(db);
  await insertPlaces(db, 60);
  await keepLedger(db.pages);
  const busy = await startWorkerProcess(
    connectionString,
    {
      BULKHEAD_STALE_AFTER_MS: '1500',
      BULKHEAD_STATEMENT_TIMEOUT_MS: '1500',
      BULKHEAD_CHUNK_SIZE: '20',
      BULKHEAD_LOG_LEVEL: 'silent',
      BULKHEAD_TEST_SPIN_MS: '600000',
    },
    file,
  );
  defer(() => busy.kill('SIGKILL'));
  const body = { field: 'notes', 'value.notes': 'changed' };
  const all = { kind: 'matching', filter: '' } as const;
  const { task } = await launchOn(context, context.registry.get('cities'), all, 'update', body);
  const read = () => listEveryWorker(db, settings.recoveryIntervalMs);
  await until(async () => (await read()).some(({ busySince }) => busySince !== null));
  const [before] = await read();
  assert.deepEqual([before?.isAlive, before?.isUnheard], [true, false]);

  const beside = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    const { state, changed, deaths } = await finished(db, task.id);
    assert.deepEqual([state, changed, deaths], ['succeeded', 60, 0]);
    assert.deepEqual(await ledgerDifferences(db.pages, db.t.change, 5), []);
    const after = (await read()).find(({ id }) => id === before?.id);
    assert.deepEqual([after?.isAlive, after?.taskIds], [true, []]);
  } finally {
    await beside.stop();
  }
});
