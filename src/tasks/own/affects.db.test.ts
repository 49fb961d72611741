import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import type { AppError } from '../../errors.ts';
import { updateRecord } from '../../operations/save-record.ts';
import { defineResource } from '../../resources/define-resource.ts';
import type { AffectedRecords } from '../../task-definitions/affected-records.ts';
import { defineTask, type TaskDefinition } from '../../task-definitions/define-task.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { seededRandom } from '../../testing/random.ts';
import { findBroken, invariantsAlways } from '../../testing/task-invariants.ts';
import { saveContextOf } from '../launching/save-context.ts';
import { listConflicts } from '../looking/conflicts.ts';
import { getTask } from '../looking/queries.ts';
import { startWorker } from '../worker/worker.ts';
import { launchOwn } from './launch-own.ts';
import type { OwnLaunch } from './own-launch.ts';

const params = z.object({ name: z.string(), cities: z.array(z.number()) });
type Given = z.infer<typeof params>;

const gates: (() => void)[] = [];

/** Runs stand here, each by its name, until they are let through. */
function gate() {
  const open = new Map<string, () => void>();
  const log: string[] = [];
  const opened = new Set<string>();
  const let_ = (name: string) => {
    opened.add(name);
    open.get(name)?.();
  };
  let isOver = false;
  gates.push(() => {
    isOver = true;
    for (const name of open.keys()) let_(name);
  });
  return {
    log,
    let: let_,
    async pass(name: string, signal?: AbortSignal) {
      log.push(name);
      if (isOver || opened.has(name)) return;
      await new Promise<void>((resolve, reject) => {
        open.set(name, resolve);
        signal?.addEventListener('abort', reject);
      });
    },
  };
}

const affectsCities = ({ cities }: Given): AffectedRecords => ({
  resource: 'cities',
  keys: cities,
});

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
type AnyTask = TaskDefinition<any, any>;

async function setUp(
  t: Parameters<typeof testDatabase>[0],
  tasks: AnyTask[],
  { places = 2, admin = sample } = {},
) {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 400);
  const context = testContext(
    db,
    { recoveryIntervalMs: 50 },
    { chunkSize: 50 },
    { ...admin, schedules: [], tasks },
  );
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 1, places });
    // Also after a test that failed: a worker waits for its runs.
    defer(() => {
      for (const open of gates) open();
      return worker.stop();
    });
  };
  const launch = async (
    definition: AnyTask,
    name: string,
    cities: number[],
    options: Partial<OwnLaunch> = {},
  ) => (await launchOwn(context, definition, { name, cities }, { principal: ada, ...options })).id;
  const save = (id: number) => {
    const saving = saveContextOf(context, context.registry.for(ada, 'cities'), ada);
    return updateRecord(saving, String(id).padStart(20, '0'), () => new Map()).then(
      () => 'saved',
      (error: AppError) => error.code,
    );
  };
  const held = async (resource: string, keys: (string | number)[]) =>
    (await listConflicts(context, [{ resource, keys }])).map(({ holder }) => holder.taskId);
  const until = async (isSo: () => boolean | Promise<boolean>) => {
    for (const end = Date.now() + 60_000; !(await isSo()); await wait(20))
      assert.ok(Date.now() < end, 'it does not come to be so');
  };
  const waitsFor = (id: number, holder: number) =>
    until(async () => {
      const blocked = `select from ${db.t.task} where id = $1 and blocked_by = $2`;
      return (await db.pages.query(blocked, [id, holder])).rowCount === 1;
    });
  return { db, context, begin, launch, save, held, until, waitsFor };
}

