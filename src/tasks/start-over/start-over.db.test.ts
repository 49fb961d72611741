import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { z } from 'zod';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import {
  type AskedLaunch,
  defineResource,
  defineTask,
  type TaskDefinition,
  TaskManager,
} from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import {
  ada,
  eve,
  finished,
  insertPrincipals,
  launchOn,
  testContext,
} from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { refusalOf } from '../../testing/refusal-of.ts';
import { until } from '../../testing/until.ts';
import { startWorkerProcess } from '../../testing/worker-process.ts';
import { cancel } from '../control/cancel.ts';
import { undo } from '../follow-ups/undo.ts';
import { launchFromCode } from '../launching/launch-from-code.ts';
import { getTask } from '../looking/queries.ts';
import { launchOwn } from '../own/launch-own.ts';
import type { OwnLaunch } from '../own/own-launch.ts';
import { takeSlot } from '../running/slots.ts';
import { drain } from '../worker/drain.ts';
import { recover } from '../worker/recovery.ts';
import { startRecovery, startWorker } from '../worker/worker.ts';
import { seeToStartingOver, startOver } from './start-over.ts';

const policy = 'start-over' as const;
const records = 100;

// biome-ignore lint/suspicious/noExplicitAny: each has parameters of its own type
async function setUp(t: TestContext, ...tasks: readonly TaskDefinition<any, any>[]) {
  const { db, connectionString, defer } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', {
    bulk: { unique: { key: () => 'one', policy }, chunkSize: 10 },
  });
  const resources = [cities, ...sample.resources.filter(({ model }) => model !== 'City')];
  const asked: { undo: () => Promise<void> } = { undo: async () => undefined };
  class Asked extends TaskManager {
    override async onLaunch({ name }: AskedLaunch) {
      if (name === 'undo') await asked.undo();
      return undefined;
    }
  }
  const own = { schedules: [], taskHooks: [], taskManager: Asked };
  const admin = { ...sample, ...own, resources, tasks };
  const context = testContext(db, { recoveryIntervalMs: 100 }, {}, admin);
  await insertPrincipals(db);
  await insertPlaces(db, records);
  const resource = context.registry.get('cities');
  const keys = Array.from({ length: records }, (_, index) =>
    keyOf(resource.model, { id: index + 1 }),
  );
  const launch = async (status: string, principal: Principal = ada) => {
    const body = { field: 'status', 'value.status': status };
    const launched = await launchOn(context, resource, { keys }, 'update', body, principal, {
      inBackground: true,
    });
    return launched;
  };
  const begin = async () => {
    const worker = await startWorker(context, { connectionString, concurrency: 2 });
    defer(() => worker.stop());
  };
  const run = () => drain(context, connectionString, 60_000);
  const countOf = async (status: string) =>
    (await db.pages.query(`select from gazetteer.city where status::text = $1`, [status])).rowCount;
  const get = (id: number) => getTask(context, ada, id);
  const undosOf = async (id: number) =>
    (
      await db.pages.query<{ id: number; principal_id: string }>(
        `select id, principal_id from ${db.t.task} where follows_id = $1 order by id`,
        [id],
      )
    ).rows;
  /** Holds a record, so that a change stands before it; gives what lets it go. */
  const hold = async (id: number) => {
    const client = await db.pages.connect();
    await client.query('begin');
    await client.query(`select 1 from gazetteer.city where id = $1 for update`, [id]);
    let isHeld = true;
    const release = async () => {
      if (!isHeld) return;
      isHeld = false;
      await client.query('commit');
      client.release();
    };
    defer(release);
    return release;
  };
  /** Half of it is done by a worker, which then stands. */
  const halfDone = async (principal: Principal = ada) => {
    const release = await hold(55);
    const { task } = await launch('archived', principal);
    await begin();
    await until(async () => (await get(task.id)).changed >= 50);
    return { id: task.id, release };
  };
  return {
    db,
    context,
    asked,
    connectionString,
    defer,
    launch,
    begin,
    run,
    countOf,
    get,
    undosOf,
    hold,
    halfDone,
  };
}

