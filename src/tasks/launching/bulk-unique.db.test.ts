import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import {
  type AppError,
  type DuplicatePolicy,
  defineResource,
  type TypedResourceOptions,
  type UniqueLaunch,
} from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { getTask } from '../looking/queries.ts';
import { drain } from '../worker/drain.ts';

type Unique = NonNullable<TypedResourceOptions<typeof metadata, 'City'>['bulk']>['unique'];

async function setUp(t: TestContext, unique: Unique | undefined) {
  const { db, connectionString } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', unique ? { bulk: { unique } } : {});
  const resources = [cities, ...sample.resources.filter(({ model }) => model !== 'City')];
  const context = testContext(db, {}, {}, { ...sample, schedules: [], taskHooks: [], resources });
  await insertPlaces(db, 90);
  const resource = context.registry.get('cities');
  const launch = (
    { from = 1, count = 30, status = 'archived' } = {},
    principal: Principal = ada,
  ) => {
    const ids = Array.from({ length: count }, (_, index) => index + from);
    const keys = ids.map((id) => keyOf(resource.model, { id }));
    const body = { field: 'status', 'value.status': status };
    return launchOn(context, resource, { keys }, 'update', body, principal);
  };
  const refusal = async (...asked: Parameters<typeof launch>) =>
    (await launch(...asked).then(
      () => null,
      (error) => error,
    )) as AppError | null;
  const run = () => drain(context, connectionString, 30_000);
  const begin = (id: number) =>
    db.pages.query(`update ${db.t.task} set state = 'running', started_at = now() where id = $1`, [
      id,
    ]);
  const countOf = async (status: string) =>
    (await db.pages.query(`select from gazetteer.city where status::text = $1`, [status])).rowCount;
  return { db, context, launch, refusal, run, begin, countOf };
}

/** All updates are the same, whoever makes which. */
const one = (policy: DuplicatePolicy): Unique => ({ key: () => 'one', policy });

test('what is the same is what the rule of the resource says', async (t) => {
  const asked: UniqueLaunch[] = [];
  const key = (launch: UniqueLaunch) => {
    asked.push(launch);
    return launch.operation;
  };
  const { launch, refusal, db } = await setUp(t, { key });
  const first = await launch();
  assert.equal(first.outcome, 'queued');
  const second = await launch({ from: 50, status: 'draft' });
  assert.deepEqual([second.outcome, second.task.id], ['same', first.task.id]);
  const { principal, operation, selection } = asked[1] as UniqueLaunch;
  assert.deepEqual(
    [principal.name, operation, selection.filter, selection.keys?.length, selection.where],
    ['Ada', 'update', '', 30, null],
  );
  // Eve is an editor, and does not see what Ada launched.
  const hidden = await refusal({}, eve);
  assert.deepEqual([hidden?.code, hidden?.details], ['duplicate', {}]);
  assert.match(String(hidden?.message), /under way already, launched by Ada\. Nothing was changed/);
  assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 1);
});

test('without a key it is the same change of the same selection by the same person', async (t) => {
  const { launch } = await setUp(t, { policy: 'existing' });
  const { task } = await launch();
  assert.deepEqual((await launch()).task.id, task.id);
  for (const other of [
    await launch({ status: 'draft' }),
    await launch({ from: 2 }),
    await launch({}, eve),
  ])
    assert.equal(other.outcome, 'queued');
});

test('the same is refused, by the name of its task', async (t) => {
  const { launch, refusal, countOf } = await setUp(t, one('refuse'));
  const { task } = await launch();
  for (const asked of [{}, { count: 3, from: 60 }]) {
    const error = await refusal(asked);
    assert.deepEqual([error?.code, error?.status], ['duplicate', 409]);
    assert.equal(error?.details.taskId, task.id);
  }
  assert.equal(await countOf('archived'), 0, 'also what would have been made at once');
});

test('the same waits for the end of what is under way, each for that before it', async (t) => {
  const { db, context, launch, run, countOf } = await setUp(t, one('after'));
  const launched = [
    await launch(),
    await launch({ status: 'reviewed' }),
    await launch({ count: 3, from: 60 }),
  ];
  assert.deepEqual(
    launched.map(({ outcome }) => outcome),
    ['queued', 'queued', 'queued'],
    'what would have been made at once waits too',
  );
  const [first, second, third] = launched.map(({ task }) => task.id) as [number, number, number];
  assert.deepEqual(
    [
      (await getTask(context, ada, second)).blockedBy,
      (await getTask(context, ada, third)).blockedBy,
    ],
    [first, second],
  );
  await run();
  for (const id of [first, second, third])
    assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(
    [await countOf('reviewed'), await countOf('archived')],
    [30, 3],
    'in their turn',
  );
});

test('twelve at once that wait for each other all come to their end', async (t) => {
  const { db, launch, run } = await setUp(t, one('after'));
  const ids = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => (await launch({ from: index + 1 })).task.id),
  );
  assert.equal(new Set(ids).size, 12);
  await run();
  const { rows } = await db.pages.query(
    `select count(*)::int as count from ${db.t.task} where state = 'succeeded'`,
  );
  assert.equal(rows[0].count, 12);
});

test('the same takes the place of what has not begun, and waits for what has', async (t) => {
  const { db, context, launch, begin } = await setUp(t, one('replace'));
  const first = await launch();
  const second = await launch({ status: 'reviewed' });
  const replaced = await getTask(context, ada, first.task.id);
  assert.deepEqual([replaced.state, replaced.reason], ['cancelled', 'replaced']);
  assert.equal(second.task.blockedBy, null);
  await begin(second.task.id);
  const third = await launch();
  assert.equal((await getTask(context, ada, second.task.id)).state, 'running');
  assert.equal(third.task.blockedBy, second.task.id);
  const { rows } = await db.pages.query(
    `select count(*)::int as count from ${db.t.task} where finished_at is null`,
  );
  assert.equal(rows[0].count, 2);
});

test('a small change is answered as a large one is', async (t) => {
  const { launch, countOf } = await setUp(t, one('existing'));
  const small = { count: 3, from: 60 };
  assert.equal((await launch(small)).outcome, 'inline');
  const large = await launch();
  assert.deepEqual((await launch({ ...small, from: 70 })).task.id, large.task.id);
  assert.equal(await countOf('archived'), 3);
});

test('a rule that throws, or gives no text, changes nothing', async (t) => {
  for (const key of [() => assert.fail('down'), () => 7 as never]) {
    const { db, refusal, countOf } = await setUp(t, { key });
    for (const asked of [{}, { count: 3 }]) {
      const error = await refusal(asked);
      assert.deepEqual([error?.code, error?.status], ['invalid-operation', 422]);
      assert.match(String(error?.message), /The unique\.key rule of Cities failed/);
    }
    assert.equal(await countOf('archived'), 0);
    assert.equal((await db.pages.query(`select from ${db.t.task}`)).rowCount, 0);
  }
});