test('two that affect the same never run at once: the other waits without a place, is no attempt and has not begun', async (t) => {
  const gated = gate();
  const attempts: number[] = [];
  const recount = defineTask({
    name: 'recount',
    params,
    affects: affectsCities,
    rate: { max: 3, perMs: 600_000 },
    async run({ name }, task) {
      attempts.push(task.attempt);
      await gated.pass(name);
    },
  });
  const free = defineTask({ name: 'free', params, run: () => 'done' });
  const { db, context, begin, launch, save, held, until, waitsFor } = await setUp(t, [
    recount,
    free,
  ]);
  await begin();
  const first = await launch(recount, 'first', [1, 2]);
  await until(() => gated.log.length === 1);
  const second = await launch(recount, 'second', [2, 3]);
  await waitsFor(second, first);
  const waiting = await getTask(context, ada, second);
  assert.deepEqual(
    [waiting.state, waiting.waitsFor, waiting.attempts, waiting.failedAttempts, waiting.startedAt],
    ['queued', 'task', 0, 0, null],
  );
  assert.deepEqual([await held('cities', [1]), await held('cities', [3])], [[first], []]);
  assert.deepEqual([await save(1), await save(3)], ['locked', 'saved']);
  const beside = await launch(free, 'beside', []);
  assert.equal((await finished(db, beside)).state, 'succeeded', 'a place is free');
  gated.let('first');
  await until(() => gated.log.length === 2);
  assert.equal((await getTask(context, ada, first)).state, 'succeeded');
  assert.deepEqual([await held('cities', [3]), await save(1)], [[second], 'saved']);
  gated.let('second');
  assert.equal((await finished(db, second)).state, 'succeeded');
  assert.deepEqual([attempts, await held('cities', [3])], [[1, 1], []]);
  const { rows } = await db.pages.query(`select count(*)::int from ${db.t.task_start}`);
  assert.equal(rows[0]?.count, 2, 'it was started twice in all');
});

test('bulk work in the way is waited for, and waits in its turn', async (t) => {
  const gated = gate();
  const recount = defineTask({
    name: 'recount',
    params,
    affects: () => [
      { resource: 'countries', keys: ['ESP'] },
      { resource: 'cities', where: { population: { lte: 100 } } },
    ],
    run: ({ name }) => gated.pass(name),
  });
  const { db, context, begin, launch, held, until, waitsFor } = await setUp(t, [recount]);
  const cities = context.registry.for(ada, 'cities');
  const bulk = (notes: string, filter: string) =>
    launchOn(
      context,
      cities,
      { kind: 'matching', filter },
      'update',
      { field: 'notes', 'value.notes': notes },
      ada,
      { overlap: 'wait' },
    );
  const blocker = await db.pages.connect();
  await blocker.query('begin; select from gazetteer.city where id = 70 for update');
  await begin();
  const edit = (await bulk('first', 'population-max=150')).task.id;
  await until(async () => (await getTask(context, ada, edit)).state === 'running');
  const id = await launch(recount, 'recount', []);
  await waitsFor(id, edit);
  assert.deepEqual(await held('countries', ['ESP']), [], 'all of it or nothing');
  await blocker.query('rollback');
  blocker.release();
  await finished(db, edit);
  await until(() => gated.log.length === 1);
  assert.deepEqual(await held('countries', ['ESP']), [id]);
  assert.deepEqual([await held('cities', [100]), await held('cities', [101])], [[id], []]);
  const later = (await bulk('second', 'population-max=150')).task.id;
  await waitsFor(later, id);
  gated.let('recount');
  assert.equal((await finished(db, later)).state, 'succeeded');
});

test('it fails at once, with the holder named, where the definition refuses', async (t) => {
  const gated = gate();
  const run = ({ name }: Given) => gated.pass(name);
  const waits = defineTask({ name: 'waits', params, affects: affectsCities, run });
  const refuses = defineTask({ ...waits.options, name: 'refuses', overlap: 'refuse' });
  const { db, begin, launch, until } = await setUp(t, [waits, refuses]);
  await begin();
  const first = await launch(waits, 'first', [1]);
  await until(() => gated.log.length === 1);
  const task = await finished(db, await launch(refuses, 'second', [1]));
  assert.deepEqual([task.state, task.reason, task.failedAttempts], ['failed', 'locked', 0]);
  assert.match(task.message ?? '', new RegExp(`by task ${first} \\(waits, Ada`));
  assert.deepEqual(gated.log, ['first']);
});

