import assert from 'node:assert/strict';
import { test } from 'node:test';
import { finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { seededRandom } from '../../testing/random.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';

const kills = Number(process.env.BULKHEAD_TEST_KILLS ?? 20);
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20_261_121);
const records = 50_000;
/** A hundred a task, however busy the machine is: their pace is another test's subject. */
const evenChunks = { BULKHEAD_CHUNK_SIZE: String(records / 100), BULKHEAD_CHUNK_TARGET_MS: '1000' };

test(`after each of ${kills} workers killed half-way the task finishes, every record changed exactly once (seed ${seed})`, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  await insertPrincipals(db);
  await insertPlaces(db, records);
  await countWrites(db);
  const random = seededRandom(seed);
  let worker = await startWorkerProcess(connectionString, evenChunks);
  defer(() => worker.kill('SIGTERM'));
  for (let round = 1; round <= kills; round++) {
    const { task: launched } = await launchOn(
      context,
      cities,
      { kind: 'matching', filter: '' },
      'update',
      {
        field: ['notes', 'featured'],
        'value.notes': `round ${round}`,
        'value.featured': String(round % 2 === 1),
      },
    );
    const fraction = 0.2 + 0.6 * random();
    const at = await waitForDone(launched.id, fraction * records);
    assert.ok(at < records, `round ${round}: the kill came too late, at ${at}`);
    await worker.kill('SIGKILL');
    worker = await startWorkerProcess(connectionString, evenChunks);
    const task = await finished(db, launched.id);
    assert.deepEqual(
      [task.state, task.done, task.changed, task.chunksDone],
      ['succeeded', records, records, task.chunkCount],
      `round ${round}, killed at ${at}`,
    );
    const { rows } = await db.pages.query(
      `select min(writes) as min, max(writes) as max, count(*) filter (where notes = $1)::int as right from gazetteer.city`,
      [`round ${round}`],
    );
    assert.deepEqual(
      rows[0],
      { min: round, max: round, right: records },
      `round ${round}, killed at ${at}`,
    );
  }
  // Whoever has ended the task gives its slot back next.
  await until(async () => (await db.pages.query(`select from ${db.t.task_slot}`)).rowCount === 0);

  async function waitForDone(taskId: number, wanted: number): Promise<number> {
    for (let tries = 0; tries < 6_000; tries++) {
      const { rows: found } = await db.pages.query(`select done from ${db.t.task} where id = $1`, [
        taskId,
      ]);
      if (found[0].done >= wanted) return found[0].done;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`task ${taskId} did not get to ${wanted}`);
  }
});
