import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { Principal } from '../../auth/principal.ts';
import {
  AppError,
  type AskedLaunch,
  type DuplicatePolicy,
  defineResource,
  TaskManager,
  type TypedResourceOptions,
  type UniqueLaunch,
} from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { getOperation } from '../../operations/operations.ts';
import { createSelection, type Selected } from '../../selection/selection.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { refusalOf } from '../../testing/refusal-of.ts';
import { until } from '../../testing/until.ts';
import type { TaskSettings } from '../context.ts';
import { cancel } from '../control/cancel.ts';
import { retry } from '../follow-ups/retry.ts';
import { undo } from '../follow-ups/undo.ts';
import { getTask } from '../looking/queries.ts';
import { lookAhead } from '../previewing/look-ahead.ts';
import { createPreview } from '../previewing/preview.ts';
import { defaultRunOptions } from '../run-options.ts';
import { drain } from '../worker/drain.ts';
import { confirmPreview } from './confirm-preview.ts';
import { launch as launchForm } from './launch.ts';
import { type CodeLaunch, launchFromCode } from './launch-from-code.ts';

type Bulk = NonNullable<TypedResourceOptions<typeof metadata, 'City'>['bulk']>;

const edit = (status: string) => ({ field: 'status', 'value.status': status });

async function setUp(
  t: TestContext,
  bulk: Bulk,
  settings: Partial<TaskSettings> = {},
  taskManager = TaskManager,
) {
  const { db, connectionString } = await testDatabase(t);
  const cities = defineResource(metadata, 'City', { bulk });
  const resources = [cities, ...sample.resources.filter(({ model }) => model !== 'City')];
  const admin = { ...sample, schedules: [], taskHooks: [], resources, taskManager };
  const context = testContext(db, settings, {}, admin);
  await insertPlaces(db, 90);
  const resource = context.registry.get('cities');
  const keysOf = (from: number, count: number) =>
    Array.from({ length: count }, (_, index) => keyOf(resource.model, { id: index + from }));
  const launch = (
    { from = 1, count = 30, status = 'archived', inBackground = false } = {},
    principal: Principal = ada,
  ) => {
    const keys = keysOf(from, count);
    return launchOn(context, resource, { keys }, 'update', edit(status), principal, {
      inBackground,
    });
  };
  const selectionOf = async (selected: Partial<Selected>) => {
    const none = { kind: 'ticked' as const, filter: '', exclusions: [], keys: [] };
    return (await createSelection(db, ada, resource, { ...none, ...selected })).id;
  };
  /** A form, which is sent as often as is wanted. */
  const form = async (selected: Partial<Selected> = { keys: keysOf(1, 30) }) => {
    const operation = 'update';
    const selectionId = await selectionOf(selected);
    const asked = { resource, principal: ada, operation, selectionId };
    const { id: operationId } = await createPreview(context, asked);
    const parameters = getOperation(resource, operation).parse(resource, edit('archived'));
    return () =>
      launchForm(context, { resource, principal: ada, operation, operationId, parameters });
  };
  /** What a preview of it showed, to be confirmed. */
  const preview = async (selected: Partial<Selected>) => {
    const operation = 'update';
    const selectionId = await selectionOf(selected);
    const parameters = getOperation(resource, operation).parse(resource, edit('archived'));
    const asked = { resource, principal: ada, operation, selectionId, parameters };
    const made = await createPreview(context, asked);
    const { id: previewId } = await lookAhead(context, { resource, principal: ada, preview: made });
    return () =>
      confirmPreview(context, { resource, principal: ada, previewId, options: defaultRunOptions });
  };
  const code = (given: Partial<CodeLaunch> = {}) =>
    launchFromCode(context, {
      resource: 'cities',
      operation: 'update',
      parameters: { status: 'archived' },
      principal: ada,
      ...(given.where ? {} : { keys: [1] }),
      ...given,
    });
  const run = () => drain(context, connectionString, 30_000);
  /** As if a worker were at it, which holds these records. */
  const begin = async (id: number, from = 1, count = 30) => {
    const keys = keysOf(from, count);
    await db.pages.query(
      `update ${db.t.task} set state = 'running', started_at = now() where id = $1`,
      [id],
    );
    await db.pages.query(
      `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $4)`,
      [id, keys, keys[0], keys.at(-1)],
    );
  };
  const countOf = async (status: string) =>
    (await db.pages.query(`select from gazetteer.city where status::text = $1`, [status])).rowCount;
  const stateOf = async (id: number) => (await getTask(context, ada, id)).state;
  const blockerOf = async (id: number) => (await getTask(context, ada, id)).blockedBy;
  const tasks = async () =>
    (
      await db.pages.query<{ id: number; state: string }>(
        `select id, state from ${db.t.task} order by id`,
      )
    ).rows;
  return {
    db,
    context,
    resource,
    launch,
    keysOf,
    form,
    preview,
    code,
    run,
    begin,
    countOf,
    stateOf,
    blockerOf,
    tasks,
  };
}