test('tasks that affect one another’s records in any order all come to their end, and no record has two holders', async (t) => {
  const seed = 20_261_129;
  const random = seededRandom(seed);
  let running = 0;
  const crossing = defineTask({
    name: 'crossing',
    params: z.object({ parts: z.array(z.string()) }),
    affects: ({ parts }) =>
      parts.map((part) => ({
        resource: part.split(' ')[0] as string,
        keys: part.split(' ').slice(1),
      })),
    async run() {
      running++;
      await wait(5);
    },
  });
  const { db, context, begin, until } = await setUp(t, [crossing], { places: 8 });
  const pick = (n: number) => Math.floor(random() * n);
  const ids: number[] = [];
  for (let n = 0; n < 20; n++) {
    const parts = [
      `cities ${1 + pick(3)} ${4 + pick(3)}`,
      `countries ${['ESP', 'FRA'][pick(2)]}`,
      `tags ${1 + pick(3)}`,
    ];
    const given = { parts: n % 2 === 0 ? parts : parts.toReversed() };
    ids.push((await launchOwn(context, crossing, given, { principal: ada })).id);
  }
  await begin();
  const broken: unknown[] = [];
  await until(async () => {
    broken.push(...(await findBroken(db, invariantsAlways(db))));
    const { rows } = await db.pages.query(
      `select from ${db.t.task} where state <> 'succeeded' limit 1`,
    );
    return rows.length === 0;
  });
  assert.deepEqual([running, broken], [20, []]);
});

test('a part waits for others, and not while what it is a part of holds something, since before or after', async (t) => {
  const gated = gate();
  const part = defineTask({
    name: 'part',
    params,
    affects: affectsCities,
    run: ({ name }) => gated.pass(name),
  });
  const whole = defineTask({
    name: 'whole',
    params,
    attempts: 1,
    async run({ name, cities }, task) {
      if (name === 'before') await task.lock('countries', ['FRA']);
      const own = { name: `part of ${name}`, cities };
      const child = await task.launch('part', part, own);
      await gated.pass(name, task.signal);
      if (name === 'after') await task.lock('countries', ['ESP']);
      await task.step('locked', () => true);
      const [outcome] = await task.all([child], { onFailure: 'collect' });
      return [outcome?.state, outcome?.reason];
    },
  });
  const { db, begin, launch, until, waitsFor } = await setUp(t, [part, whole], { places: 6 });
  await begin();
  const holder = await launch(part, 'holder', [9]);
  await until(() => gated.log.length === 1);
  gated.let('before');
  const before = await launch(whole, 'before', [9]);
  assert.deepEqual((await finished(db, before)).result, ['failed', 'locked']);
  const after = await launch(whole, 'after', [9]);
  await waitsFor(after + 1, holder);
  gated.let('after');
  assert.deepEqual((await finished(db, after)).result, ['failed', 'locked']);
  const without = await launch(whole, 'without', [9]);
  await waitsFor(without + 1, holder);
  gated.let('without');
  gated.let('part of without');
  gated.let('holder');
  assert.deepEqual((await finished(db, without)).result, ['succeeded', null]);
  const inside = await launch(whole, 'inside', [9]);
  gated.let('inside');
  gated.let('part of inside');
  assert.deepEqual((await finished(db, inside)).result, ['succeeded', null]);
});

test('what it affects is asked once, however often it begins anew, and once per look while it waits', async (t) => {
  const gated = gate();
  let asked = 0;
  const failing = defineTask({
    name: 'failing',
    params,
    backoff: { firstMs: 1, maxMs: 1 },
    affects: ({ cities }) => {
      asked++;
      return { resource: 'cities', keys: cities };
    },
    async run({ name }, task) {
      await gated.pass(name);
      if (task.attempt < 3) throw new Error('not yet');
    },
  });
  const { db, begin, launch, held, until } = await setUp(t, [failing]);
  await begin();
  gated.let('again');
  const id = await launch(failing, 'again', [5]);
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.equal(asked, 1);
  const first = await launch(failing, 'stands', [5]);
  await until(async () => (await held('cities', [5])).length > 0);
  assert.deepEqual(await held('cities', [5]), [first]);
});