test('what is under way is cancelled and taken back, and the new one begins then', async (t) => {
  const { context, db, launch, countOf, get, undosOf, halfDone, run } = await setUp(t);
  const { id, release } = await halfDone();
  const next = await launch('reviewed');
  assert.deepEqual(next.madeRoom, {
    isReplaced: false,
    isBehind: true,
    isStartedOver: true,
    isPutOff: false,
  });
  assert.deepEqual(
    [next.task.blockedBy, next.task.startOver],
    [id, [{ taskId: id, undoIds: null }]],
  );
  await release();
  const ended = await finished(db, next.task.id);
  assert.deepEqual([ended.state, ended.changed, ended.startOver], ['succeeded', records, null]);
  const taken = await get(id);
  assert.equal(taken.state, 'cancelled');
  const [undone, ...others] = await undosOf(id);
  assert.deepEqual(others, []);
  const back = await get(undone?.id as number);
  assert.deepEqual([back.state, back.changed], ['succeeded', taken.changed]);
  assert.deepEqual([await countOf('archived'), await countOf('reviewed')], [0, records]);
  // What it replaced is what was there before both.
  await undo(context, ada, next.task.id, { operationId: randomUUID(), chosen: null });
  await run();
  assert.deepEqual([await countOf('archived'), await countOf('reviewed')], [0, 0]);
});

test('what has not begun is cancelled, and there is nothing to take back', async (t) => {
  const { db, launch, get, undosOf, run } = await setUp(t);
  const first = await launch('archived');
  const second = await launch('reviewed');
  assert.equal((await get(first.task.id)).reason, 'replaced');
  assert.equal(second.task.startOver, null);
  await run();
  assert.equal((await finished(db, second.task.id)).state, 'succeeded');
  assert.deepEqual(await undosOf(first.task.id), []);
});

test('what has begun and changed nothing is cancelled, and nothing is taken back', async (t) => {
  const { db, launch, undosOf, hold, begin, get } = await setUp(t);
  const release = await hold(1);
  const { task } = await launch('archived');
  await begin();
  await until(async () => (await get(task.id)).state === 'running');
  const next = await launch('reviewed');
  await release();
  assert.equal((await finished(db, next.task.id)).state, 'succeeded');
  const { changed } = await get(task.id);
  assert.equal((await undosOf(task.id)).length, changed === 0 ? 0 : 1);
});

test('of many at once each takes the place of the one before, and what was under way is taken back once', async (t) => {
  const { db, launch, undosOf, halfDone, countOf } = await setUp(t);
  const { id, release } = await halfDone();
  const launched = await Promise.all(Array.from({ length: 6 }, () => launch('reviewed')));
  await release();
  const ends = await Promise.all(launched.map(({ task }) => finished(db, task.id)));
  assert.deepEqual(ends.map(({ state }) => state).sort(), [
    ...Array(5).fill('cancelled'),
    'succeeded',
  ]);
  assert.equal((await undosOf(id)).length, 1);
  assert.deepEqual([await countOf('archived'), await countOf('reviewed')], [0, records]);
});

test('what is not taken back wholly ends the new one, which says so and has begun nothing', async (t) => {
  const { db, launch, undosOf, halfDone, countOf } = await setUp(t);
  const { id, release } = await halfDone();
  await db.pages.query(`update gazetteer.city set status = 'published' where id = 3`);
  const next = await launch('reviewed');
  await release();
  const ended = await finished(db, next.task.id);
  assert.deepEqual(
    [ended.state, ended.reason, ended.startedAt],
    ['failed', 'not-taken-back', null],
  );
  const [undone] = await undosOf(id);
  assert.equal(
    ended.message,
    `What task ${id} did was to be taken back before this began, and its undo, task ${undone?.id}, has not taken back everything. Nothing of this was begun.`,
  );
  assert.equal(await countOf('reviewed'), 0);
});

test('what could not be taken back is refused at the launch, and goes on', async (t) => {
  const { db, context, launch, get, halfDone, countOf } = await setUp(t);
  const { id, release } = await halfDone();
  const hidden = await refusalOf(() => launch('reviewed', eve));
  assert.deepEqual([hidden.code, hidden.details], ['duplicate', {}]);
  await db.pages.query(`update ${db.t.change} set before = null, after = null`);
  const gone = await refusalOf(() => launch('reviewed'));
  assert.deepEqual([gone.code, gone.status], ['not-undoable', 409]);
  assert.match(
    gone.message,
    new RegExp(`as task ${id}, and would be taken back .* no longer kept.* Nothing was started`),
  );
  const within = await refusalOf(() =>
    launchFromCode(context, {
      resource: 'cities',
      operation: 'update',
      parameters: { rating: 1 },
      keys: [1],
      principal: ada,
      inline: true,
    }),
  );
  assert.equal(within.code, 'not-undoable');
  assert.equal((await get(id)).state, 'running');
  await release();
  assert.equal((await finished(db, id)).state, 'succeeded');
  assert.equal(await countOf('archived'), records);
});

test('what can no longer be taken back once it has ended ends the new one, with the reason', async (t) => {
  const world = await setUp(t);
  const { db, context, launch, undosOf, get } = world;
  const id = await standsDone(world);
  const { task } = await launch('reviewed');
  await db.pages.query(`update ${db.t.change} set before = null, after = null`);
  await seeToStartingOver(context, db.background);
  const { state, reason, message } = await get(task.id);
  assert.deepEqual([state, reason, await undosOf(id)], ['failed', 'not-taken-back', []]);
  assert.match(
    message ?? '',
    new RegExp(
      `^What task ${id} did was to be .*, and that cannot be done: .* it cannot be undone\\. Nothing of this was begun\\.$`,
    ),
  );
});

