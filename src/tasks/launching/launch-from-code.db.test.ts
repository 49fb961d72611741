import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import type { AskedPeople } from '../../auth/people.ts';
import type { Principal } from '../../auth/principal.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import type { AppError } from '../../errors.ts';
import {
  t as control,
  defineOperation,
  defineResource,
  type TypedResourceOptions,
} from '../../index.ts';
import { ada, eve, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { recordStatements } from '../../testing/record-statements.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import { until } from '../../testing/until.ts';
import type { TaskContext } from '../context.ts';
import { type CodeLaunch, launchFromCode } from './launch-from-code.ts';

const nightly = systemPrincipal('nightly');
const key = (id: number) => String(id).padStart(20, '0');

type CityOptions = TypedResourceOptions<typeof metadata, 'City'>;

const mark = defineOperation(metadata, 'City', {
  name: 'mark',
  label: 'Mark…',
  icon: 'flag',
  allowed: ({ roles }) => roles.includes('admin'),
  form: { note: control.text({ required: true }), day: control.date() },
  change: ({ params }) => ({ notes: params.note, reviewedAt: params.day }),
});

async function setUp(
  t: TestContext,
  {
    city = {},
    places = 30,
    findUser,
    ...around
  }: {
    city?: CityOptions;
    places?: number;
    findUser?: AskedPeople['findUser'];
  } & Partial<TaskContext> = {},
) {
  const { db } = await testDatabase(t);
  await insertPlaces(db, places);
  const others = sample.resources.filter(({ model }) => model !== 'City');
  const cities = defineResource(metadata, 'City', { operations: [mark], ...city });
  const asked = testContext(
    db,
    {},
    {},
    { ...sample, schedules: [], resources: [cities, ...others] },
  );
  const people = { ...asked.people, ...(findUser && { findUser }) };
  const context = { ...asked, people, ...around };
  const launch = (given: Partial<CodeLaunch>) =>
    launchFromCode(context, {
      resource: 'cities',
      operation: 'update',
      parameters: { status: 'archived' },
      principal: ada,
      ...given,
    });
  const run = (given: Partial<CodeLaunch>) => runAtOnce(context, launch(given));
  /** Ids of the places that fit. */
  const idsWhere = async (condition: string) => {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from gazetteer.city where ${condition} order by id`,
    );
    return rows.map(({ id }) => id);
  };
  const tasks = async () => (await db.pages.query(`select * from ${db.t.task} order by id`)).rows;
  return { db, context, launch, run, idsWhere, tasks };
}

const idsTo = (last: number, first = 1) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

test('keys and ids name records, each once, as code has them', async (t) => {
  const { launch, run, idsWhere, tasks, context } = await setUp(t);
  const launched = await launch({ keys: [key(3), '5', 7, 9n, 7, { id: 11 }] });
  assert.deepEqual(
    [launched.outcome, launched.task.state, launched.task.total, launched.task.expected],
    ['queued', 'queued', null, null],
  );
  const [row] = await tasks();
  assert.deepEqual(row.selection, {
    kind: 'ticked',
    filter: '',
    keys: [3, 5, 7, 9, 11].map(key),
    isByCode: true,
  });
  assert.deepEqual([row.operation_id, row.principal_id], [null, ada.id]);
  const done = await runAtOnce(context, Promise.resolve(launched));
  assert.deepEqual([done.state, done.total, done.changed], ['succeeded', 5, 5]);
  assert.deepEqual(await idsWhere(`status = 'archived'`), [3, 5, 7, 9, 11]);
  assert.equal(
    (await run({ resource: 'countries', keys: ['FRA'], parameters: { region: 'West' } })).changed,
    1,
  );
});

test('a where is kept as JSON and asked when a worker begins', async (t) => {
  const { context, db, launch, idsWhere, tasks } = await setUp(t);
  const launched = await launch({
    where: {
      country: { code: 'ESP' },
      population: { gt: 10n },
      latitude: new Decimal('0.00'),
      createdAt: { lt: new Date('2100-01-01') },
      NOT: { tags: { some: {} } },
    },
    parameters: {
      status: 'archived',
      population: { multiply: 2 },
      tags: { add: [1, '2'] },
      notes: null,
    },
  });
  assert.deepEqual((await tasks())[0].selection, {
    kind: 'where',
    filter: '',
    where: {
      country: { code: 'ESP' },
      population: { gt: 10 },
      latitude: '0',
      createdAt: { lt: '2100-01-01T00:00:00.000Z' },
      NOT: { tags: { some: {} } },
    },
    isByCode: true,
  });
  assert.deepEqual(launched.task.selection, { kind: 'where', filter: '', isByCode: true });
  // Another number than there was: nobody has confirmed one.
  await db.pages.query(`update gazetteer.city set country_code = 'FRA' where id > 12`);
  const done = await runAtOnce(context, Promise.resolve(launched));
  assert.deepEqual([done.state, done.total, done.changed], ['succeeded', 2, 2]);
  assert.deepEqual(
    await idsWhere(
      `status = 'archived' and population = 2 * id and (select count(*) from gazetteer."_CityToTag" where "A" = id) = 2`,
    ),
    [11, 12],
  );
});

test('a filter is the address of a list, and its days count back from the launch', async (t) => {
  const { context, db, launch, run, idsWhere, tasks } = await setUp(t);
  await db.pages.query(
    `update gazetteer.city set reviewed_at = now() - interval '20 hours' where id <= 4`,
  );
  const launched = await launch({ filter: '?reviewedAt-last=1d&_sort=name&_page=2&status=draft' });
  const [{ selection }] = await tasks();
  assert.deepEqual(
    { ...selection, asOf: typeof selection.asOf },
    {
      kind: 'matching',
      filter: 'reviewedAt-last=1d&status=draft',
      exclusions: [],
      asOf: 'string',
      isByCode: true,
    },
  );
  await db.pages.query(
    `update ${db.t.task} set selection = selection || jsonb_build_object('asOf', now() - interval '2 days')`,
  );
  const none = await runAtOnce(context, Promise.resolve(launched));
  assert.deepEqual(
    [none.state, none.reason, none.message],
    ['failed', 'no-records', 'No record matches. Nothing was changed.'],
  );
  assert.equal((await run({ filter: 'reviewedAt-last=1d' })).changed, 4);
  assert.deepEqual(await idsWhere(`status = 'archived'`), idsTo(4));
});

test('every record is meant only where that is said', async (t) => {
  const { launch, run, tasks } = await setUp(t);
  const refusedOf = (given: Partial<CodeLaunch>, place: string) =>
    assert.rejects(launch(given), {
      code: 'invalid-selection',
      status: 422,
      message: `${place} says nothing, which means every record: add everything: true if you do. Nothing was selected.`,
      details: { field: place },
    });
  await refusedOf({ where: {} }, 'where');
  await refusedOf({ filter: '?_sort=name&status=' }, 'filter');
  assert.deepEqual(await tasks(), []);
  assert.equal((await run({ where: {}, everything: true })).changed, 30);
  assert.equal(
    (await run({ filter: '', everything: true, parameters: { featured: true } })).changed,
    30,
  );
});

test('operations of the project’s own, and deletes, are launched by their names', async (t) => {
  const { run, idsWhere } = await setUp(t);
  const marked = await run({
    operation: 'mark',
    keys: [1, 2],
    parameters: { note: 'seen', day: new Date('2026-11-29') },
  });
  assert.equal(marked.changed, 2);
  assert.deepEqual(await idsWhere(`notes = 'seen' and reviewed_at = '2026-11-29Z'`), [1, 2]);
  const deleted = await run({ operation: 'delete', where: { id: { gt: 20 } }, parameters: {} });
  assert.deepEqual([deleted.title, deleted.changed], ['Delete cities', 10]);
  assert.deepEqual(await idsWhere('true'), idsTo(20));
});

test('a person’s scope, permissions and roles of the moment hold', async (t) => {
  let isActive = true;
  let roles = ['admin'];
  const { context, launch, run, idsWhere, tasks } = await setUp(t, {
    city: { scope: ({ id }) => (id === ada.id ? { id: { lte: 10 } } : {}) },
    findUser: async (_, launched) => (isActive ? { ...launched, roles } : null),
  });
  // What is not theirs is not even counted.
  const changed = async (given: Partial<CodeLaunch>) => {
    const task = await run(given);
    assert.equal(task.total, task.changed);
    return task.changed;
  };
  assert.equal(await changed({ where: { id: { gt: 5 } } }), 5);
  assert.deepEqual(await idsWhere(`status = 'archived'`), idsTo(10, 6));
  assert.equal(await changed({ keys: [1, 20], parameters: { featured: true } }), 1);
  assert.equal(await changed({ filter: 'id-min=9', parameters: { rating: 1 } }), 2);
  assert.equal(
    await changed({
      where: { OR: [{ id: 1 }, { id: 30 }] },
      inline: true,
      parameters: { notes: 'x' },
    }),
    1,
  );
  const before = (await tasks()).length;
  roles = ['viewer'];
  await assert.rejects(launch({ keys: [1] }), { code: 'forbidden', status: 403 });
  roles = ['admin'];
  isActive = false;
  await assert.rejects(launch({ keys: [1], inline: true }), {
    code: 'forbidden',
    status: 403,
    message: 'Ada may not sign in any more.',
  });
  assert.equal((await tasks()).length, before);
  isActive = true;
  const launched = await launch({ keys: [2] });
  roles = ['editor'];
  const done = await runAtOnce(context, Promise.resolve(launched));
  assert.deepEqual([done.state, done.changed], ['succeeded', 1]);
  const last = await launch({ keys: [3] });
  isActive = false;
  const failed = await runAtOnce(context, Promise.resolve(last));
  assert.deepEqual([failed.state, failed.reason], ['failed', 'user-inactive']);
});

test('what a person may not do is refused at the call', async (t) => {
  const { launch, tasks } = await setUp(t);
  const as = (principal: Principal, given: Partial<CodeLaunch>) =>
    assert.rejects(launch({ keys: [1], principal, ...given }), { code: 'forbidden', status: 403 });
  await as(eve, { operation: 'delete', parameters: {} });
  await as(eve, { operation: 'mark', parameters: { note: 'x' } });
  assert.deepEqual(await tasks(), []);
});

test('the system is asked nothing, and is named', async (t) => {
  const { context, db, run, idsWhere } = await setUp(t, {
    city: {
      permissions: () => [],
      scope: () => ({ id: -1 }),
      fields: { notes: { see: () => false, change: () => false } },
      tasks: () => false,
      hooks: {
        beforeSave({ principal, set }) {
          set('altName', `by ${principal.id}`);
        },
      },
    },
    findUser: async () => assert.fail('the system is asked for'),
  });
  const edited = await run({
    principal: nightly,
    where: { id: { lte: 2 } },
    parameters: { notes: 'swept' },
  });
  assert.deepEqual(
    [edited.state, edited.changed, edited.principalId, edited.principalName],
    ['succeeded', 2, 'system:nightly', 'system: nightly'],
  );
  assert.deepEqual(await idsWhere(`notes = 'swept' and alt_name = 'by system:nightly'`), [1, 2]);
  assert.equal(
    (await run({ principal: nightly, keys: [3], operation: 'mark', parameters: { note: 'own' } }))
      .changed,
    1,
  );
  assert.equal(
    (await run({ principal: nightly, keys: [4], operation: 'delete', parameters: {} })).changed,
    1,
  );
  assert.equal(
    (await run({ principal: nightly, filter: 'notes=swept', parameters: { rating: 2 } })).changed,
    2,
  );
  const of = { principal: systemPrincipal('weekly'), filter: `_task=${edited.id}` };
  assert.equal((await run({ ...of, parameters: { featured: true } })).changed, 2);
  const { rows } = await db.pages.query(
    `select distinct principal_id, principal_name from ${db.t.change} where task_id = any($1)`,
    [[edited.id]],
  );
  assert.deepEqual(rows, [{ principal_id: 'system:nightly', principal_name: 'system: nightly' }]);
  assert.equal(context.registry.get('cities').permissions(ada).length, 0);
});

test('what the resource does not offer to anybody is not the system’s either', async (t) => {
  const { launch } = await setUp(t, { city: { bulk: { delete: false } } });
  await assert.rejects(
    launch({ principal: nightly, keys: [1], operation: 'delete', parameters: {} }),
    { code: 'forbidden', status: 403 },
  );
  await assert.rejects(
    launch({ principal: nightly, keys: [1], parameters: { updatedAt: new Date() } }),
    {
      code: 'invalid-operation',
      details: {
        fieldErrors: { updatedAt: 'There is no field "updatedAt" that can be changed in bulk.' },
      },
    },
  );
});

const uuid = '00000000-0000-4000-8000-000000000001';

const refusals: readonly [
  what: string,
  given: Partial<Record<keyof CodeLaunch, unknown>>,
  error: Partial<AppError>,
][] = [
  [
    'no selection',
    {},
    {
      code: 'invalid-selection',
      message: 'where is missing, as are keys and filter: say one of them. Nothing was selected.',
      details: { field: 'where' },
    },
  ],
  [
    'two selections',
    { where: { id: 1 }, filter: 'id=1' },
    {
      code: 'invalid-selection',
      message: 'filter is said beside where: say one of them. Nothing was selected.',
      details: { field: 'filter' },
    },
  ],
  [
    'undefined in a where',
    { where: { country: { code: undefined } } },
    {
      code: 'invalid-selection',
      message: 'where.country.code is undefined. Nothing was selected.',
      details: { field: 'where.country.code' },
    },
  ],
  [
    'an unknown field in a where',
    { where: { country: { cod: 'ESP' } } },
    {
      code: 'invalid-selection',
      message: 'where.country.cod is no field of Country (is it code?). Nothing was selected.',
      details: { field: 'where.country.cod' },
    },
  ],
  [
    'an operator that Prisma does not know',
    { where: { name: { startWith: 'x' } } },
    {
      code: 'invalid-selection',
      message:
        'where is not what Prisma takes: Unknown argument `startWith`. Did you mean `startsWith`? Available options are marked with ?. Nothing was selected.',
      details: { field: 'where' },
    },
  ],
  [
    'a value that Prisma does not take',
    { where: { population: 'many' } },
    {
      code: 'invalid-selection',
      message:
        'where is not what Prisma takes: Argument `population`: Invalid value provided. Expected IntFilter or Int, provided String. Nothing was selected.',
      details: { field: 'where' },
    },
  ],
  [
    'a value that PostgreSQL does not take',
    { where: { latitude: { gt: '1e999999' } } },
    { code: 'invalid-selection', details: { field: 'where' } },
  ],
  [
    'more values than a statement',
    { where: { id: { in: idsTo(40_000) } } },
    { code: 'too-many-values', details: {} },
  ],
  [
    'no key',
    { keys: [] },
    { code: 'empty-selection', message: 'Nothing is selected.', details: {} },
  ],
  ['no list of keys', { keys: 'x' }, { code: 'invalid-key', details: { field: 'keys' } }],
  [
    'an id that none can be',
    { keys: [1, 'Madrid'] },
    {
      code: 'invalid-key',
      message: 'keys.1 is no record of cities. Nothing was selected.',
      details: { field: 'keys.1' },
    },
  ],
  [
    'an id that is undefined',
    { keys: [undefined] },
    { code: 'invalid-key', details: { field: 'keys.0' } },
  ],
  ['an id that is rounded', { keys: [1.5] }, { code: 'invalid-key', details: { field: 'keys.0' } }],
  [
    'an id of other fields',
    { keys: [{ code: 1 }] },
    { code: 'invalid-key', details: { field: 'keys.0' } },
  ],
  [
    'too many keys',
    { keys: idsTo(10_001) },
    {
      code: 'too-many-ticked',
      message: 'At most 10,000 records can be named by their keys. Give a where or a filter.',
      details: {},
    },
  ],
  [
    'a filter of what there is not',
    { filter: 'populatoin=1' },
    {
      code: 'invalid-filter',
      message: 'Cities cannot be filtered by "populatoin".',
      details: { field: 'populatoin' },
    },
  ],
  [
    'a filter that is no text',
    { filter: 7 },
    { code: 'invalid-selection', details: { field: 'filter' } },
  ],
  [
    'an unknown field',
    { keys: [1], parameters: { statsu: 'draft' } },
    {
      code: 'invalid-operation',
      message:
        'There is no field "statsu" that can be changed in bulk. Did you mean "status"? Nothing was changed.',
      details: {
        fieldErrors: {
          statsu: 'There is no field "statsu" that can be changed in bulk. Did you mean "status"?',
        },
      },
    },
  ],
  [
    'a value that is none',
    { keys: [1], parameters: { status: 'gone' } },
    {
      code: 'invalid-operation',
      message: 'Some values need attention. Nothing was changed.',
      details: { fieldErrors: { status: '"gone" is not a value of Status.' } },
    },
  ],
  [
    'nothing to do',
    { keys: [1], parameters: undefined },
    {
      code: 'invalid-operation',
      message: 'Tick at least one field to change.',
      details: { fieldErrors: {} },
    },
  ],
  [
    'a related record that is not there',
    { keys: [1], parameters: { country: 'XXX' } },
    {
      code: 'invalid-operation',
      details: {
        fieldErrors: {
          country: 'Country leads to a record that does not exist, or that is not yours to choose.',
        },
      },
    },
  ],
  [
    'options that there are not',
    {
      keys: [1],
      options: { overlap: 'steal', stopRatio: 2, changeReason: 'x'.repeat(1_001), hurry: true },
    },
    {
      code: 'invalid-operation',
      details: {
        fieldErrors: {
          hurry: 'There is no option “hurry”.',
          overlap: 'Overlap is refuse, skip or wait.',
          stopRatio: 'The share of refused records is a number from 0 to 1.',
          changeReason: 'A reason may have at most 1,000 characters.',
        },
      },
    },
  ],
];

test('what is refused is refused by name, and nothing is written', async (t) => {
  const { launch, tasks } = await setUp(t);
  for (const [what, given, error] of refusals) {
    await t.test(what, () =>
      assert.rejects(launch(given as Partial<CodeLaunch>), { status: 422, ...error }),
    );
  }
  const others: typeof refusals = [
    [
      'a resource',
      { resource: 'towns', keys: [1] },
      {
        code: 'not-found',
        status: 404,
        message: 'There is no resource “towns”, or it is not for Ada to see.',
      },
    ],
    [
      'an operation',
      { operation: 'polish', keys: [1] },
      {
        code: 'unknown-operation',
        status: 409,
        message: 'There is no operation “polish” here (any more). Nothing was changed.',
      },
    ],
    [
      'an undo',
      { operation: 'undo', keys: [1] },
      {
        code: 'unknown-operation',
        status: 409,
        message: '“undo” is not begun on records of one’s choice. Nothing was changed.',
      },
    ],
  ];
  for (const [what, given, error] of others)
    await t.test(what, () => assert.rejects(launch(given as Partial<CodeLaunch>), { ...error }));
  assert.deepEqual(await tasks(), []);
});

test('a where that PostgreSQL cannot read, of a value that Prisma takes, is refused', async (t) => {
  const { launch, db, tasks } = await setUp(t);
  await db.pages.query('alter table gazetteer.city alter admin_code type uuid using null');
  await assert.rejects(launch({ where: { adminCode: 'x' } }), {
    code: 'invalid-selection',
    status: 422,
    details: { field: 'where' },
  });
  assert.equal((await launch({ where: { adminCode: uuid } })).outcome, 'queued');
  assert.equal((await tasks()).length, 1);
});

test('the rules of the table and of the resource hold', async (t) => {
  const { db, launch, tasks } = await setUp(t, {
    city: { bulk: { reason: { requiredAbove: 2 } } },
  });
  const message = 'Say why: above 2 records a reason is asked for.';
  const reasonless = { code: 'invalid-operation', details: { fieldErrors: { reason: message } } };
  await assert.rejects(launch({ keys: [1, 2, 3] }), reasonless);
  await assert.rejects(launch({ where: { id: { lte: 3 } }, inline: true }), reasonless);
  assert.deepEqual(await tasks(), []);
  assert.equal((await launch({ keys: [1, 2] })).outcome, 'queued');
  // How many they are is not known.
  assert.equal((await launch({ where: { id: { gt: 20 } } })).outcome, 'queued');
  const { task } = await launch({ keys: [4, 5, 6], options: { changeReason: ' Yearly ' } });
  assert.equal(task.changeReason, 'Yearly');
  await db.pages.query('create rule keep as on update to gazetteer.city do instead nothing');
  await assert.rejects(launch({ keys: [9] }), { code: 'rewritten-table', status: 422 });
});

test('more than all or nothing may be fails the task in a sentence, before it is cut into chunks', async (t) => {
  const { db, run } = await setUp(t, { places: 10_001, city: { bulk: { atomic: 'all' } } });
  const failed = await run({ where: {}, everything: true });
  assert.deepEqual(
    [failed.state, failed.reason, failed.message, failed.changed],
    [
      'failed',
      'too-many-at-once',
      'At most 10,000 cities can be changed all or nothing. Select fewer. Nothing was changed.',
      0,
    ],
  );
  const { rows } = await db.pages.query(`select count(*)::int as n from ${db.t.chunk}`);
  assert.deepEqual(rows, [{ n: 0 }]);
  const done = await run({ where: { id: { lte: 10_000 } } });
  assert.deepEqual([done.state, done.changed, done.chunkCount], ['succeeded', 10_000, 1]);
});

test('within the call all is done, or nothing', async (t) => {
  const { db, launch, idsWhere, tasks } = await setUp(t, { places: 10_001 });
  const inline = { inline: true };
  await db.pages.query(
    `alter table gazetteer.city add constraint no_five check (id <> 5 or status = 'draft')`,
  );
  const { task, outcome } = await launch({ where: { id: { gt: 5, lte: 45 } }, ...inline });
  assert.deepEqual(
    [outcome, task.state, task.changed, task.total, task.expected, task.backend],
    ['inline', 'succeeded', 40, 40, null, 'inline'],
  );
  await assert.rejects(launch({ where: { id: { lte: 5 } }, ...inline }), (error: AppError) => {
    assert.deepEqual([error.code, error.status], ['refused', 422]);
    assert.deepEqual(
      error.details.failures?.map((failure) => failure.key),
      [key(5)],
    );
    return true;
  });
  assert.deepEqual(await idsWhere(`status = 'archived'`), idsTo(45, 6));
  const before = (await tasks()).length;
  await assert.rejects(launch({ where: {}, everything: true, ...inline }), {
    code: 'too-many-records',
    status: 422,
    message: 'At most 10,000 cities can be changed at once.',
  });
  const links = { where: { id: { lte: 6_000 } }, parameters: { tags: { add: [1, 2] } }, ...inline };
  await assert.rejects(launch(links), {
    code: 'too-many-records',
    status: 422,
    message: 'At most 10,000 cities can be changed at once, what goes along with them included.',
  });
  await assert.rejects(launch({ where: { id: -1 }, ...inline }), {
    code: 'empty-selection',
    status: 422,
  });
  assert.equal((await tasks()).length, before);
});

test('a resource without a background is changed within the call', async (t) => {
  const { launch, tasks } = await setUp(t, { city: { bulk: { background: false } } });
  await assert.rejects(launch({ keys: [1] }), {
    code: 'no-background',
    status: 422,
    message: 'Cities are changed within the call alone: say inline: true. Nothing was changed.',
  });
  assert.deepEqual(await tasks(), []);
  assert.equal((await launch({ keys: [1], inline: true })).outcome, 'inline');
});

test('what is under way is not launched again, and what has ended is', async (t) => {
  const { context, db, launch, tasks } = await setUp(t);
  const given = { filter: 'status=draft' };
  const first = await launch(given);
  // Nor is it in its own way.
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $3)`,
    [first.task.id, [key(2)], key(2)],
  );
  const again = await launch(given);
  assert.deepEqual([again.outcome, again.task.id], ['same', first.task.id]);
  await db.pages.query(`delete from ${db.t.chunk}`);
  assert.notEqual((await launch({ ...given, principal: nightly })).task.id, first.task.id);
  const many = await Promise.all(idsTo(8).map(() => launch({ where: { id: 1 } })));
  assert.equal(new Set(many.map(({ task }) => task.id)).size, 1);
  assert.equal((await tasks()).length, 3);
  await runAtOnce(context, Promise.resolve(first));
  assert.equal((await launch(given)).outcome, 'queued');
});

