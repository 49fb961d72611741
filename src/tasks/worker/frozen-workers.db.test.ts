import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { brakeBefore, holdBrake } from '../../testing/brake.ts';
import { brakingAdmin } from '../../testing/braking-admin.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { findBroken, invariantsAtRest } from '../../testing/task-invariants.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { keepLedger, ledgerDifferences } from '../../testing/write-ledger.ts';
import { cancel } from '../control/cancel.ts';
import { startWorker } from './worker.ts';

const records = 60;
const brakingFile = join(import.meta.dirname, '../../testing/braking-admin.ts');
const env = {
  BULKHEAD_STALE_AFTER_MS: '1500',
  BULKHEAD_RECOVERY_INTERVAL_MS: '100',
  BULKHEAD_CHUNK_SIZE: '20',
  BULKHEAD_SLICE_MS: '100',
  BULKHEAD_LOG_LEVEL: 'silent',
};
const settings = { staleAfterMs: 1_500, recoveryIntervalMs: 100 };

/** Where a worker is when it freezes: a table of ours, or a hook. */
interface Phase {
  event?: string;
  table?: 'chunk' | 'task_slot' | 'task' | 'gazetteer.city';
  when?: string;
  /** What makes it come there. */
  first?: string;
}

const phases: Record<string, Phase> = {
  activating: {
    event: 'update',
    table: 'chunk',
    when: "old.state = 'draft' and new.state = 'active'",
  },
  'claiming a chunk': {
    event: 'update',
    table: 'chunk',
    when: "old.state = 'active' and new.state = 'active'",
  },
  'in a chunk': { event: 'update', table: 'gazetteer.city', when: "old.name = 'Place 30'" },
  'in a hook that holds row locks': {},
  'finishing a chunk': { event: 'update', table: 'chunk', when: "new.state = 'done'" },
  'ending the task': { event: 'update', table: 'task', when: "new.state = 'succeeded'" },
  'giving its slot back': { event: 'delete', table: 'task_slot' },
};

/** A worker that is frozen in a phase of a task's life, and another beside it. */
async function freezeIn(t: TestContext, { event, table, when, first: sql }: Phase) {
  const { db, connectionString, defer } = await testDatabase(t);
  const isHook = table === undefined;
  const context = testContext(db, settings, { chunkSize: 20 }, ...(isHook ? [brakingAdmin] : []));
  await insertPrincipals(db);
  await insertPlaces(db, records);
  await keepLedger(db.pages);
  if (sql) await db.pages.query(sql);
  if (table)
    await brakeBefore(
      db,
      event as string,
      table.includes('.') ? table : `${db.schema}.${table}`,
      when,
    );
  const brake = await holdBrake(db, connectionString);
  defer(() => brake.letGo());
  const frozen = await startWorkerProcess(connectionString, env, isHook ? brakingFile : null);
  defer(() => frozen.kill('SIGKILL'));
  const launch = async (notes: string) => {
    const body = { field: 'notes', 'value.notes': notes };
    const all = { kind: 'matching', filter: '' } as const;
    return (await launchOn(context, context.registry.get('cities'), all, 'update', body)).task.id;
  };
  const id = await launch('changed');
  await brake.isReached();
  frozen.freeze();
  await brake.letGo();
  const ids = async (): Promise<string[]> => {
    const { rows } = await db.pages.query(`select id from ${db.t.worker} order by started_at`);
    return rows.map((row) => row.id);
  };
  const [first] = await ids();
  const written = async () =>
    (await db.pages.query(`select count(*)::int as count from gazetteer.ledger`)).rows[0].count;
  return {
    ...{ db, context, id, frozen, launch, ids, written },
    frozenId: first as string,
    beginBeside: () => startWorker(context, { connectionString, concurrency: 1 }),
    connectionsOfFrozen: async () =>
      (await db.pages.query(`select from pg_stat_activity where application_name = $1`, [first]))
        .rows.length,
    differences: () => ledgerDifferences(db.pages, db.t.change, 5),
  };
}

for (const [phase, where] of Object.entries(phases)) {
  test(`a worker that freezes while ${phase} is taken over: each record is changed once, and thawed it writes nothing more and takes new tasks`, async (t) => {
    const stage = await freezeIn(t, where);
    const { db, id, frozen, frozenId, ids, written, differences, launch } = stage;
    assert.ok((await stage.connectionsOfFrozen()) > 1);
    const beside = await stage.beginBeside();
    try {
      const task = await finished(db, id);
      assert.deepEqual([task.state, task.changed, task.done], ['succeeded', records, records]);
      await until(async () => (await stage.connectionsOfFrozen()) === 0);
      assert.deepEqual(await differences(), []);
      assert.equal(await written(), records);
    } finally {
      await beside.stop();
    }
    frozen.thaw();
    await until(async () => {
      const alive = await ids();
      return alive.length === 1 && !alive.includes(frozenId);
    });
    assert.equal(await written(), records);
    const next = await finished(db, await launch('again'));
    assert.deepEqual([next.state, next.changed], ['succeeded', records]);
    assert.equal(await written(), records * 2);
    assert.deepEqual(await differences(), []);
    await until(async () => (await findBroken(db, invariantsAtRest(db))).length === 0);
  });
}

/** The first of several slices has ended. */
const between: Phase = {
  ...{ event: 'delete', table: 'task_slot' },
  first: `create function public.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.3); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row when (old.name = 'Place 1') execute function public.dawdle()`,
};

for (const [phase, where] of Object.entries({
  'in a hook that holds row locks': phases['in a hook that holds row locks'] as Phase,
  'giving its slot back': between,
}))
  test(`a task whose worker is frozen while ${phase} is cancelled all the same, and what it held is free`, async (t) => {
    const { db, context, id, beginBeside } = await freezeIn(t, where);
    const beside = await beginBeside();
    try {
      await until(async () => {
        try {
          await cancel(context, ada, id);
          return true;
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'busy');
          return false;
        }
      });
      const task = await finished(db, id);
      assert.equal(task.state, 'cancelled');
      assert.ok(task.done < records);
      await db.pages.query(`update gazetteer.city set notes = 'free'`);
    } finally {
      await beside.stop();
    }
  });
