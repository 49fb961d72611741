import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { transaction } from '../../db/transaction.ts';
import { launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import type { TaskContext } from '../context.ts';
import { getTask } from '../looking/queries.ts';
import { lockModel } from '../running/activate.ts';
import { freeze } from '../running/freeze.ts';
import { keySourceOf } from '../running/key-source.ts';
import type { Lease } from '../running/lease.ts';
import { prepare } from '../running/prepare.ts';
import { runSlice } from '../running/run-slice.ts';
import { takeSlot } from '../running/slots.ts';
import { asBulk } from '../task-row.ts';

/** The same, where people are asked for so. */
const asking = (context: TaskContext, findUser: TaskContext['people']['findUser']) => ({
  ...context,
  people: { ...context.people, findUser },
});

async function setUp(t: TestContext) {
  const { db } = await testDatabase(t);
  const context = testContext(db, { maxDeaths: 1 }, { chunkSize: 50 });
  const cities = context.registry.get('cities');
  await insertPlaces(db, 200);
  const body = { field: 'notes', 'value.notes': 'changed' };
  const { task } = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    body,
  );
  const read = async () => asBulk(await getTask(context, task.principal, task.id));
  return {
    db,
    context,
    taskId: task.id,
    read,
    take: async () =>
      (await takeSlot(
        context,
        db.background,
        task.id,
        '00000000-0000-4000-8000-0000000000d1',
      )) as Lease,
    /** What becomes of the slot of a worker that is taken for dead. */
    bury: () => db.background.query(`delete from ${db.t.task_slot} where task_id = $1`, [task.id]),
    prepareWith: async (lease: Lease, given: TaskContext = context) =>
      prepare(given, db.background, await read(), cities, lease),
    freezeWith: async (lease: Lease) =>
      freeze(db.background, db.t, await keySourceOf(context, await read(), cities), 50, lease),
    slice: (given: TaskContext = context) =>
      runSlice(
        given,
        {
          id: '00000000-0000-4000-8000-0000000000d2',
          pool: db.background,
          tokens: new Set(),
          unknown: new Set(),
          backends: ['queue'],
        },
        task.id,
        new AbortController().signal,
      ),
    async states() {
      const chunks = await db.background.query(
        `select distinct state from ${db.t.chunk} where task_id = $1`,
        [task.id],
      );
      return [(await read()).state, ...chunks.rows.map(({ state }) => state)];
    },
  };
}

/** Of this database: other tests have advisory locks on the same server. */
async function somebodyWaits({ pages }: Database): Promise<void> {
  const waiting = `select 1 from pg_locks where locktype = 'advisory' and not granted
    and database = (select oid from pg_database where datname = current_database())`;
  while (!(await pages.query(waiting)).rowCount) await new Promise((done) => setTimeout(done, 5));
}

test('a runner that lost its slot before the activation does not activate what its successor has frozen', async (t) => {
  const { db, take, bury, prepareWith, freezeWith, states, slice, read } = await setUp(t);
  const lost = await take();
  let late: Promise<void> = Promise.resolve();
  let successor: Lease | null = null;
  await transaction(db.pages, async (client) => {
    await lockModel(client, db.t, 'City');
    late = prepareWith(lost);
    await somebodyWaits(db);
    await bury();
    successor = await take();
    await freezeWith(successor);
  });
  await late;
  assert.deepEqual(await states(), ['preparing', 'draft']);
  await bury();
  await slice();
  assert.equal((await read()).state, 'succeeded');
});

test('a task that was cancelled while it waited for other activations holds nothing', async (t) => {
  const { db, take, prepareWith, states } = await setUp(t);
  const lease = await take();
  let late: Promise<void> = Promise.resolve();
  await transaction(db.pages, async (client) => {
    await lockModel(client, db.t, 'City');
    late = prepareWith(lease);
    await somebodyWaits(db);
    await db.pages.query(`update ${db.t.task} set state = 'cancelled', finished_at = now()`);
  });
  await late;
  assert.deepEqual(await states(), ['cancelled', 'draft']);
});

test('whoever takes over a slot waits until the keys that its runner was writing are there, and starts anew', async (t) => {
  const { db, take, bury, freezeWith, slice, read } = await setUp(t);
  await db.pages.query(`
    create function ${db.schema}.hold_up() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(77); return new; end $$;
    create trigger hold_up before insert on ${db.t.chunk} for each row execute function ${db.schema}.hold_up();
  `);
  const lost = await take();
  const buried: Promise<unknown>[] = [];
  await transaction(db.pages, async (client) => {
    await client.query('select pg_advisory_xact_lock(77)');
    const late = freezeWith(lost);
    await somebodyWaits(db);
    buried.push(
      late,
      bury().then(() => slice()),
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  await Promise.all(buried);
  const { state, changed, reason } = await read();
  assert.deepEqual([state, changed, reason], ['succeeded', 200, null]);
});

test('a runner that lost its slot does not fail the task that its successor is preparing', async (t) => {
  const { context, take, bury, prepareWith, states } = await setUp(t);
  const lost = await take();
  await prepareWith(
    lost,
    asking(context, async () => takenOver(null)),
  );
  assert.deepEqual(await states(), ['preparing']);

  async function takenOver<T>(answer: T): Promise<T> {
    await bury();
    await take();
    return answer;
  }
});

for (const [what, error] of [
  ['an error', new Error('of the lost runner')],
  [
    'a statement that took too long',
    Object.assign(new Error('canceling statement'), { code: '57014' }),
  ],
] as const) {
  test(`${what} of a runner that lost its slot does not end the task of its successor`, async (t) => {
    const { context, take, bury, slice, states, read } = await setUp(t);
    await slice(
      asking(context, async () => {
        await bury();
        await take();
        throw error;
      }),
    );
    assert.deepEqual(await states(), ['preparing']);
    assert.equal((await read()).deaths, 0);
  });
}

test('a right that a runner finds withdrawn after it lost its slot does not end the task of its successor', async (t) => {
  const { context, take, bury, slice, states } = await setUp(t);
  await slice(
    asking(context, async (_, launched) => {
      await bury();
      await take();
      return { ...launched, roles: [] };
    }),
  );
  assert.deepEqual(await states(), ['preparing']);
});

test('a task whose person may not come in any more ends with its next slice, whatever it has done', async (t) => {
  const { context, take, bury, prepareWith, slice, read } = await setUp(t);
  await prepareWith(await take());
  await bury();
  await slice(asking(context, async () => null));
  const { state, reason, message } = await read();
  assert.deepEqual(
    [state, reason, message],
    ['failed', 'user-inactive', 'Ada may not sign in any more. What was done before stays.'],
  );
});
