import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { transaction } from '../../db/transaction.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { getTask, listEvents } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';

const params = z.object({ country: z.string() });

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, { ...sample, schedules: [], tasks });
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places: 2 });
    defer(() => worker.stop());
  };
  const launch = async (name: string, given: unknown = {}, options: unknown = {}) => {
    const { rows } = await db.pages.query<{ id: number }>(
      'select bulkhead.launch($1, $2::jsonb, $3::jsonb) as id',
      [name, JSON.stringify(given), JSON.stringify(options)],
    );
    return rows[0]?.id as number;
  };
  return { db, context, begin, launch };
}

test('SQL launches a task, which is what it would be from code once a worker has read it', async (t) => {
  const recount = defineTask({
    name: 'places.recount',
    params,
    title: ({ country }) => `Recount ${country}`,
    priority: 4,
    queue: 'default',
    allowed: () => false,
    run: ({ country }, { principal }) => ({ country, by: principal.name }),
  });
  const { db, context, begin, launch } = await setUp(t, recount);
  await db.pages.query(`create function gazetteer.recount() returns trigger language plpgsql as $$
    begin perform bulkhead.launch('places.recount', jsonb_build_object('country', new.code)); return null; end $$;
    create trigger recount after update on gazetteer.country for each row execute function gazetteer.recount()`);
  await insertPlaces(db, 1);
  await db.pages.query(`update gazetteer.country set name = 'Espagne' where code = 'ESP'`);
  const byTrigger = await db.pages.query<{ id: number }>(`select id from ${db.t.task}`);
  const id = await launch('places.recount', { country: 'FRA' }, { priority: 9, meta: { n: 1 } });
  await begin();
  assert.equal(
    (await finished(db, byTrigger.rows[0]?.id as number)).title,
    'Recount ESP',
    'a trigger launches too',
  );
  const task = await finished(db, id);
  assert.deepEqual(
    [task.state, task.title, task.result, task.priority, task.meta],
    ['succeeded', 'Recount FRA', { country: 'FRA', by: 'system: sql' }, 9, { n: 1 }],
  );
  assert.deepEqual(
    (await listEvents(db, id)).map((event) => event.state),
    ['scheduled', 'queued', 'running', 'succeeded'],
  );
  assert.ok(context);
});

test('it is there when the transaction commits, at its time, once for its operation id', async (t) => {
  const plain = defineTask({ name: 'plain', params: z.object({}), run: () => Date.now() });
  const { db, begin, launch } = await setUp(t, plain);
  await begin();
  await assert.rejects(
    transaction(db.pages, async (client) => {
      await client.query(`select bulkhead.launch('plain')`);
      throw new Error('back');
    }),
    /back/,
  );
  const operationId = '00000000-0000-4000-8000-000000000123';
  const from = Date.now();
  const id = await launch('plain', {}, { delayMs: 600, operationId });
  assert.equal(await launch('plain', {}, { operationId }), id);
  const { result } = await finished(db, id);
  assert.ok((result as number) - from >= 590);
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 1);
});

test('what cannot be launched is refused where it shows, and fails where it shows later', async (t) => {
  const recount = defineTask({
    name: 'recount',
    params,
    unique: {},
    run: ({ country }) => country,
  });
  const { db, context, begin, launch } = await setUp(t, recount);
  for (const [name, options, said] of [
    ['no name', {}, /"no name" is no name of a task/],
    ['recount', { delay: 5 }, /"delay" is no option/],
    ['recount', [], /options must be an object/],
    ['recount', { startAt: 'noon' }, /timestamp/],
  ] as const)
    await assert.rejects(launch(name, { country: 'ESP' }, options), said);
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
  const wrong = await launch('recount', { country: 7 });
  const twice = [
    await launch('recount', { country: 'ESP' }),
    await launch('recount', { country: 'ESP' }),
  ];
  const unknown = await launch('nobody.knows');
  await begin();
  const failed = await finished(db, wrong);
  assert.deepEqual([failed.state, failed.reason], ['failed', 'invalid-params']);
  assert.match(failed.message ?? '', /^country: /);
  const ends = await Promise.all(twice.map(async (id) => (await finished(db, id)).state));
  assert.ok(ends.includes('succeeded'), ends.join());
  assert.equal((await getTask(context, ada, unknown)).state, 'scheduled');
});

test('nobody calls it who was not granted to, and then as its owner, whatever its own tables are called', async (t) => {
  const plain = defineTask({ name: 'plain', params: z.object({}), run: () => 'done' });
  const { db } = await setUp(t, plain);
  await transaction(db.pages, async (client) => {
    await client.query(
      `create role launcher_${process.pid}; set local role launcher_${process.pid}`,
    );
    await client.query('savepoint before');
    await assert.rejects(client.query(`select bulkhead.launch('plain')`), /permission denied/);
    await client.query('rollback to before; reset role');
    await client.query(`grant usage on schema bulkhead to launcher_${process.pid}`);
    await client.query(
      `grant execute on function bulkhead.launch(text, jsonb, jsonb) to launcher_${process.pid}`,
    );
    await client.query(`set local role launcher_${process.pid}`);
    await client.query('create temporary table task (id int) on commit drop');
    const { rows } = await client.query(`select bulkhead.launch('plain') as id`);
    await client.query('reset role');
    const kept = await client.query(`select operation from bulkhead.task where id = $1`, [
      rows[0]?.id,
    ]);
    assert.deepEqual(kept.rows, [{ operation: 'plain' }]);
    await client.query('drop table pg_temp.task');
    await client.query(`drop owned by launcher_${process.pid}; drop role launcher_${process.pid}`);
  });
});