test('it holds what its person may see, and only reads', async (t) => {
  const scoped = sample.resources.map((resource, index) =>
    index === 0
      ? defineResource(metadata, 'City', {
          scope: ({ id }) => (id === eve.id ? { id: { lte: 10 } } : {}),
        })
      : resource,
  );
  const gated = gate();
  const all = defineTask({
    name: 'all',
    params,
    attempts: 1,
    affects: async ({ name }, tx) => {
      if (name === 'writes') await tx.$executeRawUnsafe('delete from gazetteer.city');
      const named = await tx.$queryRawUnsafe<{ code: string }[]>(
        `select code from gazetteer.country where name = 'Spain'`,
      );
      if (name === 'wrong') return { resource: 'cities', where: { nothing: 1 } };
      if (name === 'every') return { resource: 'cities', where: {} };
      if (name === 'unknown') return { resource: 'moons', keys: [1] };
      const where = { countryCode: named[0]?.code };
      return [
        { resource: 'cities', where },
        { resource: 'cities', keys: [5, 300] },
      ];
    },
    run: ({ name }) => gated.pass(name),
  });
  const { db, begin, launch, held, until } = await setUp(t, [all], {
    admin: { ...sample, schedules: [], resources: scoped },
  });
  await begin();
  const id = await launch(all, 'eve', [], { principal: eve });
  await until(() => gated.log.length === 1);
  assert.deepEqual(
    [await held('cities', [5]), await held('cities', [11]), await held('cities', [300])],
    [[id], [], []],
  );
  gated.let('eve');
  await finished(db, id);
  const system = await launch(all, 'system', [], { principal: systemPrincipal('nightly') });
  await until(() => gated.log.length === 2);
  assert.deepEqual(await held('cities', [300]), [system]);
  gated.let('system');
  const why = async (name: string) => {
    const task = await finished(db, await launch(all, name, []));
    return [task.reason, task.message?.split('\n').at(-1)];
  };
  assert.match(String(await why('writes')), /error.*read-only transaction/s);
  assert.match(String(await why('wrong')), /invalid-selection.*nothing/s);
  assert.match(String(await why('every')), /invalid-selection.*everything/s);
  assert.match(String(await why('unknown')), /not-found/);
  const { rows } = await db.pages.query('select count(*)::int from gazetteer.city');
  assert.equal(rows[0]?.count, 400);
});

test('whoever had begun to write has written before its run is called', async (t) => {
  const reading = defineTask({
    name: 'reading',
    params,
    affects: affectsCities,
    run: (_, task) =>
      task.tx(
        async (tx) =>
          (
            await tx.$queryRawUnsafe<{ notes: string }[]>(
              'select notes from gazetteer.city where id = 7',
            )
          )[0]?.notes,
      ),
  });
  const { db, context, begin, launch, until } = await setUp(t, [reading]);
  await begin();
  for (const [note, waitMs] of [
    ['at once', 300],
    ['slowly', 3_000],
  ] as const) {
    const writer = await db.pages.connect();
    await writer.query('begin');
    await writer.query(`update gazetteer.city set notes = $1 where id = 7`, [note]);
    const id = await launch(reading, note, [7]);
    await wait(waitMs);
    const { state, message } = await getTask(context, ada, id);
    assert.equal(state === 'queued' || state === 'running', true, `${state} ${message}`);
    await writer.query('commit');
    writer.release();
    const task = await finished(db, id);
    assert.deepEqual([task.result, task.failedAttempts], [note, 0]);
  }
  await until(async () => {
    const { rows } = await db.pages.query(`select from ${db.t.lock_set}`);
    return rows.length === 0;
  });
});

test('one launched without locks, or whose definition turns them off, holds nothing and waits for nobody', async (t) => {
  const gated = gate();
  const run = ({ name }: Given) => gated.pass(name);
  const on = defineTask({ name: 'on', params, affects: affectsCities, run });
  const off = defineTask({ ...on.options, name: 'off', locks: { off: 'it only reads' } });
  const { db, context, begin, launch, held, until } = await setUp(t, [on, off], { places: 6 });
  await begin();
  const first = await launch(on, 'first', [1]);
  await until(() => gated.log.length === 1);
  const ignoring = await launch(on, 'ignoring', [1, 2], { locks: 'ignore' });
  const turnedOff = await launch(off, 'turned off', [1, 2]);
  const { rows } = await db.pages.query<{ id: number }>(
    `select bulkhead.launch('off', '{"name": "sql", "cities": [1, 2]}') as id`,
  );
  await until(() => gated.log.length === 4);
  assert.deepEqual([await held('cities', [1]), await held('cities', [2])], [[first], []]);
  assert.deepEqual(
    (
      await Promise.all(
        [first, ignoring, turnedOff, rows[0]?.id as number].map((id) => getTask(context, ada, id)),
      )
    ).map((task) => task.locksOffReason),
    [null, 'it was launched without locks', 'it only reads', 'it only reads'],
  );
});
