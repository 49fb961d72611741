import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type pg from 'pg';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { seededRandom } from '../../testing/random.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { asBulk } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';
import { activate } from './activate.ts';
import type { Lease } from './lease.ts';
import { prepare } from './prepare.ts';
import { takeSlot } from './slots.ts';

const seed = 20_261_121;

test(`two connections launching overlapping selections 500 times never hold a record twice (seed ${seed})`, async (t) => {
  const { db, defer } = await testDatabase(t);
  const { model } = testContext(db).registry.get('cities');
  const [a, b] = [await db.pages.connect(), await db.pages.connect()];
  defer(() => {
    a.release();
    b.release();
  });
  const random = seededRandom(seed);
  const pick = () => {
    const start = 1 + Math.floor(random() * 60);
    const length = 1 + Math.floor(random() * 30);
    return Array.from({ length }, (_, index) => keyOf(model, { id: start + index }));
  };
  let refused = 0;
  let held = 0;
  for (let round = 0; round < 250; round++) {
    const outcomes = await Promise.all([hold(a, pick()), hold(b, pick())]);
    for (const outcome of outcomes) outcome === null ? refused++ : held++;
    const { rows } = await db.pages.query(
      `select key from ${db.t.chunk} chunk join ${db.t.task} task on task.id = chunk.task_id, unnest(chunk.keys) key
       where task.state = 'running' and chunk.state = 'active' group by key having count(distinct task.id) > 1`,
    );
    assert.deepEqual(rows, [], `round ${round}: held twice`);
    await db.pages.query(
      `update ${db.t.task} set state = 'cancelled', finished_at = now() where state = 'running' and random() < 0.7`,
    );
  }
  assert.equal(refused + held, 500);
  assert.ok(refused > 50 && held > 50, `both must happen often: ${refused} refused, ${held} held`);

  /**
   * A launch as the engine does it: a row with drafts, then activation in a transaction of its own.
   */
  async function hold(client: pg.PoolClient, keys: string[]): Promise<number | null> {
    const { rows } = await client.query<{ id: number }>(
      `insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
       values ('cities', 'City', 'update', 'x', 'queue', 'x', 'x', '{}', '{}', '{}', 'preparing') returning id`,
    );
    const id = rows[0]?.id as number;
    const half = Math.ceil(keys.length / 2);
    for (const [number, part] of [keys.slice(0, half), keys.slice(half)]
      .filter((part) => part.length > 0)
      .entries()) {
      await client.query(
        `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, $2, 'draft', $3, $4, $5)`,
        [id, number, part, part[0], part.at(-1)],
      );
    }
    await client.query('begin isolation level read committed');
    const holders = await activate(client, db.t, {
      id,
      model: 'City',
      overlap: 'refuse',
      locksOffReason: null,
    });
    if (holders.length === 0)
      await client.query(`update ${db.t.task} set state = 'running' where id = $1`, [id]);
    else
      await client.query(
        `update ${db.t.task} set state = 'failed', finished_at = now() where id = $1`,
        [id],
      );
    await client.query('commit');
    return holders.length === 0 ? id : null;
  }
});

test('two runners always finish a task', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, { parallelism: 2, chunkSize: 50 });
  const cities = context.registry.get('cities');
  await insertPlaces(db, 1_000);
  const worker = await startWorker(context, { connectionString, concurrency: 2 });
  defer(() => worker.stop());
  for (let round = 1; round <= 25; round++) {
    const { task } = await launchOn(context, cities, { kind: 'matching', filter: '' }, 'update', {
      field: 'notes',
      'value.notes': `round ${round}`,
    });
    const end = await finished(db, task.id, 20_000);
    assert.deepEqual(
      [end.state, end.changed, end.chunksDone],
      ['succeeded', 1_000, end.chunkCount],
      `round ${round}`,
    );
  }
  // A runner gives its slot back a moment after the task has ended.
  for (let tries = 0; tries < 100 && (await slots()) > 0; tries++)
    await new Promise((done) => setTimeout(done, 50));
  assert.equal(await slots(), 0);

  async function slots(): Promise<number> {
    return (await db.pages.query(`select from ${db.t.task_slot}`)).rowCount ?? 0;
  }
});

test('a few records of which one is held are refused at once, whatever characters their keys begin with', async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  const context = testContext(db, {}, {}, tortureAdmin);
  const words = context.registry.list.find(({ model }) => model.name === 'IdText') as Resource;
  const keys = ['\uff41', '😀'];
  await db.pages.query(
    `insert into ${words.model.table} (code, name) select code, 'before' from unnest($1::text[]) code`,
    [keys],
  );
  const body = { field: 'name', 'value.name': 'after' };
  const { task } = await launchOn(context, words, { keys: keys.slice(0, 1) }, 'update', body, ada, {
    inBackground: true,
  });
  const lease = (await takeSlot(context, db.background, task.id, randomUUID())) as Lease;
  await prepare(context, db.background, asBulk(task), words, lease);
  await assert.rejects(launchOn(context, words, { keys }, 'update', body), {
    code: 'overlap',
    status: 409,
  });
  const { rows } = await db.pages.query(`select 1 from ${words.model.table} where name = 'after'`);
  assert.equal(rows.length, 0);
});