test('one that is cancelled while it waits takes nothing back any more', async (t) => {
  const { db, context, launch, undosOf, halfDone } = await setUp(t);
  const { id, release } = await halfDone();
  const next = await launch('reviewed');
  await cancel(context, ada, next.task.id);
  await release();
  await finished(db, id);
  await recover(context);
  assert.equal((await finished(db, next.task.id)).state, 'cancelled');
  assert.deepEqual(await undosOf(id), []);
});

/** Done, and as if it were under way still, with nobody at it. */
async function standsDone({
  db,
  context,
  connectionString,
  launch,
}: Awaited<ReturnType<typeof setUp>>) {
  const { task } = await launch('archived');
  await drain(context, connectionString, 60_000);
  await db.pages.query(
    `update ${db.t.task} set state = 'running', finished_at = null where id = $1`,
    [task.id],
  );
  return task.id;
}

for (const isStepped of [false, true])
  test(`what takes the place of one that waits goes on from there: its undo is ${isStepped ? '' : 'not '}launched`, async (t) => {
    const world = await setUp(t);
    const { db, context, launch, undosOf, get, run, countOf } = world;
    const id = await standsDone(world);
    const first = await launch('reviewed');
    if (isStepped) await startOver(context, db.background, first.task.id);
    const second = await launch('published');
    assert.equal((await get(first.task.id)).reason, 'replaced');
    const undoIds = isStepped ? (await undosOf(id)).map((one) => one.id) : null;
    assert.deepEqual(second.task.startOver, [{ taskId: id, undoIds }]);
    await run();
    assert.equal((await undosOf(id)).length, 1);
    assert.deepEqual(
      [(await get(second.task.id)).state, await countOf('published')],
      ['succeeded', records],
    );
  });

test('whoever brings it a step further, at once and again, takes nothing back twice', async (t) => {
  const calls: string[] = [];
  const definition = standing(calls);
  const world = await setUp(t, definition);
  const { db, context, launch, undosOf, get, run, countOf } = world;
  const id = await standsDone(world);
  const next = await launch('reviewed');
  assert.equal((await get(id)).state, 'cancelled');
  const own = await launchOwn(context, definition, { name: 'first' }, { principal: ada });
  await db.pages.query(
    `update ${db.t.task} set state = 'running', started_at = now() where id = $1`,
    [own.id],
  );
  const last = await launchOwn(context, definition, { name: 'last' }, { principal: ada });
  const all = () =>
    Promise.all([
      ...[next.task, last].flatMap((task) =>
        Array.from({ length: 4 }, () => startOver(context, db.background, task.id)),
      ),
      seeToStartingOver(context, db.background),
    ]);
  await all();
  await all();
  for (const [takenId, waiting] of [
    [id, next.task.id],
    [own.id, last.id],
  ] as const) {
    const undos = await undosOf(takenId);
    assert.equal(undos.length, 1);
    assert.equal((await get(waiting)).blockedBy, undos[0]?.id);
  }
  await run();
  assert.deepEqual(
    [(await get(next.task.id)).state, await countOf('reviewed')],
    ['succeeded', records],
  );
  assert.deepEqual(calls, ['undo first', 'last']);
});

test('who comes late to a step leaves it as it was done', async (t) => {
  const world = await setUp(t);
  const { db, context, asked, launch, undosOf, get } = world;
  const id = await standsDone(world);
  const next = await launch('reviewed');
  let isAsked = false;
  let goOn: () => void = () => undefined;
  asked.undo = () =>
    new Promise((resolve) => {
      isAsked = true;
      goOn = resolve;
    });
  const late = startOver(context, db.background, next.task.id);
  await until(() => isAsked);
  asked.undo = async () => undefined;
  await startOver(context, db.background, next.task.id);
  const [undone] = await undosOf(id);
  await cancel(context, ada, undone?.id as number);
  goOn();
  await late;
  assert.equal((await undosOf(id)).length, 1);
  assert.equal((await get(next.task.id)).reason, 'not-taken-back');
});

test('nobody begins with one whose turn has come before what did the same is taken back', async (t) => {
  const world = await setUp(t);
  const { db, context, launch, get } = world;
  const id = await standsDone(world);
  const { task } = await launch('reviewed');
  assert.equal((await get(id)).state, 'cancelled', 'it waits for nobody');
  assert.equal(await takeSlot(context, db.background, task.id, randomUUID()), null);
});

