import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { keyOf } from './metadata/keys.ts';
import { countRecords } from './selection/count.ts';
import { ada, launchOn } from './testing/context.ts';
import { type Installation, seenOnLevels, whileHeld } from './testing/setting-levels.ts';
import { until } from './testing/until.ts';
import { workOff } from './testing/work-off.ts';

/** Said of a task: it runs in the background however few its records are. */
const inBackground = { BULKHEAD_MIN_ASYNC_RECORDS: '1' };

/** Every write of a city takes so long. */
const slow = ({ db }: Installation, ms: number) =>
  db.pages.query(`create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(${ms / 1_000}); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row execute function gazetteer.dawdle();`);

/** What runs a change of all cities. */
const ranBy = async ({ context, db, launchAll }: Installation) => {
  const { rows } = await db.pages.query<{ backend: string }>(
    `select backend from ${context.db.t.task} where id = $1`,
    [await launchAll()],
  );
  return rows[0]?.backend;
};

test('a change runs by the backend that the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'backend',
      { environment: 'in-process', admin: 'queue', resource: 'inline' },
      { places: 30 },
      ranBy,
    ),
    ['queue', 'in-process', 'queue', 'inline'],
  );
});

test('nothing runs in the background where one level says so, whatever the others say', async (t) => {
  const places = { places: 30 };
  const [on, off] = [true, false];
  assert.deepEqual(
    await seenOnLevels(
      t,
      'background',
      { environment: off, admin: on, resource: on },
      places,
      ranBy,
    ),
    ['queue', 'inline', 'inline', 'inline'],
  );
  assert.deepEqual(
    await seenOnLevels(
      t,
      'background',
      { environment: on, admin: off, resource: on },
      places,
      ranBy,
    ),
    ['queue', 'queue', 'inline', 'inline'],
  );
  assert.deepEqual(
    await seenOnLevels(
      t,
      'background',
      { environment: on, admin: on, resource: off },
      places,
      ranBy,
    ),
    ['queue', 'queue', 'queue', 'inline'],
  );
});

test('as many records as the nearest level says go to the background, and fewer do not', async (t) => {
  const sizes = [2, 3, 5, 9, 20];
  const inTheBackground = async ({ context, cities }: Installation) => {
    const found: number[] = [];
    for (const size of sizes) {
      const keys = Array.from({ length: size }, (_, at) => keyOf(cities.model, { id: at + 1 }));
      const body = { field: 'notes', 'value.notes': `of ${size}` };
      const { task } = await launchOn(context, cities, { keys }, 'update', body);
      assert.equal(task.changed, task.backend === 'queue' ? 0 : size);
      if (task.backend === 'queue') found.push(size);
    }
    return found;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'minAsyncRecords',
      { environment: 5, admin: 9, resource: 3 },
      { places: 30 },
      inTheBackground,
    ),
    [[20], [5, 9, 20], [9, 20], [3, 5, 9, 20]],
  );
});

test('as many changes are made within requests at a time as the nearest level says', async (t) => {
  const atOnce = async (installation: Installation) => {
    const { context, cities, db } = installation;
    await slow(installation, 300);
    const changes = [1, 2, 3, 4, 5, 6].map((id) => {
      const keys = [keyOf(cities.model, { id })];
      return launchOn(context, cities, { keys }, 'update', { field: 'notes', 'value.notes': 'x' });
    });
    let max = 0;
    const all = Promise.all(changes).then(() => true);
    while (!(await Promise.race([all, wait(10)]))) {
      const { rowCount } = await db.background.query(
        // One writes, and others wait for it with their turns taken.
        `select from pg_stat_activity where datname = current_database() and (wait_event = 'PgSleep' or wait_event_type = 'Lock')`,
      );
      max = Math.max(max, rowCount ?? 0);
    }
    return max;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'inlineMaxConcurrent',
      { environment: 2, admin: 3 },
      { places: 6 },
      atOnce,
    ),
    [4, 2, 3],
  );
});

