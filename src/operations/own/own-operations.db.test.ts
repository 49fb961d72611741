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
    ...testContext(db, {}, {}, { ...sample, resources: [cities, ...others] }),
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
