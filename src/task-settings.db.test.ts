import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { writeEntry } from './audit/entry.ts';
import { chainStart, type StoredEntry, sealedText, storedColumns } from './audit/seal.ts';
import { sealer } from './audit/seal-entries.ts';
import type { Principal } from './auth/principal.ts';
import { systemPrincipal } from './auth/system-principal.ts';
import { AppError } from './errors.ts';
import { retry } from './tasks/follow-ups/retry.ts';
import { countRetryable } from './tasks/looking/failed-records.ts';
import { readUnderWay } from './tasks/looking/under-way.ts';
import { takeSlot } from './tasks/running/slots.ts';
import { recover } from './tasks/worker/recovery.ts';
import { purge, startRetention } from './tasks/worker/retention.ts';
import { startRecovery, startWorker } from './tasks/worker/worker.ts';
import { ada, eve, launchOn } from './testing/context.ts';
import { type Installation, seenOnLevels, whileHeld } from './testing/setting-levels.ts';
import { until } from './testing/until.ts';
import { workOff } from './testing/work-off.ts';

const inBackground = { BULKHEAD_MIN_ASYNC_RECORDS: '1' };

test('a chunk that waits for a row longer than the nearest level says is tried again', async (t) => {
  const isTriedAgain = async (installation: Installation) => {
    const { db, logged } = installation;
    const id = await installation.launchAll();
    const isSo = () => logged.includes('a chunk is tried again');
    const waitsForLong = async () => {
      const { rowCount } = await db.pages.query(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
           and clock_timestamp() - query_start > interval '1.5 s'`,
      );
      return rowCount === 1;
    };
    return whileHeld(installation, { id, concurrency: 1 }, async () => {
      await until(async () => isSo() || waitsForLong());
      return isSo();
    });
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'lockTimeoutMs',
      { environment: 50, admin: 60_000 },
      { places: 1, env: inBackground },
      isTriedAgain,
    ),
    [false, true, false],
  );
});

test('a statement of a chunk may take as long as the nearest level says', async (t) => {
  const end = async (installation: Installation) => {
    const id = await installation.launchAll();
    await installation.db.pages.query(`create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.4); return new; end $$;
      create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();`);
    const { state, reason } = await workOff(installation, id);
    return [state, reason];
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'statementTimeoutMs',
      { environment: 200, admin: 60_000 },
      { places: 1, env: { ...inBackground, BULKHEAD_MAX_DEATHS: '1' } },
      end,
    ),
    [
      ['succeeded', null],
      ['failed', 'too-slow'],
      ['succeeded', null],
    ],
  );
});

test('somebody is at a bulk task for as long as the nearest level says, and what it did stays', async (t) => {
  const end = async (installation: Installation) => {
    const { db, context } = installation;
    const id = await installation.launchAll();
    await db.pages.query(`create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.5); return new; end $$;
      create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();`);
    const { state, reason, changed } = await workOff(installation, id);
    if (state === 'failed') {
      assert.ok(changed < 12, String(changed));
      assert.equal((await countRetryable(db, id)).get('not-reached'), 12 - changed);
      await db.pages.query('drop trigger dawdle on gazetteer.city');
      const operationId = randomUUID();
      const { task } = await retry(context, ada, id, { operationId, code: null });
      assert.equal((await workOff(installation, task.id)).changed, 12 - changed);
    }
    return [state, reason];
  };
  const [done, late] = [
    ['succeeded', null],
    ['failed', 'time-limit'],
  ];
  assert.deepEqual(
    await seenOnLevels(
      t,
      'taskLimitMs',
      { environment: 3_000, admin: 3_600_000, resource: 3_500 },
      { places: 12, env: { ...inBackground, BULKHEAD_CHUNK_SIZE: '1' } },
      end,
    ),
    [done, late, done, late],
  );
});

test('a task fails once it has lost as many workers as the nearest level says', async (t) => {
  const lost = async (installation: Installation) => {
    const { context, db } = installation;
    const id = await installation.launchAll();
    for (let deaths = 0; ; deaths++) {
      // Who takes it has no session, as whoever has died.
      if (!(await takeSlot(context, db.background, id, randomUUID()))) return deaths;
      await recover(context);
    }
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'maxDeaths',
      { environment: 2, admin: 3 },
      { places: 1, env: inBackground },
      lost,
    ),
    [5, 2, 3],
  );
});

test('dead workers are looked for as often as the nearest level says', async (t) => {
  const isBuried = async ({ context, db }: Installation) => {
    const dies = () =>
      db.pages.query(`insert into ${db.t.worker} (id, host, pid) values ($1, 'elsewhere', 1)`, [
        randomUUID(),
      ]);
    const isGone = async () => (await db.pages.query(`select from ${db.t.worker}`)).rowCount === 0;
    await dies();
    const recovery = startRecovery(context);
    try {
      await until(isGone);
      // The first look is at once; the second one is when it is said.
      await dies();
      const deadline = Date.now() + 5_000;
      await until(async () => (await isGone()) || Date.now() > deadline);
      return await isGone();
    } finally {
      await recovery.stop();
    }
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'recoveryIntervalMs',
      { environment: 60_000, admin: 50 },
      { places: 0 },
      isBuried,
    ),
    [true, false, true],
  );
});

test('a task is said to wait for long after what the nearest level says', async (t) => {
  const waitsLong = async ({ context, db, launchAll }: Installation) => {
    await launchAll();
    await db.pages.query(`update ${db.t.task} set queued_at = now() - interval '1 minute'`);
    await db.pages.query(`update ${db.t.task_event} set at = now() - interval '1 minute'`);
    const { groups } = await readUnderWay(context, systemPrincipal('test'));
    return groups.map(({ waitingLong }) => waitingLong);
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'queuedWarnMs',
      { environment: 30_000, admin: 120_000 },
      { places: 30 },
      waitsLong,
    ),
    [[0], [1], [0]],
  );
});

test('a worker is taken to hang after as long as the nearest level says', async (t) => {
  const staleAfter = async ({ context, connectionString, db, defer }: Installation) => {
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    defer(() => worker.stop());
    const { rows } = await db.pages.query(`select stale_after_ms as "afterMs" from ${db.t.worker}`);
    return rows[0].afterMs;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'staleAfterMs',
      { environment: 2_000, admin: 3_000 },
      { places: 0 },
      staleAfter,
    ),
    [15_000, 2_000, 3_000],
  );
});

/** How many of five launches are taken, and whose tasks were too many for the next. */
async function taken(
  installation: Installation,
  people: readonly Principal[],
): Promise<[number, boolean | null]> {
  const { context, cities } = installation;
  for (let count = 0; count < 5; count++) {
    const body = { field: 'notes', 'value.notes': `${count}` };
    const selected = { kind: 'matching', filter: '' } as const;
    const by = people[count % people.length];
    try {
      await launchOn(context, cities, selected, 'update', body, by);
    } catch (error) {
      if (!(error instanceof AppError && error.code === 'queue-full')) throw error;
      return [count, (error.details as { isOwn: boolean }).isOwn];
    }
  }
  return [5, null];
}

test('as many tasks wait as the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'maxQueued',
      { environment: 2, admin: 3 },
      { places: 1, env: inBackground },
      (installation) => taken(installation, [ada, eve]),
    ),
    [
      [5, null],
      [2, false],
      [3, false],
    ],
  );
});

test('as many tasks of one person wait as the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'maxQueuedPerUser',
      { environment: 2, admin: 3 },
      { places: 1, env: inBackground },
      (installation) => taken(installation, [ada]),
    ),
    [
      [5, null],
      [2, true],
      [3, true],
    ],
  );
});

/** What a purge finds of one change that was made so long ago. */
async function purged(installation: Installation, days: number) {
  const { context, db } = installation;
  await installation.launchAll();
  const age = `update ${db.t.change} set at = now() - make_interval(days => ${days})`;
  assert.equal((await db.pages.query(age)).rowCount, 1);
  const { images, changes } = await purge(context);
  return { images, changes };
}

test('what can be undone is kept for as many days as the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'undoRetentionDays',
      { environment: 30, admin: 5 },
      { places: 2 },
      async (installation) => (await purged(installation, 10)).images,
    ),
    [1, 0, 1],
  );
});

test('history is kept for as many days as the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'historyRetentionDays',
      { environment: 500, admin: 100 },
      { places: 2 },
      async (installation) => (await purged(installation, 400)).changes,
    ),
    [1, 0, 1],
  );
});

test('as many finished tasks are kept as the nearest level says', async (t) => {
  const forgotten = async (installation: Installation) => {
    const { context, db } = installation;
    for (const notes of ['a', 'b', 'c', 'd']) await installation.launchAll(notes);
    await db.pages.query(`update ${db.t.task_event} set is_fanned = true`);
    return (await purge(context)).tasks;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'historyRetentionCount',
      { environment: 3, admin: 2 },
      { places: 1 },
      forgotten,
    ),
    [0, 1, 2],
  );
});

test('it is looked for what was kept long enough as often as the nearest level says', async (t) => {
  const isGone = async ({ context, db }: Installation) => {
    const leave = () =>
      db.pages.query(
        `insert into ${db.t.task_hook} (name, events, seen_at) values ('old', '{}', now() - interval '8 days')`,
      );
    const isSo = async () => (await db.pages.query(`select from ${db.t.task_hook}`)).rowCount === 0;
    await leave();
    const retention = startRetention(context);
    try {
      await until(isSo);
      // The first look is at once; the second one is when it is said.
      await leave();
      const deadline = Date.now() + 5_000;
      await until(async () => (await isSo()) || Date.now() > deadline);
      return await isSo();
    } finally {
      await retention.stop();
    }
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'cleanupIntervalMs',
      { environment: 100, admin: 60_000 },
      { places: 0 },
      isGone,
    ),
    [false, true, false],
  );
});

test('entries of the audit are kept for as many days as the nearest level says', async (t) => {
  const forgotten = async ({ context, db }: Installation) => {
    await writeEntry(db.pages, db, { act: 'signed-in', by: ada });
    assert.equal((await sealer(db)(db.pages)).length, 1);
    // As if it had been sealed a thousand days ago.
    const { rows } = await db.pages.query<StoredEntry & { micros: string; key: string }>(
      `select ${storedColumns}, seal.key, (extract(epoch from now() - interval '1000 days') * 1000000)::bigint::text as micros
       from ${db.t.audit_entry} entry join ${db.t.audit_seal} seal on seal.entry_id = entry.id`,
    );
    const { micros, key, ...entry } = rows[0] as StoredEntry & { micros: string; key: string };
    const hash = db.auditKeys.sign(sealedText(chainStart, micros, key, entry));
    await db.pages.query(`alter table ${db.t.audit_seal} disable trigger user`);
    await db.pages.query(
      `update ${db.t.audit_seal} set sealed_at = to_timestamp(0) + $1::bigint * interval '1 microsecond', hash = $2`,
      [micros, hash],
    );
    await db.pages.query(`alter table ${db.t.audit_seal} enable trigger user`);
    return (await purge(context)).entries;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'auditRetentionDays',
      { environment: 2_000, admin: 100 },
      { places: 1 },
      forgotten,
    ),
    [1, 0, 1],
  );
});
