import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import type { PrismaClient } from '../../../generated/sample/client.ts';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';
import { assertFree } from '../looking/assert-free.ts';
import { listHolders } from '../looking/holders.ts';
import type { Overlap } from '../run-options.ts';
import { startWorker } from '../worker/worker.ts';
import { lockRecords } from './lock-records.ts';

type CountryOptions = TypedResourceOptions<typeof metadata, 'Country'>;

const key = (id: number) => String(id).padStart(20, '0');

/** Cities belong to countries: 1, 2 and 3 to Spain, 4 to France. */
async function setUp(
  t: TestContext,
  options: CountryOptions = {},
  { minAsyncRecords = 1, places = 4 } = {},
) {
  const { db, connectionString } = await testDatabase(t);
  await insertPlaces(db, places);
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where id = 4`);
  const asked: number[] = [];
  const countries = defineResource(metadata, 'Country', {
    async descendants(codes, tx) {
      asked.push(codes.length);
      const { city } = tx as unknown as PrismaClient;
      const where = { countryCode: { in: [...codes] } };
      const found = await city.findMany({ where, select: { id: true, countryCode: true } });
      return found.map(({ id, countryCode }) => ({
        parent: countryCode,
        resource: 'cities',
        key: id,
      }));
    },
    ...options,
  });
  const others = sample.resources.filter(({ model }) => model !== 'Country');
  const admin = { ...sample, schedules: [], resources: [countries, ...others] };
  const errors: string[] = [];
  const context = {
    ...testContext(db, {}, { minAsyncRecords }, admin),
    log: (_level: string, _message: string, details?: object) => void errors.push(inspect(details)),
  };
  const cities = context.registry.get('cities');
  /** A task that runs, and holds a city. */
  async function hold(id: number): Promise<number> {
    const { rows } = await db.pages.query<{ id: number }>(
      `insert into ${db.t.task} (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state)
       values ('own', 'x', 'Survey', 'queue', 'x', 'Eve', '{}', '{}', 'paused') returning id`,
    );
    const task = { id: rows[0]?.id as number, parentId: null, locksOffReason: null };
    const locking = { pool: db.background, t: db.t, lease: null, task };
    await lockRecords(locking, cities.model, [key(id)]);
    return task.id;
  }
  async function launch(overlap: Overlap = 'refuse', keys = ['ESP', 'FRA']) {
    return launchFromCode(context, {
      resource: 'countries',
      operation: 'update',
      keys,
      parameters: { subregion: 'Counted' },
      principal: ada,
      options: { overlap },
    });
  }
  async function edit(overlap?: Overlap) {
    const { task } = await launch(overlap);
    const worker = await startWorker(context, { connectionString, concurrency: 1 });
    return finished(db, task.id).finally(() => worker.stop());
  }
  const rowsOf = async (sql: string) => (await db.pages.query(sql)).rows;
  return {
    db,
    context,
    connectionString,
    asked,
    errors,
    hold,
    launch,
    edit,
    assertFreeCity: (id: number) => assertFree(db.pages, db.t, cities, key(id)),
    subregions: async () =>
      (await rowsOf('select subregion from gazetteer.country order by code')).map(
        ({ subregion }) => subregion,
      ),
    left: async () => [
      (
        await rowsOf(
          `select 1 from ${db.t.lock_set} set join ${db.t.task} task on task.id = task_id where task.finished_at is not null`,
        )
      ).length,
      (await rowsOf(`select 1 from ${db.t.descendant}`)).length,
    ],
    failures: () => rowsOf(`select keys, code, message from ${db.t.task_failure}`),
    end: (id: number) =>
      db.pages.query(
        `with ended as (delete from ${db.t.lock_set} where task_id = $1)
         update ${db.t.task} set state = 'cancelled', finished_at = now() where id = $1`,
        [id],
      ),
  };
}

test('what belongs to a task’s records is held with them until it ends', async (t) => {
  const gate = Promise.withResolvers<void>();
  const saving = Promise.withResolvers<void>();
  const { context, connectionString, db, launch, assertFreeCity, left, asked } = await setUp(t, {
    hooks: {
      async afterSave() {
        saving.resolve();
        await gate.promise;
      },
    },
  });
  const { task } = await launch('refuse', ['ESP']);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    await saving.promise;
    const held = await listHolders(db, 'City', [1, 2, 3, 4].map(key));
    assert.deepEqual([...held.keys()].sort(), [1, 2, 3].map(key));
    await assert.rejects(assertFreeCity(1), { code: 'locked' });
    await assertFreeCity(4);
    gate.resolve();
    assert.equal((await finished(db, task.id)).state, 'succeeded');
  } finally {
    gate.resolve();
    await worker.stop();
  }
  await assertFreeCity(1);
  assert.deepEqual([await left(), asked], [[0, 0], [1]]);
});

test('what belongs to a record that is left out is not held', async (t) => {
  let held: string[] = [];
  const { context, hold, edit } = await setUp(t, {
    hooks: {
      async afterSave() {
        held = [...(await listHolders(context.db, 'City', [1, 2, 3, 4].map(key))).keys()].sort();
      },
    },
  });
  await hold(2);
  const { changed, conflicted } = await edit('skip');
  assert.deepEqual([changed, conflicted, held], [1, 1, [key(2), key(4)]]);
});

test('where another task holds one of them the task is refused, waits, or leaves its record out whole', async (t) => {
  const { db, context, connectionString, hold, launch, edit, subregions, left, failures, end } =
    await setUp(t);
  const holder = await hold(2);
  const refused = await edit();
  assert.deepEqual([refused.state, refused.reason], ['failed', 'overlap']);
  assert.match(String(refused.message), new RegExp(`by task ${holder} \\(Survey`));
  assert.deepEqual(
    [await subregions(), await left()],
    [
      [null, null],
      [0, 0],
    ],
  );

  const skipped = await edit('skip');
  assert.deepEqual([skipped.state, skipped.changed, skipped.conflicted], ['partial', 1, 1]);
  assert.deepEqual(await subregions(), [null, 'Counted']);
  assert.deepEqual(await failures(), [
    {
      keys: ['ESP'],
      code: 'locked',
      message: `What belongs to it is held by task ${holder}: Survey, Eve.`,
    },
  ]);
  assert.deepEqual(await left(), [0, 0]);

  const { task } = await launch('wait', ['ESP']);
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  try {
    for (let looks = 0; ; looks++) {
      const { rows } = await db.pages.query(`select blocked_by from ${db.t.task} where id = $1`, [
        task.id,
      ]);
      if (rows[0].blocked_by === holder) break;
      assert.ok(looks < 500, 'it does not wait');
      await new Promise((next) => setTimeout(next, 20));
    }
    await end(holder);
    await db.pages.query(`update ${db.t.task} set blocked_by = null where id = $1`, [task.id]);
    assert.equal((await finished(db, task.id)).state, 'succeeded');
  } finally {
    await worker.stop();
  }
  assert.deepEqual(await subregions(), ['Counted', 'Counted']);
  assert.deepEqual(await left(), [0, 0]);
});

test('of a few records that are changed at once one is refused, or left out, where another task holds what belongs to it', async (t) => {
  const { context, hold, subregions, left, end } = await setUp(t, {}, { minAsyncRecords: 20 });
  const launch = (subregion: string, overlap: Overlap = 'refuse') =>
    launchOn(
      context,
      context.registry.get('countries'),
      { keys: ['ESP', 'FRA'] },
      'update',
      { field: 'subregion', 'value.subregion': subregion },
      ada,
      { overlap },
    );
  const holder = await hold(2);
  await assert.rejects(launch('one'), { code: 'overlap', status: 409 });
  assert.deepEqual(await subregions(), [null, null]);
  const skipped = await launch('two', 'skip');
  assert.deepEqual([skipped.outcome, skipped.task.conflicted], ['inline', 1]);
  assert.deepEqual(await subregions(), [null, 'two']);
  await end(holder);
  assert.equal((await launch('three')).task.state, 'succeeded');
  assert.deepEqual(
    [await subregions(), await left()],
    [
      ['three', 'three'],
      [0, 0],
    ],
  );
});

test('a rule of descendants that throws, or names what it was not asked, ends the task before it writes', async (t) => {
  let gives = () => [{ parent: 'ITA', resource: 'cities', key: 1 }];
  const { edit, subregions, left, errors } = await setUp(t, { descendants: () => gives() });
  const wrong = await edit();
  assert.deepEqual([wrong.state, wrong.reason], ['failed', 'descendants']);
  assert.match(String(wrong.message), /The descendants rule of countries failed/);
  assert.match(errors.join(), /descendants of countries: "ITA" is none of the keys/);
  gives = () => assert.fail('down');
  assert.equal((await edit()).reason, 'descendants');
  gives = () => [{ parent: 'ESP', resource: 'towns', key: 1 }];
  assert.equal((await edit()).reason, 'descendants');
  assert.deepEqual(
    [await subregions(), await left()],
    [
      [null, null],
      [0, 0],
    ],
  );
});
