import assert from 'node:assert/strict';
import { test } from 'node:test';
import type pg from 'pg';
import { AppError } from '../../errors.ts';
import { keyOf } from '../../metadata/keys.ts';
import { testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { seededRandom } from '../../testing/random.ts';
import { findBroken, invariantsAlways } from '../../testing/task-invariants.ts';
import { assertFree } from '../looking/assert-free.ts';
import { findHolder, listHolders } from '../looking/holders.ts';
import { activate } from './activate.ts';
import { type Locking, lockRecords, releaseRecords } from './lock-records.ts';

const seed = 20_261_129;

async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const { db, defer } = await testDatabase(t);
  const { registry } = testContext(db);
  await insertPlaces(db, 300);
  const city = registry.get('cities').model;
  const country = registry.get('countries').model;
  const cities = (from: number, to: number) =>
    Array.from({ length: to - from + 1 }, (_, index) => keyOf(city, { id: from + index }));
  /** A task that runs, as the locks see it. */
  const begin = async (parentId: number | null = null): Promise<Locking> => {
    const { rows } = await db.pages.query<{ id: number }>(
      `insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, parent_id)
       values ('x', 'x', 'update', 'Recount', 'queue', 'x', 'Ada', '{}', '{}', '{}', 'running', $1) returning id`,
      [parentId],
    );
    const id = rows[0]?.id as number;
    return {
      pool: db.background,
      t: db.t,
      lease: null,
      task: { id, parentId, locksOffReason: null },
    };
  };
  const end = ({ task }: Locking) =>
    db.pages.query(
      `update ${db.t.task} set state = 'succeeded', finished_at = now() where id = $1`,
      [task.id],
    );
  const holderOf = async (model: string, key: string | undefined) =>
    (await findHolder(db.pages, db.t, model, String(key)))?.taskId ?? null;
  return { db, defer, city, country, cities, begin, end, holderOf };
}

test('a task holds records of any model until it lets go of them or ends, and asked again it does nothing', async (t) => {
  const { db, city, country, cities, begin, end, holderOf } = await setUp(t);
  const one = await begin();
  const other = await begin();
  const few = await lockRecords(one, city, cities(1, 3));
  const many = await lockRecords(one, city, cities(101, 250));
  await lockRecords(one, country, ['ESP']);
  assert.deepEqual(
    [few.keys.length, many.keys.length, (await lockRecords(one, city, cities(2, 4))).keys],
    [3, 150, cities(4, 4)],
  );
  assert.equal((await listHolders(db, 'City', cities(1, 300))).size, 154);
  assert.equal(await holderOf('Country', 'ESP'), one.task.id);
  await assert.rejects(lockRecords(other, city, cities(250, 260)), (error) => {
    assert.ok(error instanceof AppError);
    assert.deepEqual(
      [error.code, error.status, error.details?.holder?.taskId],
      ['locked', 423, one.task.id],
    );
    return true;
  });
  assert.equal(await holderOf('City', cities(260, 260)[0]), null, 'all or none of them');
  await assert.rejects(
    assertFree(db.pages, db.t, { model: country, locksOffReason: null }, 'ESP'),
    {
      code: 'locked',
    },
  );

  await releaseRecords(one, { ...many, keys: cities(120, 130) });
  assert.equal((await listHolders(db, 'City', cities(1, 300))).size, 143);
  assert.deepEqual((await lockRecords(other, city, cities(120, 130))).keys, cities(120, 130));
  await releaseRecords(one, few);
  assert.equal((await listHolders(db, 'City', cities(1, 4))).size, 1);

  await end(one);
  assert.equal(await holderOf('Country', 'ESP'), null);
  assert.equal((await listHolders(db, 'City', cities(1, 300))).size, 11);
  assert.deepEqual(await findBroken(db, invariantsAlways(db)), []);
});

test('a run that has lost its slot locks nothing more', async (t) => {
  const { city, cities, begin, holderOf } = await setUp(t);
  const task = await begin();
  const lease = { taskId: task.task.id, slot: 0, token: '00000000-0000-4000-8000-0000000000aa' };
  await assert.rejects(lockRecords({ ...task, lease }, city, cities(1, 3)), /has lost task/);
  assert.equal(await holderOf('City', cities(1, 1)[0]), null);
});

test('what was locked by a few at a time is looked for in one place', async (t) => {
  const { db, city, cities, begin } = await setUp(t);
  const task = await begin();
  for (const key of cities(1, 40)) await lockRecords(task, city, [key]);
  const { rows } = await db.pages.query(
    `select count(*)::int as sets, (select count(*)::int from ${db.t.lock_range}) as ranges from ${db.t.lock_set}`,
  );
  assert.deepEqual(rows[0], { sets: 1, ranges: 40 });
  assert.equal((await listHolders(db, 'City', cities(1, 50))).size, 40);
});