test('of two that are launched at the very same time one finds the other', async (t) => {
  const { db, launch } = await setUp(t);
  const other = await db.pages.connect();
  try {
    await other.query(`begin; lock table ${db.t.task} in share mode`);
    const launching = [launch({ keys: [1] }), launch({ keys: [1] })];
    await until(async () => {
      const { rowCount } = await db.pages.query(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return rowCount === 2;
    });
    await other.query('commit');
    const [one, two] = await Promise.all(launching);
    assert.deepEqual([one?.outcome, two?.outcome].sort(), ['queued', 'same']);
    assert.equal(one?.task.id, two?.task.id);
  } finally {
    other.release();
  }
});

test('records that another task holds are refused, left out or waited for', async (t) => {
  const { context, db, launch, run, idsWhere, tasks } = await setUp(t);
  const cities = context.registry.get('cities');
  const body = { field: 'featured', 'value.featured': 'true' };
  const { task: other } = await launchOn(context, cities, { keys: [key(2)] }, 'update', body, eve, {
    inBackground: true,
  });
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', $2, $3, $3)`,
    [other.id, [key(2)], key(2)],
  );
  const where = { id: { lte: 3 } };
  await assert.rejects(launch({ where }), (error: AppError) => {
    assert.deepEqual([error.code, error.status], ['overlap', 409]);
    assert.deepEqual(
      error.details.holders?.map(({ taskId }) => taskId),
      [other.id],
    );
    return true;
  });
  assert.equal((await tasks()).length, 1);
  const skipped = await run({ where, options: { overlap: 'skip' } });
  assert.deepEqual([skipped.changed, skipped.conflicted], [2, 1]);
  assert.deepEqual(await idsWhere(`status = 'archived'`), [1, 3]);
  const waiting = await launch({
    where,
    inline: true,
    parameters: { rating: 1 },
    options: { overlap: 'wait' },
  });
  assert.deepEqual([waiting.outcome, waiting.task.overlap], ['queued', 'wait']);
});

