import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import pg from 'pg';
import { writeEntry } from '../../audit/entry.ts';
import { sealer } from '../../audit/seal-entries.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { openDatabase } from '../../db/database.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testAuditSecret, testDatabase } from '../../testing/database.ts';
import { countWrites, insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { undo } from '../follow-ups/undo.ts';

const records = 4_000;
const evenChunks = { BULKHEAD_CHUNK_SIZE: '40', BULKHEAD_CHUNK_TARGET_MS: '1000' };

test('a backup that was taken while a task ran: restored, it goes on from there, every record once, can be undone, and the audit is whole up to then', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  await insertPrincipals(db);
  await insertPlaces(db, records);
  await countWrites(db);
  const change = (of: typeof context, notes: string) =>
    launchOn(of, of.registry.get('cities'), { kind: 'matching', filter: '' }, 'update', {
      field: 'notes',
      'value.notes': notes,
    });
  await writeEntry(db.pages, db, { act: 'signed-in', by: ada });
  await sealer(db)(db.pages);
  const { head } = await verifyAudit(db);
  const worker = await startWorkerProcess(connectionString, evenChunks);
  defer(() => worker.kill('SIGKILL'));
  const { task } = await change(context, 'under way');
  await until(async () => {
    const { rows } = await db.pages.query(`select done from ${db.t.task} where id = $1`, [task.id]);
    return rows[0].done > records / 10;
  });
  await worker.kill('SIGKILL');

  const restoredUrl = await copyDatabase(connectionString, defer);
  const restored = await openDatabase({
    connectionString: restoredUrl,
    auditSecrets: [testAuditSecret],
  });
  defer(() => restored.close());
  const { rows: copied } = await restored.pages.query(
    `select state, done, (select count(*)::int from ${db.t.task_slot}) as slots from ${db.t.task}`,
  );
  assert.equal(copied[0].state, 'running');
  assert.ok(copied[0].done < records);
  assert.ok(copied[0].slots > 0, 'somebody was at it, who is not there');

  const next = await startWorkerProcess(restoredUrl, evenChunks);
  defer(() => next.kill('SIGTERM'));
  const ended = await finished(restored, task.id);
  assert.deepEqual([ended.state, ended.changed], ['succeeded', records]);
  const written = async () => {
    const { rows } = await restored.pages.query(
      'select min(writes) as min, max(writes) as max, count(distinct notes)::int as texts from gazetteer.city',
    );
    return rows[0];
  };
  assert.deepEqual(await written(), { min: 1, max: 1, texts: 1 });
  const back = testContext(restored);
  const undone = await undo(back, ada, task.id, { operationId: randomUUID(), chosen: null });
  assert.equal((await finished(restored, undone.task.id)).changed, records);

  assert.equal((await verifyAudit(restored, head.hash)).problem, null);
  // What was sealed after the backup was taken, as it was posted elsewhere.
  await writeEntry(db.pages, db, { act: 'signed-out', by: ada });
  await sealer(db)(db.pages);
  const later = await verifyAudit(db);
  assert.notEqual((await verifyAudit(restored, later.head.hash)).problem, null);
});

/** A database with all that is committed in another one at this moment. */
async function copyDatabase(
  connectionString: string,
  defer: (undo: () => unknown) => void,
): Promise<string> {
  const name = new URL(connectionString).pathname.slice(1);
  const copy = `${name}_restored`;
  const at = (database: string) => {
    const url = new URL(connectionString);
    url.pathname = `/${database}`;
    return url.href;
  };
  const onServer = async (...statements: string[]) => {
    const client = new pg.Client({ connectionString: at('postgres') });
    await client.connect();
    for (const statement of statements) await client.query(statement);
    await client.end();
  };
  // Nobody may be in it while it is copied; pools come back by themselves.
  await onServer(
    `alter database ${name} allow_connections false`,
    `select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '${name}'`,
    `create database ${copy} template ${name}`,
    `alter database ${name} allow_connections true`,
  );
  defer(() => onServer(`drop database ${copy} with (force)`));
  return at(copy);
}