test('so many runners as the nearest level says are at one task', async (t) => {
  const runners = async (installation: Installation) => {
    const { db } = installation;
    const id = await installation.launchAll();
    const count = async (from: string) =>
      (await db.pages.query<{ n: number }>(`select count(*)::int as n from ${from}`)).rows[0]?.n;
    const slots = () => count(`${db.t.task_slot} where task_id = ${id}`);
    return whileHeld(installation, { id, concurrency: 6 }, async () => {
      await until(async () => (await count(`${db.t.task} where state = 'running'`)) === 1);
      // Every call for the task was taken, and whoever found no slot has left.
      const calls = `${db.queueSchema}.jobs where task_identifier = 'bulkhead:task'`;
      await until(async () => (await count(calls)) === (await slots()));
      return slots();
    });
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'parallelism',
      { environment: 3, admin: 2, resource: 4 },
      { places: 12, env: { ...inBackground, BULKHEAD_CHUNK_SIZE: '1' } },
      runners,
    ),
    [1, 3, 2, 4],
  );
});

const chunksOf = async (installation: Installation) =>
  (await workOff(installation, await installation.launchAll())).chunkCount;

test('a chunk has no more records than the nearest level says', async (t) => {
  assert.deepEqual(
    await seenOnLevels(
      t,
      'chunkSize',
      { environment: 7, admin: 4, resource: 2 },
      { places: 20, env: inBackground },
      chunksOf,
    ),
    [1, 3, 5, 10],
  );
});

test('a task stops itself at the share of refused records that the nearest level says', async (t) => {
  const end = async (installation: Installation) => {
    await installation.db.pages.query(
      `alter table gazetteer.city add constraint twentieth check (id % 20 <> 0 or notes is null) not valid`,
    );
    const { state, reason } = await workOff(installation, await installation.launchAll());
    return [state, reason];
  };
  const [done, stopped] = [
    ['partial', 'records-refused'],
    ['failed', 'too-many-refused'],
  ];
  assert.deepEqual(
    await seenOnLevels(
      t,
      'stopRatio',
      { environment: 0.01, admin: 0.9, resource: 0.02 },
      { places: 1_200, env: { BULKHEAD_CHUNK_SIZE: '100' } },
      end,
    ),
    [done, stopped, done, stopped],
  );
});

test('a list is counted exactly up to what the nearest level says', async (t) => {
  const counted = async ({ context, cities }: Installation) => {
    const exact: number[] = [];
    for (const size of [100, 200, 300, 400]) {
      const filter = `population-max=${size}`;
      const { isExact } = await countRecords(context.registry, cities, ada, filter);
      if (isExact) exact.push(size);
    }
    return exact;
  };
  assert.deepEqual(
    await seenOnLevels(
      t,
      'countLimit',
      { environment: 100, admin: 300, resource: 200 },
      { places: 400 },
      counted,
    ),
    [[100, 200, 300, 400], [100], [100, 200, 300], [100, 200]],
  );
});

test('chunks become smaller until they take as long as the nearest level says', async (t) => {
  const chunks = async (installation: Installation) => {
    const id = await installation.launchAll();
    await slow(installation, 1);
    return (await workOff(installation, id)).chunkCount;
  };
  const [left = 0, environment = 0, admin = 0] = await seenOnLevels(
    t,
    'chunkTargetMs',
    { environment: 10_000, admin: 1 },
    { places: 600 },
    chunks,
  );
  assert.equal(environment, 2, 'as many as doubling what was first makes of them');
  for (const halved of [left, admin]) assert.ok(halved > 5, String(halved));
});

test('a runner hands a task on after what the nearest level says', async (t) => {
  const turns = async (installation: Installation) => {
    const id = await installation.launchAll();
    await slow(installation, 25);
    return (await workOff(installation, id)).attempts;
  };
  const [left, environment = 0, admin] = await seenOnLevels(
    t,
    'sliceMs',
    { environment: 100, admin: 60_000 },
    { places: 20, env: { BULKHEAD_CHUNK_SIZE: '1' } },
    turns,
  );
  assert.deepEqual([left, admin], [1, 1]);
  assert.ok(environment > 2, String(environment));
});