/** All updates are the same, whoever makes which. */
const one = (policy: DuplicatePolicy): Bulk => ({ unique: { key: () => 'one', policy } });
const policies: readonly DuplicatePolicy[] = [
  'existing',
  'refuse',
  'after',
  'replace',
  'start-over',
];

test('what is the same is what the rule of the resource says, of one operation', async (t) => {
  const asked: UniqueLaunch[] = [];
  const key = (launch: UniqueLaunch) => {
    asked.push(launch);
    return 'one';
  };
  const { launch, code, tasks, context, resource } = await setUp(t, { unique: { key } });
  const first = await launch();
  assert.equal(first.outcome, 'queued');
  const second = await launch({ from: 50, status: 'draft' });
  assert.deepEqual([second.outcome, second.task.id], ['same', first.task.id]);
  const third = await code({ where: { id: { gt: 7 } } });
  assert.deepEqual([third.outcome, third.task.id], ['same', first.task.id]);
  assert.deepEqual(
    asked.map(({ principal, operation, selection }) => [
      principal.name,
      operation,
      selection.keys?.length,
      selection.where,
    ]),
    [
      ['Ada', 'update', 30, null],
      ['Ada', 'update', 30, null],
      ['Ada', 'update', undefined, { id: { gt: 7 } }],
    ],
  );
  const deleted = await launchOn(
    context,
    resource,
    { keys: [keyOf(resource.model, { id: 1 })] },
    'delete',
    {},
    ada,
    { inBackground: true },
  );
  assert.equal(deleted.outcome, 'queued', 'two operations are never the same');
  assert.equal((await tasks()).length, 2);
});

for (const policy of ['existing', 'refuse'] as const)
  test(`whose it is that is under way is said to nobody who may not see it: ${policy}`, async (t) => {
    const { launch, code, tasks } = await setUp(t, one(policy));
    await launch();
    // Eve is an editor, and does not see what Ada launched.
    for (const launching of [
      () => launch({}, eve),
      () => launch({ count: 3 }, eve),
      () => code({ principal: eve }),
    ]) {
      const { code: why, status, details, message } = await refusalOf(launching);
      assert.deepEqual([why, status, details], ['duplicate', 409, {}]);
      assert.equal(
        message,
        'The same is under way already, launched by somebody else. Nothing was started.',
      );
    }
    assert.equal((await tasks()).length, 1);
  });

test('what code launches is refused as what a form does', async (t) => {
  const { code } = await setUp(t, one('refuse'));
  const { task } = await code();
  const error = await refusalOf(() => code());
  assert.deepEqual([error.code, error.details], ['duplicate', { taskId: task.id }]);
});

test('without a key it is the same change of the same selection by the same person', async (t) => {
  const { launch } = await setUp(t, { unique: { policy: 'existing' } });
  const { task } = await launch();
  assert.equal((await launch()).task.id, task.id);
  for (const other of [
    await launch({ status: 'draft' }),
    await launch({ from: 2 }),
    await launch({}, eve),
  ])
    assert.equal(other.outcome, 'queued');
});

