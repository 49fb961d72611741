import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { cancel } from '../control/cancel.ts';
import { retry } from '../follow-ups/retry.ts';
import { fanOut } from '../hooks/fan-out.ts';
import { purge } from '../worker/retention.ts';
import { startWorker } from '../worker/worker.ts';
import { launchManyOwn, launchOwn } from './launch-own.ts';

const params = z.object({ country: z.string(), note: z.string().optional() });

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: Parameters<typeof testDatabase>[0], ...tasks: TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(
    db,
    {},
    {},
    { ...sample, notify: 'none', schedules: [], taskHooks: [], tasks },
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1, places: 4 });
  defer(() => worker.stop());
  const launch = async (
    definition: TaskDefinition<typeof params, unknown>,
    given: z.input<typeof params>,
    principal = ada,
  ) => {
    const { id } = await launchOwn(context, definition, given, { principal });
    await finished(db, id);
    return id;
  };
  const age = (id: number, hours: number) =>
    db.pages.query(
      `update ${db.t.task} set finished_at = finished_at - make_interval(hours => $2) where id = $1`,
      [id, hours],
    );
  const isThere = async (id: number) =>
    (await db.pages.query(`select from ${db.t.task} where id = $1`, [id])).rowCount === 1;
  return { db, context, launch, age, isThere };
}

test('a launch of the same is answered with an earlier success while that is good', async (t) => {
  let runs = 0;
  const options = { params, resultReuseMs: 3_600_000, run: () => ++runs };
  const same = defineTask({ ...options, name: 'same' });
  const keyed = defineTask({
    ...options,
    name: 'keyed',
    unique: { key: ({ country }) => country },
  });
  const { db, context, launch, age } = await setUp(t, same, keyed);
  const first = await launch(same, { country: 'ESP' });
  assert.equal(await launch(same, { country: 'ESP' }), first);
  const again = await launchOwn(context, same, { country: 'ESP' }, { principal: ada });
  assert.deepEqual([again.state, again.result], ['succeeded', 1], 'with its result, at once');
  assert.notEqual(await launch(same, { country: 'ESP', note: 'x' }), first);
  assert.equal(runs, 2);
  const many = await launchManyOwn(context, same, [{ country: 'ESP' }, { country: 'FRA' }], {
    principal: ada,
  });
  assert.equal(many[0]?.id, first);
  await finished(db, many[1]?.id as number);
  assert.notEqual(await launch(same, { country: 'ESP' }, eve), first, 'hers, who does not see it');
  const later = { principal: ada, delayMs: 1 };
  assert.notEqual((await launchOwn(context, same, { country: 'ESP' }, later)).id, first);

  const one = await launch(keyed, { country: 'ESP', note: 'x' });
  assert.equal(await launch(keyed, { country: 'ESP', note: 'y' }), one, 'the key alone says it');
  await age(one, 1);
  assert.notEqual(await launch(keyed, { country: 'ESP' }), one, 'its time is over');
});

test('what failed is no result, and its run is not spared', async (t) => {
  let runs = 0;
  const failing = defineTask({
    name: 'failing',
    params,
    attempts: 1,
    resultReuseMs: 3_600_000,
    run: () => {
      if (++runs === 1) throw new Error('not yet');
      return runs;
    },
  });
  const { launch } = await setUp(t, failing);
  const first = await launch(failing, { country: 'ESP' });
  const second = await launch(failing, { country: 'ESP' });
  assert.notEqual(first, second);
  assert.equal(await launch(failing, { country: 'ESP' }), second);
});

test('a task is kept as long as its definition says, or the setting', async (t) => {
  const run = () => null;
  const brief = defineTask({ name: 'brief', params, keepMs: 3_600_000, run });
  const long = defineTask({ name: 'long', params, keepMs: 400 * 24 * 3_600_000, run });
  const other = defineTask({ name: 'other', params, run });
  const { db, launch, age, isThere, context } = await setUp(t, brief, long, other);
  const country = { country: 'ESP' };
  const young = await launch(brief, country);
  const old: number[] = [];
  for (const definition of [brief, long, other, other]) old.push(await launch(definition, country));
  const [hours, days, kept, past] = old as [number, number, number, number];
  await age(hours, 2);
  await age(days, 390 * 24);
  await age(kept, 2);
  await age(past, 390 * 24);
  // Hooks are to be told of all that has become of them first.
  const fresh = `select from ${db.t.task_event} where not is_fanned`;
  while ((await db.pages.query(fresh)).rowCount !== 0) await fanOut(db.pages, context);
  await purge(context);
  assert.deepEqual(await Promise.all([young, hours, days, kept, past].map(isThere)), [
    true,
    false,
    true,
    true,
    false,
  ]);
});

test('what a task that goes on has launched, or is tried again from, is not forgotten', async (t) => {
  let sleeps = true;
  const leaf = defineTask({ name: 'leaf', params, keepMs: 0, run: () => null });
  const part = defineTask({
    name: 'part',
    params,
    keepMs: 0,
    run: async (given, task) => task.all([await task.launch('leaf', leaf, given)]),
  });
  const whole = defineTask({
    name: 'whole',
    params,
    attempts: 1,
    keepMs: 0,
    async run(given, task) {
      await task.all([await task.launch('part', part, given)]);
      if (!sleeps) throw new Error('no');
      await task.sleep('a day', 86_400_000);
    },
  });
  const { db, context, isThere } = await setUp(t, leaf, part, whole);
  const family = async (id: number) => {
    const { rows } = await db.pages.query<{ id: number }>(
      `with recursive family as (select id from ${db.t.task} where id = $1
         union select child.id from ${db.t.task} child join family on child.parent_id = family.id) select id from family order by id`,
      [id],
    );
    return rows.map((row) => row.id);
  };
  const until = async (isSo: () => Promise<boolean>) => {
    for (const end = Date.now() + 20_000; !(await isSo()); await wait(50))
      assert.ok(Date.now() < end, 'it does not come to be so');
  };
  const asleep = (id: number) =>
    until(async () => {
      const waiting = `select from ${db.t.task} where id = $1 and waits_for = 'sleep'`;
      return (await db.pages.query(waiting, [id])).rowCount === 1;
    });
  // Hooks are to be told of all that has become of them first.
  const purged = async () => {
    await until(async () => {
      await fanOut(db.pages, context);
      const fresh = `select from ${db.t.task_event} where not is_fanned`;
      return (await db.pages.query(fresh)).rowCount === 0;
    });
    await purge(context);
  };
  const launch = async () =>
    (await launchOwn(context, whole, { country: 'ESP' }, { principal: ada })).id;

  const parent = await launch();
  await asleep(parent);
  const ids = await family(parent);
  assert.equal(ids.length, 3);
  await purged();
  assert.deepEqual(await Promise.all(ids.map(isThere)), [true, true, true]);
  await cancel(context, ada, parent);
  await purged();
  assert.deepEqual(await Promise.all(ids.map(isThere)), [false, false, false]);

  sleeps = false;
  const failed = await launch();
  assert.equal((await finished(db, failed)).message, 'no');
  const [, child] = await family(failed);
  sleeps = true;
  const operationId = '00000000-0000-4000-8000-000000000001';
  const first = await retry(context, ada, failed, { operationId, code: null });
  await asleep(first.task.id);
  await cancel(context, ada, first.task.id);
  const again = await retry(context, ada, first.task.id, {
    operationId: operationId.replace(/1$/, '2'),
    code: null,
  });
  await asleep(again.task.id);
  await purged();
  assert.deepEqual(await Promise.all([failed, child as number].map(isThere)), [true, true]);
});
