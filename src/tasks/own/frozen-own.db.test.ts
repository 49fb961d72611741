import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ada, finished, insertPrincipals, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { alone, holding, ownTasksAdmin } from '../../testing/own-tasks-admin.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { findHolder } from '../looking/holders.ts';
import { getTask } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';

const file = join(import.meta.dirname, '../../testing/own-tasks-admin.ts');
const env = {
  BULKHEAD_STALE_AFTER_MS: '1500',
  BULKHEAD_RECOVERY_INTERVAL_MS: '100',
  BULKHEAD_LOG_LEVEL: 'silent',
};
const settings = { staleAfterMs: 1_500, recoveryIntervalMs: 100 };

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, settings, {}, ownTasksAdmin);
  await insertPrincipals(db);
  const frozen = await startWorkerProcess(connectionString, env, file);
  defer(() => frozen.kill('SIGKILL'));
  return { db, context, frozen, connectionString };
}

test('a task of one’s own whose worker freezes is taken by another, and the thawed run writes nothing more', async (t) => {
  const { db, context, frozen, connectionString } = await setUp(t);
  const params = { country: 'ESP', ms: 4_000 };
  const { id } = await launchOwn(context, holding, params, { principal: ada });
  await until(async () => (await getTask(context, ada, id)).done === 1);
  frozen.freeze();
  const beside = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  try {
    await until(async () => (await getTask(context, ada, id)).attempts === 2);
    frozen.thaw();
    const task = await finished(db, id);
    assert.deepEqual([task.state, task.result, task.failedAttempts], ['succeeded', 2, 1]);
    assert.equal(await findHolder(db.pages, db.t, 'Country', 'ESP'), null);
    assert.equal((await db.pages.query(`select from ${db.t.task_slot}`)).rowCount, 0);
  } finally {
    await beside.stop();
  }
});

test('the process of an isolated task whose worker is frozen ends by itself, once its task is not its own any more', async (t) => {
  const { db, context, frozen, connectionString } = await setUp(t);
  const { id } = await launchOwn(context, alone, { way: 'heed' }, { principal: ada });
  let pid = 0;
  await until(async () => {
    const { rows } = await db.pages.query(
      `select result from ${db.t.task_step} where line_id = $1 and name = 'pid'`,
      [id],
    );
    pid = rows[0]?.result ?? 0;
    return pid > 0;
  });
  frozen.freeze();
  const beside = await startWorker(context, { connectionString, concurrency: 1, places: 1 });
  try {
    const task = await finished(db, id);
    assert.deepEqual([task.state, task.reason], ['failed', 'worker-died']);
    await until(() => !isAlive(pid));
    assert.equal(await findHolder(db.pages, db.t, 'Country', 'ESP'), null);
  } finally {
    await beside.stop();
  }
});

/** One that has ended and that its frozen parent has not heard of is there, and does nothing. */
function isAlive(pid: number): boolean {
  try {
    const [, state = ''] = /\) (\w)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state !== 'Z';
  } catch {
    return false;
  }
}