test('the same is refused, by the name of its task', async (t) => {
  const { launch, code, countOf } = await setUp(t, one('refuse'));
  const { task } = await launch();
  for (const launching of [
    () => launch(),
    () => launch({ count: 3, from: 60 }),
    () => code(),
    () => code({ inline: true }),
  ]) {
    const error = await refusalOf(launching);
    assert.deepEqual(
      [error.code, error.status, error.details],
      ['duplicate', 409, { taskId: task.id }],
    );
  }
  assert.equal(await countOf('archived'), 0, 'also what would have been made at once');
});

for (const policy of policies)
  test(`one form that is sent many times at once is one task, which goes on: ${policy}`, async (t) => {
    let asked = 0;
    // Also where the rule gives another text every time.
    for (const key of [() => 'one', () => String(asked++)]) {
      const { form, keysOf, tasks, run, countOf } = await setUp(t, { unique: { key, policy } });
      for (const [count, state] of [
        [3, 'succeeded'],
        [30, 'queued'],
      ] as const) {
        const send = await form({ keys: keysOf(count, count) });
        const sent = await Promise.all(Array.from({ length: 8 }, send));
        const [first] = sent;
        assert.deepEqual(new Set(sent.map(({ task }) => task.id)), new Set([first?.task.id]));
        assert.equal(sent.filter(({ outcome }) => outcome !== 'already').length, 1);
        assert.equal((await tasks()).at(-1)?.state, state);
      }
      await run();
      assert.deepEqual(
        (await tasks()).map(({ state }) => state),
        ['succeeded', 'succeeded'],
      );
      assert.equal(await countOf('archived'), 33);
    }
  });

for (const policy of ['existing', 'refuse', 'replace', 'start-over'] as const)
  test(`of many forms that are sent at once one is under way: ${policy}`, async (t) => {
    const { launch, tasks } = await setUp(t, one(policy));
    const settled = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => launch({ from: index + 1 })),
    );
    const all = await tasks();
    assert.equal(all.filter(({ state }) => state === 'queued').length, 1);
    assert.equal(all.length, policy === 'replace' || policy === 'start-over' ? 8 : 1);
    assert.equal(
      settled.filter(({ status }) => status === 'rejected').length,
      policy === 'refuse' ? 7 : 0,
    );
  });

test('the same waits for the end of what is under way, each for that before it', async (t) => {
  const { db, launch, blockerOf, run, countOf } = await setUp(t, one('after'));
  const launched = [
    await launch(),
    await launch({ status: 'reviewed' }),
    await launch({ count: 3, from: 60, inBackground: true }),
  ];
  const [first, second, third] = launched.map(({ task }) => task.id) as [number, number, number];
  assert.deepEqual([await blockerOf(second), await blockerOf(third)], [first, second]);
  const { madeRoom } = launched[1] as (typeof launched)[number];
  assert.deepEqual(madeRoom, {
    isReplaced: false,
    isBehind: true,
    isStartedOver: false,
    isPutOff: false,
  });
  await run();
  for (const id of [first, second, third])
    assert.equal((await finished(db, id)).state, 'succeeded');
  assert.deepEqual(
    [await countOf('reviewed'), await countOf('archived')],
    [30, 3],
    'in their turn',
  );
});

test('who waits for one that is cancelled before it began waits for what that waited for', async (t) => {
  const { context, launch, begin, blockerOf } = await setUp(t, one('after'));
  const first = await launch();
  await begin(first.task.id);
  const second = await launch();
  const third = await launch();
  await cancel(context, ada, second.task.id);
  assert.equal(await blockerOf(third.task.id), first.task.id);
});

test('twelve at once that wait for each other all come to their end', async (t) => {
  const { db, launch, run, tasks } = await setUp(t, one('after'));
  const ids = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => (await launch({ from: index + 1 })).task.id),
  );
  assert.equal(new Set(ids).size, 12);
  const { rowCount } = await db.pages.query(`select distinct blocked_by from ${db.t.task}`);
  assert.equal(rowCount, 12, 'one behind the other');
  await run();
  assert.ok((await tasks()).every(({ state }) => state === 'succeeded'));
});