test('workers killed at each step lose nothing, and take nothing back twice', async (t) => {
  const { db, context, connectionString, defer, launch, get, hold, undosOf, countOf } =
    await setUp(t);
  const recovery = startRecovery(context);
  defer(() => recovery.stop());
  const env = {
    BULKHEAD_CHUNK_SIZE: '5',
    BULKHEAD_CHUNK_TARGET_MS: '10000',
    BULKHEAD_RECOVERY_INTERVAL_MS: '100',
  };
  let worker = await startWorkerProcess(connectionString, env);
  defer(() => worker.kill('SIGTERM'));
  const kill = async () => {
    await worker.kill('SIGKILL');
    worker = await startWorkerProcess(connectionString, env);
  };
  const release = await hold(55);
  const { task } = await launch('archived');
  await until(async () => (await get(task.id)).changed >= 50);
  const next = await launch('reviewed');
  await kill();
  await release();
  await until(async () => (await undosOf(task.id)).length > 0);
  await kill();
  const [first] = await undosOf(task.id);
  await until(async () => (await get(first?.id as number)).done > 0);
  await kill();
  await until(async () => (await get(next.task.id)).state !== 'queued');
  await kill();
  const ended = await finished(db, next.task.id);
  assert.deepEqual([ended.state, ended.changed], ['succeeded', records]);
  const undos = await undosOf(task.id);
  assert.equal(undos.length, 1);
  assert.equal((await get(undos[0]?.id as number)).changed, (await get(task.id)).changed);
  assert.deepEqual([await countOf('archived'), await countOf('reviewed')], [0, records]);
});

/** Stands until it is asked to stop, and says what is called. */
function standing(calls: string[], { isUndoable = true } = {}) {
  return defineTask({
    name: 'standing',
    params: z.object({ name: z.string() }),
    attempts: 1,
    unique: { key: () => 'one', policy },
    async run({ name }, task) {
      calls.push(name);
      if (name !== 'last')
        await new Promise((_, reject) =>
          task.signal.addEventListener('abort', () => reject(new Error('stopped'))),
        );
    },
    undo({ name }) {
      calls.push(`undo ${name}`);
      if (!isUndoable) throw new Error('It cannot be.');
    },
  });
}

async function setUpOwn(t: TestContext, options = {}) {
  const calls: string[] = [];
  const definition = standing(calls, options);
  const world = await setUp(t, definition);
  const launch = (name: string, given: Partial<OwnLaunch> = {}) =>
    launchOwn(world.context, definition, { name }, { principal: ada, ...given });
  await world.begin();
  return { ...world, calls, launch };
}

test('a task of one’s own is cancelled, its undo called for whoever starts over, and the new one runs then', async (t) => {
  const { db, calls, launch, undosOf, get } = await setUpOwn(t);
  const other: Principal = { ...eve, roles: ['admin'] };
  const first = await launch('first');
  await until(() => calls.length === 1);
  const last = await launch('last', { principal: other });
  assert.deepEqual([last.blockedBy, last.waitsFor], [first.id, 'task']);
  assert.equal((await finished(db, last.id)).state, 'succeeded');
  assert.deepEqual(calls, ['first', 'undo first', 'last']);
  const undos = await undosOf(first.id);
  assert.deepEqual(
    undos.map((one) => one.principal_id),
    [other.id],
  );
  assert.equal((await get(first.id)).state, 'cancelled');
});

test('where its undo fails the new task of one’s own has failed, and is not called', async (t) => {
  const { db, calls, launch, undosOf } = await setUpOwn(t, { isUndoable: false });
  const first = await launch('first');
  await until(() => calls.length === 1);
  const last = await finished(db, (await launch('last')).id);
  const [undone] = await undosOf(first.id);
  assert.deepEqual([last.state, last.reason], ['failed', 'not-taken-back']);
  assert.match(
    last.message ?? '',
    new RegExp(`What task ${first.id} did .* its undo, task ${undone?.id},`),
  );
  assert.deepEqual(calls, ['first', 'undo first']);
});

test('one whose time has come starts over too, and is cancelled where what is under way is not its launcher’s', async (t) => {
  const { db, calls, launch } = await setUpOwn(t);
  const first = await launch('first');
  await until(() => calls.length === 1);
  const hidden = await finished(db, (await launch('last', { delayMs: 1, principal: eve })).id);
  assert.deepEqual([hidden.state, hidden.reason], ['cancelled', 'duplicate']);
  assert.doesNotMatch(hidden.message ?? '', new RegExp(`task ${first.id}`));
  const last = await launch('last', { delayMs: 1 });
  assert.equal((await finished(db, last.id)).state, 'succeeded');
  assert.deepEqual(calls, ['first', 'undo first', 'last']);
});
