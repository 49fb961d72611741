import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { seededRandom } from '../../testing/random.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { pause, resume } from '../control/pause.ts';
import { undo } from '../follow-ups/undo.ts';
import { selectTask, type TaskRow } from '../task-row.ts';

const rounds = Number(process.env.BULKHEAD_TEST_KILLS ?? 12) / 3;
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20_261_121);
const records = 10_000;
/** A hundred a task, however busy the machine is: their pace is another test's subject. */
const evenChunks = { BULKHEAD_CHUNK_SIZE: String(records / 100), BULKHEAD_CHUNK_TARGET_MS: '1000' };

test(`workers killed while they run, pause and undo lose nothing and do nothing twice (${3 * rounds} kills, seed ${seed})`, async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  const cities = context.registry.get('cities');
  await insertPrincipals(db);
  await insertPlaces(db, records);
  await countWrites(db);
  const random = seededRandom(seed);
  let worker = await startWorkerProcess(connectionString, evenChunks);
  defer(() => worker.kill('SIGTERM'));
  const kill = async () => {
    await worker.kill('SIGKILL');
    worker = await startWorkerProcess(connectionString, evenChunks);
  };
  const when = async (id: number, isSo: (task: TaskRow) => boolean): Promise<TaskRow> => {
    for (let tries = 0; tries < 6_000; tries++) {
      const { rows } = await db.pages.query<TaskRow>(`${selectTask(db.t)} where id = $1`, [id]);
      if (isSo(rows[0] as TaskRow)) return rows[0] as TaskRow;
      await new Promise((done) => setTimeout(done, 5));
    }
    throw new Error(`task ${id} did not come to it`);
  };
  const writes = async () => {
    const { rows } = await db.pages.query(
      `select min(writes) as min, max(writes) as max, count(*) filter (where notes is not null)::int as noted from gazetteer.city`,
    );
    return rows[0];
  };
  for (let round = 0; round < rounds; round++) {
    const body = { field: 'notes', 'value.notes': `round ${round}` };
    const { task } = await launchOn(
      context,
      cities,
      { kind: 'matching', filter: '' },
      'update',
      body,
    );

    await when(task.id, ({ done }) => done > records * 0.3 * random());
    await kill();
    await when(task.id, ({ done, state }) => state === 'running' && done > records * 0.4);
    await pause(context, ada, task.id);
    await kill();
    const paused = await when(task.id, ({ state }) => state === 'paused');
    assert.equal((await writes()).noted, paused.done, `round ${round}`);
    await resume(context, ada, task.id);
    const end = await finished(db, task.id);
    assert.deepEqual(
      [end.state, end.changed, end.done],
      ['succeeded', records, records],
      `round ${round}`,
    );
    assert.deepEqual(
      await writes(),
      { min: 2 * round + 1, max: 2 * round + 1, noted: records },
      `round ${round}`,
    );

    const undoing = await undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    await when(undoing.task.id, ({ done }) => done > records * (0.2 + 0.6 * random()));
    await kill();
    const undone = await finished(db, undoing.task.id);
    assert.deepEqual(
      [undone.state, undone.changed, undone.failed],
      ['succeeded', records, 0],
      `round ${round}`,
    );
    assert.deepEqual(
      await writes(),
      { min: 2 * round + 2, max: 2 * round + 2, noted: 0 },
      `round ${round}`,
    );
  }
});