test('the same takes the place of what has not begun, and waits for what has', async (t) => {
  const { context, launch, begin, blockerOf, stateOf, tasks } = await setUp(t, one('replace'));
  const first = await launch();
  const second = await launch({ status: 'reviewed' });
  const replaced = await getTask(context, ada, first.task.id);
  assert.deepEqual([replaced.state, replaced.reason], ['cancelled', 'replaced']);
  assert.deepEqual(second.madeRoom, {
    isReplaced: true,
    isBehind: false,
    isStartedOver: false,
    isPutOff: false,
  });
  assert.equal(second.task.blockedBy, null);
  await begin(second.task.id);
  const third = await launch();
  const fourth = await launch();
  assert.deepEqual(
    [await stateOf(second.task.id), await stateOf(third.task.id), await blockerOf(fourth.task.id)],
    ['running', 'cancelled', second.task.id],
  );
  assert.equal((await tasks()).length, 4);
});

test('what was to be made at once takes the place of what has not begun, and is made at once', async (t) => {
  const { launch, stateOf, countOf } = await setUp(t, one('replace'));
  const { task } = await launch();
  assert.equal((await launch({ count: 3, from: 60 })).outcome, 'inline');
  assert.deepEqual([await stateOf(task.id), await countOf('archived')], ['cancelled', 3]);
});

for (const policy of ['after', 'replace'] as const)
  test(`what was to be made at once, and has to wait, is all or nothing when its turn comes: ${policy}`, async (t) => {
    const { db, context, launch, begin, run, countOf } = await setUp(t, one(policy));
    await db.pages.query(
      `alter table gazetteer.city add constraint no_61 check (id <> 61 or status = 'draft')`,
    );
    const first = await launch();
    await begin(first.task.id);
    const small = await launch({ count: 3, from: 60, status: 'reviewed' });
    assert.deepEqual([small.outcome, small.task.blockedBy], ['queued', first.task.id]);
    assert.deepEqual(small.madeRoom, {
      isReplaced: false,
      isBehind: true,
      isStartedOver: false,
      isPutOff: true,
    });
    await cancel(context, ada, first.task.id);
    await run();
    const ended = await finished(db, small.task.id);
    assert.deepEqual([ended.state, ended.changed, ended.failed], ['failed', 0, 1]);
    assert.equal(await countOf('reviewed'), 0);
  });

test('within the call nothing waits for the same: it is refused', async (t) => {
  const { launch, code, begin, countOf } = await setUp(t, one('after'));
  const { task } = await launch();
  await begin(task.id);
  const seen = await refusalOf(() => code({ inline: true, keys: [70] }));
  assert.deepEqual([seen.code, seen.details], ['duplicate', { taskId: task.id }]);
  assert.match(
    seen.message,
    /would wait for its end, which nothing does that is made within the call/,
  );
  const hidden = await refusalOf(() => code({ inline: true, keys: [70], principal: eve }));
  assert.deepEqual([hidden.code, hidden.details], ['duplicate', {}]);
  assert.equal(await countOf('archived'), 0);
});

test('the same is found before who holds its records, how many wait, and what its manager says', async (t) => {
  let launched = 0;
  class Strict extends TaskManager {
    override onLaunch({ principal }: AskedLaunch) {
      if (launched++ > 0) throw new AppError('forbidden', 403, `Not again, ${principal.name}.`);
      return undefined;
    }
  }
  const full = { maxQueued: 1, maxQueuedPerUser: 1 };
  const { launch, begin } = await setUp(t, { unique: {} }, full, Strict);
  const { task } = await launch();
  await begin(task.id);
  const again = await launch();
  assert.deepEqual([again.outcome, again.task.id], ['same', task.id]);
  // Others are not the same, and are asked all of that.
  assert.equal((await refusalOf(() => launch({ from: 2 }))).code, 'forbidden');
});