test('what is written after the call is left alone where that is asked for', async (t) => {
  const { context, db, launch, idsWhere } = await setUp(t);
  const launched = await launch({ keys: [1, 2], options: { skipChanged: true } });
  await db.pages.query(`update gazetteer.city set notes = 'mine' where id = 2`);
  const done = await runAtOnce(context, Promise.resolve(launched));
  assert.deepEqual([done.changed, done.conflicted], [1, 1]);
  assert.deepEqual(await idsWhere(`status = 'archived'`), [1]);
});

test('a launch costs the same for ten records and for ten thousand', async (t) => {
  const { context, db } = await setUp(t, { places: 10_000 });
  const sent = async (given: Partial<CodeLaunch>) => {
    const { statements } = await recordStatements(db, () =>
      launchFromCode(context, {
        resource: 'cities',
        operation: 'update',
        parameters: { status: 'archived', tags: { add: [1] } },
        principal: nightly,
        ...given,
      }),
    );
    return statements.map(({ text }) => text);
  };
  const pairs: readonly [few: Partial<CodeLaunch>, many: Partial<CodeLaunch>][] = [
    [{ where: { id: { lte: 10 } } }, { where: { id: { lte: 10_000 } } }],
    [{ filter: 'id-max=10' }, { filter: 'id-max=10000' }],
    [{ keys: idsTo(10) }, { keys: idsTo(10_000) }],
  ];
  for (const [few, many] of pairs) {
    const statements = await sent(few);
    assert.deepEqual(await sent(many), statements);
    assert.ok(statements.length <= 12, statements.join('\n'));
    // Of the records themselves nothing is read.
    const ofRecords = statements.filter((text) => /"gazetteer"\."city"/.test(text));
    assert.deepEqual(
      ofRecords.filter((text) => !/limit 0$/.test(text)),
      [],
    );
  }
});
