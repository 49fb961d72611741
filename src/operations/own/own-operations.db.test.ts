import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import {
  t as control,
  defineOperation,
  defineResource,
  type OperationDefinition,
  type TypedResourceOptions,
} from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import type { OnUnreadable } from '../../resources/grants.ts';
import { createSelection } from '../../selection/selection.ts';
import { retry } from '../../tasks/follow-ups/retry.ts';
import { undo } from '../../tasks/follow-ups/undo.ts';
import { listFailures } from '../../tasks/looking/queries.ts';
import { lookAhead } from '../../tasks/previewing/look-ahead.ts';
import { createPreview } from '../../tasks/previewing/preview.ts';
import { ada, eve, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import { getOperation } from '../operations.ts';

const key = (id: number) => String(id).padStart(20, '0');
const all = Array.from({ length: 12 }, (_, index) => key(index + 1));

type CityOptions = TypedResourceOptions<typeof metadata, 'City'>;

async function setUp(
  t: TestContext,
  operations: readonly OperationDefinition[],
  options: CityOptions = {},
  onUnreadable?: OnUnreadable,
) {
  const { db } = await testDatabase(t);
  await insertPlaces(db, all.length);
  const others = sample.resources.filter(({ model }) => model !== 'City');
  const cities = defineResource(metadata, 'City', {
    permissions: () => actions,
    ...options,
    operations,
  });
  const logged: string[] = [];
  const context = {
    ...testContext(
      db,
      {},
      {},
      { ...sample, schedules: [], resources: [cities, ...others] },
      onUnreadable,
    ),
    log: (_: string, what: string) => void logged.push(what),
  };
  const resource = context.registry.get('cities');
  const launch = (
    name: string,
    body: Record<string, unknown> = {},
    principal = ada,
    inBackground = true,
  ) => launchOn(context, resource, { keys: all }, name, body, principal, { inBackground });
  const run = (name: string, body?: Record<string, unknown>) =>
    runAtOnce(context, launch(name, body));
  const read = async <T>(sql: string) =>
    (
      await db.pages.query<{ value: T }>(`select ${sql} as value from gazetteer.city order by id`)
    ).rows.map(({ value }) => value);
  return { db, context, resource, launch, run, read, logged };
}

const mark = defineOperation(metadata, 'City', {
  name: 'mark',
  label: 'Mark…',
  icon: 'flag',
  form: {
    note: control.text({ label: 'Note', required: true }),
    day: control.date({ label: 'Day' }),
  },
  needs: ['population', 'status'],
  refuse: ({ population, status }, { params }) =>
    population > 10 && status === 'draft' ? `Too many for “${params.note}”.` : null,
  change: ({ params }) => ({ notes: params.note, reviewedAt: params.day, status: 'reviewed' }),
});

test('an operation gives every record the values that its form asks for, and refuses by its own words', async (t) => {
  const { context, resource, run, read } = await setUp(t, [mark]);
  const task = await run('mark', { 'form.note': 'seen', 'form.day': '2026-11-29' });
  assert.deepEqual([task.state, task.changed, task.failed], ['partial', 10, 2]);
  assert.deepEqual((await read<string | null>('notes')).slice(8), ['seen', 'seen', null, null]);
  assert.deepEqual((await read<string>('reviewed_at::date::text')).slice(0, 1), ['2026-11-29']);
  const [failed] = await listFailures(context.db, task.id);
  assert.deepEqual(
    [failed?.code, failed?.message, failed?.count],
    ['refused', 'Too many for “seen”.', 2],
  );
  assert.deepEqual(getOperation(resource, 'mark').describe(resource, task.parameters), [
    'Note: seen',
    'Day: 29 Nov 2026',
    'Notes: set to seen',
    'Reviewed at: set to 29 Nov 2026, 00:00',
    'Status: set to reviewed',
  ]);
});

test('what its form asks for is said at each control, and nothing is begun', async (t) => {
  const { db, launch } = await setUp(t, [mark]);
  await assert.rejects(
    launch('mark', { 'form.note': ' ', 'form.day': 'soon' }),
    ({ code, status, details }) => {
      assert.deepEqual([code, status], ['invalid-operation', 422]);
      assert.deepEqual(details.fieldErrors, {
        note: 'Note is required.',
        day: 'Day must be a date such as 2026-01-31.',
      });
      return true;
    },
  );
  assert.equal((await db.pages.query(`select 1 from ${db.t.task}`)).rowCount, 0);
});

test('a preview asks what is refused, and shows what would be changed', async (t) => {
  const { context, resource, db } = await setUp(t, [mark]);
  const { id } = await createSelection(db, ada, resource, {
    kind: 'ticked',
    filter: '',
    keys: all,
    exclusions: [],
  });
  const parameters = getOperation(resource, 'mark').parse(resource, { 'form.note': 'seen' });
  const made = await createPreview(context, {
    resource,
    principal: ada,
    operation: 'mark',
    selectionId: id,
    parameters,
  });
  const { findings } = await lookAhead(context, { resource, principal: ada, preview: made });
  const refused = findings?.refused.map(({ message, count, keys }) => [message, count, keys]);
  assert.deepEqual(
    [findings?.changed, refused],
    [10, [['Too many for “seen”.', 2, [key(11), key(12)]]]],
  );
});

test('a few records are done at once, all or nothing', async (t) => {
  const { launch, read } = await setUp(t, [mark]);
  await assert.rejects(launch('mark', { 'form.note': 'seen' }, ada, false), {
    code: 'refused',
    status: 422,
  });
  assert.deepEqual(new Set(await read('notes')), new Set([null]));
});

const careful = defineOperation(metadata, 'City', {
  name: 'careful',
  label: 'Careful',
  icon: 'flag',
  allowed: ({ name }) => name === 'Ada',
  change: () => ({ notes: 'careful' }),
});

test('it needs its own permission beside the resource’s, when it begins, when it runs and when it is taken back', async (t) => {
  const { context, db, launch, read } = await setUp(t, [careful], {
    permissions: ({ roles }) => (roles.includes('viewer') ? ['list'] : actions),
  });
  const viewer = { ...ada, roles: ['viewer'] };
  await assert.rejects(launch('careful', {}, viewer), { code: 'forbidden', status: 403 });
  await assert.rejects(launch('careful', {}, eve), { code: 'forbidden', status: 403 });
  const { task } = await launch('careful');
  // Whoever it was asked by is not allowed any more.
  await db.pages.query(`update ${db.t.task} set principal = $2 where id = $1`, [
    task.id,
    JSON.stringify(eve),
  ]);
  const refused = await runAtOnce(context, Promise.resolve({ task, outcome: 'queued' }));
  assert.deepEqual([refused.state, refused.reason], ['failed', 'forbidden']);
  assert.deepEqual(new Set(await read('notes')), new Set([null]));
  const done = await runAtOnce(context, launch('careful'));
  assert.equal(done.changed, 12);
  const byEve = undo(context, { ...eve, roles: ['admin'] }, done.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  await assert.rejects(byEve, { code: 'forbidden', status: 403 });
  const { task: undoing } = await undo(context, ada, done.id, {
    operationId: randomUUID(),
    chosen: null,
  });
  await db.pages.query(`update ${db.t.task} set principal = $2 where id = $1`, [
    undoing.id,
    JSON.stringify(eve),
  ]);
  const notUndone = await runAtOnce(context, Promise.resolve({ task: undoing, outcome: 'queued' }));
  assert.deepEqual([notUndone.state, notUndone.reason], ['failed', 'forbidden']);
});

test('a task of an operation that is not known here is left to a worker that knows it', async (t) => {
  const { db, context, launch } = await setUp(t, [mark]);
  const { task } = await launch('mark', { 'form.note': 'seen' });
  const older = testContext(db);
  await runAtOnce(older, Promise.resolve({ task, outcome: 'queued' })).catch(() => undefined);
  const { rows } = await db.pages.query(`select state, reason, message from ${db.t.task}`);
  assert.deepEqual([rows[0]?.state, rows[0]?.reason], ['queued', 'unknown']);
  assert.match(rows[0]?.message, /does not know the operation “mark”/);
  assert.equal(
    (await runAtOnce(context, Promise.resolve({ task, outcome: 'queued' }))).changed,
    10,
  );
});

const swap = defineOperation(metadata, 'City', {
  name: 'swap',
  label: 'Swap names',
  icon: 'replace',
  form: { suffix: control.text() },
  async each({ record, params, tx, refuse, principal }) {
    if (record.population === 3) return refuse('It has no other name.');
    if (record.population === 4) throw new Error('a mistake');
    if (record.population === 5) return undefined;
    if (record.population === 6) return { name: record.name };
    await (tx as never as { tag: { create(given: object): Promise<unknown> } }).tag.create({
      data: { name: `${record.name} by ${principal.name}` },
    });
    return { name: `Other ${record.population}${params.suffix ?? ''}`, altName: record.name };
  },
});

test('code for each record writes what it returns and what its client writes, once, and leaves what it refuses', async (t) => {
  const { context, db, run, read, logged } = await setUp(t, [swap]);
  const task = await run('swap', { 'form.suffix': '!' });
  // What does nothing to its record counts; what gives back what is there does not.
  assert.deepEqual([task.changed, task.unchanged, task.failed], [9, 1, 2]);
  assert.deepEqual((await read('name')).slice(0, 7), [
    'Other 1!',
    'Other 2!',
    'Place 3',
    'Place 4',
    'Place 5',
    'Place 6',
    'Other 7!',
  ]);
  const tags = await db.pages.query(
    `select count(*)::int as n, count(distinct name)::int as names from gazetteer.tag where name like '% by Ada'`,
  );
  assert.deepEqual(tags.rows, [{ n: 8, names: 8 }]);
  const messages = (await listFailures(db, task.id)).map(({ message }) => message).sort();
  assert.deepEqual(messages, [
    'It has no other name.',
    'The swap rule of cities failed. The log has the details.',
  ]);
  assert.ok(logged.includes('a hook failed'));
  const undone = await runAtOnce(
    context,
    undo(context, ada, task.id, { operationId: randomUUID(), chosen: null }),
  );
  assert.equal(undone.changed, 8);
  assert.deepEqual((await read('name')).slice(0, 2), ['Place 1', 'Place 2']);
});

test('what each record is given passes the rules of the resource', async (t) => {
  const give = defineOperation(metadata, 'City', {
    name: 'give',
    label: 'Give',
    icon: 'gift',
    each: ({ record }) => ({ rating: record.population > 6 ? '5.0' : '1.0' }) as never,
  });
  const { run, read } = await setUp(t, [give], {
    validate: ({ population }) => (population === 12 ? { population: 'Too many.' } : null),
    hooks: { beforeSave: ({ set }) => set('notes', 'by a hook') },
  });
  const task = await run('give');
  assert.deepEqual([task.changed, task.failed, task.writeThrough], [11, 1, 'client-with-rules']);
  assert.deepEqual(await read('rating::text'), [
    ...Array(6).fill('1.0'),
    ...Array(5).fill('5.0'),
    null,
  ]);
  assert.deepEqual((await read('notes')).slice(10), ['by a hook', null]);
});

test('each may not delete what it does not say that it deletes', async (t) => {
  const drop = defineOperation(metadata, 'City', {
    name: 'drop',
    label: 'Drop',
    icon: 'x',
    each: async ({ record, tx }) =>
      void (await (
        tx as never as { city: { delete(given: object): Promise<unknown> } }
      ).city.delete({ where: { id: record.id } })),
  });
  const { run, read } = await setUp(t, [drop]);
  const task = await run('drop');
  assert.deepEqual([task.changed, task.failed, (await read('id')).length], [0, 12, 12]);
});

test('one that deletes asks for the right to delete, is acknowledged, and is undone, unless it says that it is not', async (t) => {
  const purge = defineOperation(metadata, 'City', {
    name: 'purge',
    label: 'Purge',
    icon: 'flame',
    deletes: true,
    needs: ['featured'],
    refuse: ({ featured }) => (featured ? 'It is featured.' : null),
  });
  const wipe = defineOperation(metadata, 'City', {
    name: 'wipe',
    label: 'Wipe',
    icon: 'eraser',
    deletes: true,
    undo: 'none',
  });
  const { context, db, resource, launch, run, read } = await setUp(t, [purge, wipe], {
    permissions: ({ id }) => (id === ada.id ? actions : ['list', 'bulk-update']),
  });
  await assert.rejects(launch('purge', {}, eve), { code: 'forbidden' });
  assert.equal(getOperation(resource, 'purge').offer?.isAcknowledged, true);
  await db.pages.query('update gazetteer.city set featured = true where id = 1');
  const purged = await run('purge');
  assert.deepEqual([purged.changed, purged.failed, (await read('id')).length], [11, 1, 1]);
  const back = await runAtOnce(
    context,
    undo(context, ada, purged.id, { operationId: randomUUID(), chosen: null }),
  );
  assert.deepEqual([back.changed, (await read('id')).length], [11, 12]);
  const wiped = await run('wipe');
  assert.equal(wiped.changed, 12);
  await assert.rejects(undo(context, ada, wiped.id, { operationId: randomUUID(), chosen: null }), {
    code: 'not-undoable',
    status: 409,
  });
});

test('what was refused is tried again with what was typed the first time', async (t) => {
  const { context, db, run, read } = await setUp(t, [mark]);
  const task = await run('mark', { 'form.note': 'seen' });
  await db.pages.query('update gazetteer.city set population = 1');
  const again = await runAtOnce(
    context,
    retry(context, ada, task.id, { operationId: randomUUID(), code: null }),
  );
  assert.deepEqual([again.changed, again.operation], [2, 'mark']);
  assert.deepEqual(new Set(await read('notes')), new Set(['seen']));
});

const giving = (name: string, more: object) =>
  defineOperation(metadata, 'City', { name, label: name, icon: 'flag', ...more } as never);

/** What code gives that no record can be given, and how it is said after the operation's name. */
const mistakes: readonly [given: unknown, said: string][] = [
  [undefined, 'gives nothing, and fields with values are asked for.'],
  ['archived', 'gives a text, and fields with values are asked for.'],
  [false, 'gives false, and fields with values are asked for.'],
  [[], 'gives a list, and fields with values are asked for.'],
  [{ staus: 'draft' }, 'gives "staus", and City has no such column. Did you mean "status"?'],
  [{ constructor: 1 }, 'gives "constructor", and City has no such column.'],
  [{ country: 'ESP' }, 'gives "country", a relation: give its key, "countryCode".'],
  [{ tags: ['1'] }, 'gives "tags", and City has no such column.'],
  [{ id: 7n }, 'gives "id", by which a record is known.'],
  [
    { status: 'archivd' },
    'gives "archivd" for "status", which is none of its values. Did you mean "archived"?',
  ],
  [{ status: 1 }, 'gives 1 for "status", which holds no such value.'],
  [{ notes: undefined }, 'gives undefined for "notes"; null clears.'],
  [{ notes: Promise.resolve('x') }, 'gives a promise for "notes", which holds no such value.'],
  [{ population: 'many' }, 'gives a text for "population", which holds no such value.'],
  [{ population: 1.5 }, 'gives 1.5 for "population", which holds no such value.'],
  [{ rating: {} }, 'gives an object for "rating", which holds no such value.'],
  [{ featured: 'yes' }, 'gives a text for "featured", which holds no such value.'],
  [
    { reviewedAt: new Date(Number.NaN) },
    'gives a date that there is not for "reviewedAt", which holds no such value.',
  ],
];

test('what change gives and no record can be given is named, and nothing is begun', async (t) => {
  const promise = 'gives a promise, and fields with values are asked for.';
  const said = [...mistakes.map(([, words]) => words), promise];
  const { db, launch } = await setUp(
    t,
    said.map((_, index) =>
      giving(`give-${index}`, {
        change: () =>
          index < mistakes.length ? mistakes[index]?.[0] : Promise.reject(new Error('later')),
      }),
    ),
  );
  for (const [index, words] of said.entries()) {
    await assert.rejects(launch(`give-${index}`), {
      code: 'invalid-operation',
      status: 422,
      message: `“give-${index}” ${words} Nothing was changed.`,
    });
  }
  assert.equal((await db.pages.query(`select 1 from ${db.t.task}`)).rowCount, 0);
});

test('what each gives and its record cannot be given refuses the record by that name', async (t) => {
  const each = async ({ record }: { record: { population: number } }) =>
    mistakes[record.population]?.[0];
  const { db, run, read } = await setUp(t, [
    giving('first', { each }),
    giving('rest', {
      each: async ({ record }: { record: { population: number } }) =>
        mistakes[record.population + all.length]?.[0],
    }),
    giving('whole', {
      each: ({ record }: { record: object }) => ({ ...record, notes: 'its own id is no mistake' }),
    }),
  ]);
  const failuresOf = async (name: string) => {
    const { id } = await run(name);
    return (await listFailures(db, id)).map(({ message }) => message).sort();
  };
  const of = (name: string, some: typeof mistakes) =>
    some.map(([, said]) => `“${name}” ${said}`).sort();
  assert.deepEqual(await failuresOf('first'), of('first', mistakes.slice(1, 13)));
  assert.deepEqual(await failuresOf('rest'), of('rest', mistakes.slice(13)));
  assert.deepEqual(new Set(await read('notes')), new Set([null]));
  assert.equal((await run('whole')).changed, 12);
});

test('refuse that reads what its needs do not name refuses every record by that name', async (t) => {
  const { db, run, read } = await setUp(t, [
    giving('forgets', {
      refuse: ({ status }: { status: string }) => (status === 'archived' ? 'No.' : null),
      change: () => ({ notes: 'x' }),
    }),
    giving('misspells', {
      needs: ['status'],
      refuse: ({ staus }: { staus: string }) => (staus === 'archived' ? 'No.' : null),
      change: () => ({ notes: 'x' }),
    }),
    giving('asks-nothing', { refuse: () => null, change: () => ({ notes: 'x' }) }),
  ]);
  for (const [name, said] of [
    ['forgets', 'reads "status", which is not among its needs.'],
    ['misspells', 'reads "staus", and City has no such field. Did you mean "status"?'],
  ] as const) {
    const { id, failed } = await run(name);
    const [failure] = await listFailures(db, id);
    assert.deepEqual([failed, failure?.message], [12, `The refuse rule of “${name}” ${said}`]);
  }
  assert.deepEqual(new Set(await read('notes')), new Set([null]));
  assert.equal((await run('asks-nothing')).changed, 12);
});

test('a permission that gives no yes or no, or fails, grants nothing and is told', async (t) => {
  const sentences: string[] = [];
  const { launch } = await setUp(
    t,
    [
      giving('promises', { allowed: () => Promise.reject(new Error('later')), change: () => ({}) }),
      giving('says-nothing', { allowed: () => undefined, change: () => ({}) }),
      giving('throws', { allowed: () => assert.fail('down'), change: () => ({}) }),
      giving('fails', { change: () => assert.fail('down') }),
    ],
    {},
    (sentence, { why }) => void sentences.push(`${sentence} (${why})`),
  );
  for (const name of ['promises', 'says-nothing', 'throws'])
    await assert.rejects(launch(name), { code: 'forbidden', status: 403 });
  await assert.rejects(launch('fails'), {
    code: 'invalid-operation',
    message: 'The change rule of “fails” failed. The log has the details. Nothing was changed.',
  });
  assert.deepEqual(
    [...new Set(sentences)],
    [
      'Cities: the answer of allowed of “promises” cannot be used, so it grants nothing (it is neither true nor false)',
      'Cities: the answer of allowed of “says-nothing” cannot be used, so it grants nothing (it is neither true nor false)',
      'Cities: allowed of “throws” failed, so it grants nothing (down)',
      'Cities: change of “fails” failed, so nothing was begun (down)',
    ],
  );
});