test('whoever had asked before writes first: a lock returns after them, or is refused as busy', async (t) => {
  const { db, defer, city, cities, begin, holderOf } = await setUp(t);
  const client = await db.pages.connect();
  defer(() => client.release());
  const save = async () => {
    await client.query('begin');
    await client.query('select 1 from gazetteer.city where id = 5 for update');
    await assertFree(client, db.t, { model: city, locksOffReason: null }, String(cities(5, 5)[0]));
  };
  await save();
  let isLocked = false;
  const locking = lockRecords(await begin(), city, cities(1, 10)).then((locked) => {
    isLocked = true;
    return locked;
  });
  await new Promise((done) => setTimeout(done, 300));
  assert.equal(isLocked, false);
  await client.query(`update gazetteer.city set notes = 'saved' where id = 5`);
  await client.query('commit');
  assert.equal((await locking).keys.length, 10);

  const late = await begin();
  await client.query('begin');
  await client.query('select 1 from gazetteer.city where id = 25 for update');
  await assert.rejects(lockRecords(late, city, cities(20, 30)), { code: 'busy', status: 503 });
  await client.query('commit');
  assert.equal(await holderOf('City', cities(20, 20)[0]), null, 'then it holds none of them');

  const own = await begin();
  await client.query(`begin; set local lock_timeout = '7s'`);
  await client.query('select 1 from gazetteer.city where id = 45 for update');
  assert.equal((await lockRecords(own, city, cities(40, 50), client)).keys.length, 11);
  const { rows } = await client.query('show lock_timeout');
  assert.deepEqual(rows, [{ lock_timeout: '7s' }]);
  await client.query('commit');
});

test('what its ancestors hold is not in the way of a task, what its siblings hold is', async (t) => {
  const { db, city, cities, begin } = await setUp(t);
  const parent = await begin();
  await lockRecords(parent, city, cities(1, 10));
  const child = await begin(parent.task.id);
  const sibling = await begin(parent.task.id);
  const grandchild = await begin(child.task.id);
  await lockRecords(child, city, cities(1, 5));
  await lockRecords(grandchild, city, cities(1, 2));
  await assert.rejects(lockRecords(sibling, city, cities(5, 6)), { code: 'locked' });
  await lockRecords(sibling, city, cities(6, 7));
  await assert.rejects(lockRecords(await begin(), city, cities(10, 10)), { code: 'locked' });
  assert.deepEqual(await findBroken(db, invariantsAlways(db)), []);
  await db.pages.query(`update ${db.t.task} set parent_id = null where id = $1`, [sibling.task.id]);
  assert.equal((await findBroken(db, invariantsAlways(db))).length, 1, 'the look is no blind one');
});

test(`two connections that hold records of three models 500 times never hold one twice (seed ${seed})`, async (t) => {
  const { db, defer, city, country, cities } = await setUp(t);
  const connections = [await db.pages.connect(), await db.pages.connect()];
  defer(() => {
    for (const client of connections) client.release();
  });
  const random = seededRandom(seed);
  const codes = (await db.pages.query<{ code: string }>('select code from gazetteer.country')).rows;
  const some = (keys: readonly string[]) => {
    const start = Math.floor(random() * Math.min(40, keys.length));
    return keys.slice(start, start + 1 + Math.floor(random() * 20));
  };
  const pick = () => ({
    City: random() < 0.7 ? some(cities(1, 60)) : [],
    Country: random() < 0.7 ? some(codes.map(({ code }) => code).sort()) : [],
    Other: some(['a', 'b', 'c', 'd', 'e', 'f']),
  });
  let held = 0;
  let refused = 0;
  for (let round = 0; round < 250; round++) {
    const outcomes = await Promise.all(connections.map((client) => hold(client, pick())));
    for (const isHeld of outcomes) isHeld ? held++ : refused++;
    const { 'the counts of a task add up': _, ...invariants } = invariantsAlways(db);
    assert.deepEqual(await findBroken(db, invariants), [], `round ${round}`);
    await db.pages.query(
      `update ${db.t.task} set state = 'cancelled', finished_at = now() where state = 'running' and random() < 0.8`,
    );
  }
  assert.ok(refused > 50 && held > 50, `both must happen often: ${refused} refused, ${held} held`);
  assert.deepEqual([city.name, country.name], ['City', 'Country']);

  /** City by chunks, as bulk work does; the others beside them. */
  async function hold(client: pg.PoolClient, keys: Record<string, string[]>): Promise<boolean> {
    const { rows } = await client.query<{ id: number }>(
      `insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
       values ('cities', 'City', 'update', 'x', 'queue', 'x', 'x', '{}', '{}', '{}', 'preparing') returning id`,
    );
    const id = rows[0]?.id as number;
    for (const [model, own] of Object.entries(keys)) {
      if (own.length === 0) continue;
      const range = [own, own[0], own.at(-1)];
      if (model === 'City')
        await client.query(
          `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'draft', $2, $3, $4)`,
          [id, ...range],
        );
      else
        await client.query(
          `with own as (insert into ${db.t.lock_set} (task_id, model) values ($1, $2) returning id)
           insert into ${db.t.lock_range} (set_id, keys, first_key, last_key) select id, $3, $4, $5 from own`,
          [id, model, ...range],
        );
    }
    await client.query('begin isolation level read committed');
    const holders = await activate(client, db.t, {
      id,
      model: 'City',
      overlap: 'refuse',
      locksOffReason: null,
    });
    await client.query(
      `update ${db.t.task} set state = $2, finished_at = case when $2 = 'failed' then now() end where id = $1`,
      [id, holders.length === 0 ? 'running' : 'failed'],
    );
    await client.query('commit');
    return holders.length === 0;
  }
});