test('what it takes the place of does not count among those that wait', async (t) => {
  const { launch, stateOf } = await setUp(t, one('replace'), { maxQueued: 1, maxQueuedPerUser: 1 });
  const { task } = await launch();
  const next = await launch();
  assert.deepEqual([await stateOf(task.id), await stateOf(next.task.id)], ['cancelled', 'queued']);
});

test('what it goes behind is not in its way, and whatever else holds its records is', async (t) => {
  const { launch, code, begin, blockerOf } = await setUp(t, {
    unique: { key: ({ parameters }) => JSON.stringify(parameters), policy: 'after' },
  });
  const first = await launch();
  await begin(first.task.id);
  const second = await launch();
  const third = await code({ keys: [1, 2] });
  assert.deepEqual(
    [await blockerOf(second.task.id), await blockerOf(third.task.id)],
    [first.task.id, second.task.id],
  );
  const other = await refusalOf(() => launch({ status: 'reviewed' }));
  assert.equal(other.code, 'overlap');
});

test('the same is found also where it has changed what was selected, or previewed', async (t) => {
  const { db, form, begin, preview } = await setUp(t, { unique: {} });
  const matching = { kind: 'matching' as const, filter: 'status=draft' };
  const confirm = await preview(matching);
  const [send, other] = [await form(matching), await form(matching)];
  const first = await send();
  await begin(first.task.id);
  await db.pages.query(`update gazetteer.city set status = 'archived'`);
  const again = await other();
  assert.deepEqual([again.outcome, again.task.id], ['same', first.task.id]);
  const confirmed = await confirm();
  assert.deepEqual([confirmed.outcome, confirmed.task.id], ['same', first.task.id]);
});

test('a form that is sent twice, as two by its rule, cancels nothing for the second', async (t) => {
  const keys = ['b', 'a', 'b'];
  let isAsked = 0;
  let goOn: () => void = () => undefined;
  let first: Promise<unknown> | undefined;
  const released = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  class Slow extends TaskManager {
    override async onLaunch() {
      const place = ++isAsked;
      if (place === 2) await released;
      if (place === 3) {
        goOn();
        await first;
      }
      return undefined;
    }
  }
  const unique = { key: () => keys.shift() ?? '', policy: 'replace' as const };
  const { launch, form, keysOf, stateOf } = await setUp(t, { unique }, {}, Slow);
  const other = await launch();
  const send = await form({ keys: keysOf(50, 30) });
  first = send();
  await until(() => isAsked === 2);
  assert.equal((await send()).outcome, 'already');
  assert.equal(await stateOf(other.task.id), 'queued');
});

test('retries and undos are not asked', async (t) => {
  const { db, context, launch, run } = await setUp(t, one('refuse'));
  await db.pages.query(
    `alter table gazetteer.city add constraint no_7 check (id <> 7 or status = 'draft')`,
  );
  const { task } = await launch();
  await run();
  assert.equal((await finished(db, task.id)).state, 'partial');
  const { task: other } = await launch({ from: 50 });
  const form = () => ({ operationId: randomUUID(), code: null, chosen: null });
  assert.equal((await retry(context, ada, task.id, form())).outcome, 'queued');
  assert.equal((await undo(context, ada, task.id, form())).outcome, 'queued');
  assert.equal((await getTask(context, ada, other.id)).state, 'queued');
});

test('a rule that throws, or gives no text, changes nothing', async (t) => {
  const wrong: (() => unknown)[] = [
    () => assert.fail('down'),
    () => 7,
    () => 'a\0b',
    () => Promise.reject(new Error('late')),
  ];
  for (const key of wrong) {
    const { launch, code, countOf, tasks } = await setUp(t, {
      unique: { key: key as () => string },
    });
    for (const launching of [
      () => launch(),
      () => launch({ count: 3 }),
      () => code(),
      () => code({ inline: true }),
    ]) {
      const error = await refusalOf(launching);
      assert.deepEqual([error.code, error.status], ['invalid-operation', 422]);
      assert.match(
        error.message,
        /The unique\.key rule of Cities failed\. .* Nothing was changed\./,
      );
    }
    assert.equal(await countOf('archived'), 0);
    assert.deepEqual(await tasks(), []);
  }
});
