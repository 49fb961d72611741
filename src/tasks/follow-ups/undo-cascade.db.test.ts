import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { metadata } from '../../../generated/torture-metadata/metadata.ts';
import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { Queryable } from '../../db/transaction.ts';
import { defineResource, type TypedResourceOptions } from '../../index.ts';
import { readHistory } from '../../operations/journal/history.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import { listFailures } from '../looking/queries.ts';
import type { TaskRow } from '../task-row.ts';
import { purge } from '../worker/retention.ts';
import { startWorker } from '../worker/worker.ts';
import { retry } from './retry.ts';
import { previewUndo, undo } from './undo.ts';

const shipKey = (id: number) => String(id).padStart(20, '0');
const tables = [
  'torture."ships at sea"',
  '"Odd-Schema".deck',
  'torture.cabins',
  'torture."_CabinToExtra"',
  'torture."Extra"',
];

type Options = TypedResourceOptions<typeof metadata, 'Ship'>;

async function setUp(
  t: TestContext,
  {
    ship = {},
    resources,
    defaults = {},
    concurrency = 1,
  }: {
    ship?: Options;
    resources?: typeof tortureAdmin.resources;
    defaults?: object;
    concurrency?: number;
  } = {},
) {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'torture' });
  const others = tortureAdmin.resources.filter(({ model }) => model !== 'Ship');
  const admin = {
    ...tortureAdmin,
    resources: resources ?? [
      ...others,
      defineResource(metadata, 'Ship', { slug: 'ships', ...ship }),
    ],
  };
  const context = testContext(db, {}, { minAsyncRecords: 1, chunkSize: 7, ...defaults }, admin);
  const worker = await startWorker(context, { connectionString, concurrency });
  defer(() => worker.stop());
  const ships = context.registry.get('ships');
  const deleted = async (selected: object = { kind: 'matching' }, by: Principal = ada) =>
    finished(
      db,
      (await launchOn(context, ships, selected, 'delete', { acknowledge: 'yes' }, by)).task.id,
    );
  const undone = async (task: TaskRow, chosen: string[] | null = null) =>
    finished(
      db,
      (await undo(context, ada, task.id, { operationId: randomUUID(), chosen })).task.id,
    );
  return { db, context, ships, deleted, undone };
}

/** Every row of the tables concerned, as the database says it. */
async function picture(
  { pages }: { pages: Queryable },
  of: readonly string[] = tables,
): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const table of of) {
    const { rows } = await pages.query<{ row: string }>(
      `select x::text as row from ${table} x order by 1`,
    );
    found[table] = rows.map(({ row }) => row);
  }
  return found;
}

const counts = (found: Record<string, string[]>) =>
  Object.values(found).map(({ length }) => length);
const outcome = ({ state, changed, unchanged, failed, conflicted, gone }: TaskRow) => ({
  state,
  changed,
  unchanged,
  failed,
  conflicted,
  gone,
});
const all = { state: 'succeeded', changed: 40, unchanged: 0, failed: 0, conflicted: 0, gone: 0 };
const reasons = async (db: Database, task: TaskRow) =>
  (await listFailures(db, task.id)).map(({ code, message, keys }) => ({ code, message, keys }));

test('undoing a delete brings back what went along, two levels deep, to the letter; its undo takes it along again, and so on', async (t) => {
  const { db, context, deleted, undone } = await setUp(t);
  const before = await picture(db);
  assert.deepEqual(counts(before), [40, 90, 240, 60, 2]);
  const task = await deleted();
  assert.deepEqual(outcome(task), all);
  assert.deepEqual(counts(await picture(db)), [0, 0, 0, 0, 2]);

  const preview = await previewUndo(context, ada, task.id, null);
  assert.deepEqual([preview.total, preview.restored, preview.refused], [40, 40, []]);
  assert.deepEqual(
    preview.cascade.map(({ resource, count }) => [resource.model.name, count]),
    [
      ['Deck', 90],
      ['Cabin', 240],
    ],
  );
  const first = await undone(task);
  assert.deepEqual(outcome(first), all);
  assert.deepEqual(await picture(db), before);

  const second = await undone(first);
  assert.deepEqual(outcome(second), all);
  assert.deepEqual(counts(await picture(db)), [0, 0, 0, 0, 2]);
  assert.deepEqual(outcome(await undone(second)), all);
  assert.deepEqual(await picture(db), before);
});

for (const [way, options] of [
  ['through the project’s client', { writeThrough: 'client' }],
  ['around hooks', { hooks: { beforeDelete: () => undefined } }],
] as const) {
  test(`what goes along with records that are deleted ${way} is kept too`, async (t) => {
    const { db, deleted, undone } = await setUp(t, { ship: options });
    const before = await picture(db);
    assert.deepEqual(outcome(await undone(await deleted())), all);
    assert.deepEqual(await picture(db), before);
  });
}

test('the history of a record that went along tells of it, and of its coming back', async (t) => {
  const { db, context, deleted, undone } = await setUp(t, { defaults: { chunkSize: 1000 } });
  const task = await deleted();
  const undoing = await undone(task);
  for (const [slug, key] of [
    ['cabins', '2/1/4'],
    ['decks', '["00000000000000000002","00000000000000000002"]'],
  ] as const) {
    const { entries } = await readHistory(db, context.registry.for(ada, slug), key, null);
    assert.deepEqual(
      entries.map(({ kind, task: by }) => [kind, by?.id]),
      [
        ['create', undoing.id],
        ['delete', task.id],
      ],
    );
    assert.ok(entries.every(({ values }) => (values?.length ?? 0) > 0));
  }
});

test('chosen records come back with what went along with them, and nothing else', async (t) => {
  const { db, deleted, undone } = await setUp(t);
  const before = await picture(db);
  const task = await deleted();
  assert.equal((await undone(task, [shipKey(3), shipKey(40)])).changed, 2);
  const now = await picture(db);
  assert.deepEqual(counts(now), [2, 3, 8, 2, 2]);
  assert.deepEqual(
    now['torture.cabins'],
    before['torture.cabins']?.filter((row) => row.startsWith('(3/')),
  );
});

test('a record is refused alone when something that went along exists again, and its retry brings both back', async (t) => {
  const { db, context, deleted, undone } = await setUp(t);
  const before = await picture(db);
  const task = await deleted();
  await db.pages.query(`
    insert into torture."ships at sea" values (100, 'Other');
    insert into "Odd-Schema".deck values (100, 1);
    insert into torture.cabins values ('5/1/2', 100, 1, 1)`);
  const { refused } = await previewUndo(context, ada, task.id, null);
  const reason = {
    code: 'exists-along:Cabin',
    message: 'Something that was deleted with it exists again: cabin.',
    keys: [shipKey(5)],
  };
  assert.deepEqual(refused, [{ ...reason, count: 1 }]);
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), { ...all, state: 'partial', changed: 39, failed: 1 });
  assert.deepEqual(await reasons(db, undoing), [reason]);
  await db.pages.query('delete from torture."ships at sea" where "ship no" = 100');
  await finished(
    db,
    (await retry(context, ada, undoing.id, { operationId: randomUUID(), code: null })).task.id,
  );
  assert.deepEqual(await picture(db), before);
});

test('what goes along is held by another task: its record is left alone, and the holder named', async (t) => {
  const { db, context, ships, deleted, undone } = await setUp(t);
  const before = await picture(db);
  const cabins = context.registry.get('cabins');
  const blocker = await db.pages.connect();
  await blocker.query(`begin; select 1 from torture.cabins where code = '4/1/1' for update`);
  const holding = await launchOn(context, cabins, { kind: 'ticked', keys: ['4/1/1'] }, 'update', {
    field: 'price',
    'value.price': '7',
  });
  await db.pages.query(`update ${db.t.task} set state = 'paused' where id = $1`, [holding.task.id]);
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 0, 'active', '{4/1/1}', '4/1/1', '4/1/1') on conflict do nothing`,
    [holding.task.id],
  );
  await blocker.query('rollback');
  blocker.release();
  const task = await deleted();
  assert.deepEqual(outcome(task), { ...all, state: 'partial', changed: 39, conflicted: 1 });
  assert.deepEqual(await reasons(db, task), [
    {
      code: 'locked',
      message: `Cabins that would go with it: Held by task ${holding.task.id}: Edit cabins, Ada.`,
      keys: [shipKey(4)],
    },
  ]);
  assert.equal(
    (await db.pages.query(`select 1 from torture.cabins where "on ship" = 4`)).rowCount,
    8,
  );
  await undone(task);
  assert.deepEqual(await picture(db), before);
  assert.equal(ships.slug, 'ships');
});

test('what somebody adds while a delete waits for them goes along too, and comes back', async (t) => {
  const { db, ships, context, undone } = await setUp(t);
  const adding = await db.pages.connect();
  await adding.query(`begin; insert into "Odd-Schema".deck values (35, 9)`);
  const before = await picture({ pages: adding });
  const { task } = await launchOn(context, ships, { kind: 'matching' }, 'delete', {
    acknowledge: 'yes',
  });
  const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  while ((await db.pages.query(waiting)).rowCount === 0)
    await new Promise((done) => setTimeout(done, 10));
  await adding.query('commit');
  adding.release();
  assert.deepEqual(outcome(await finished(db, task.id)), all);
  assert.deepEqual(counts(await picture(db)), [0, 0, 0, 0, 2]);
  assert.deepEqual(outcome(await undone((await finished(db, task.id)) as TaskRow)), all);
  assert.deepEqual(await picture(db), before);
});

test('a record is refused alone when something stands in the way of what would go along', async (t) => {
  const { db, deleted, undone } = await setUp(t);
  await db.pages.query(`
    create table torture.booking (cabin text references torture.cabins on delete restrict);
    insert into torture.booking values ('9/2/1')`);
  const before = await picture(db);
  const task = await deleted();
  assert.deepEqual(outcome(task), { ...all, state: 'partial', changed: 39, failed: 1 });
  const [{ code = '', keys = [] } = {}] = await reasons(db, task);
  assert.match(code, /^(23001|23503):booking_cabin_fkey$/);
  assert.deepEqual(keys, [shipKey(9)]);
  await undone(task);
  assert.deepEqual(await picture(db), before);
});

test('a record that takes too much along is deleted without its being kept, and refused by name when it should come back', async (t) => {
  const { db, context, deleted, undone } = await setUp(t);
  await db.pages.query(
    `insert into torture.cabins select '6/' || n, 6, 1, n from generate_series(1, 10000) n`,
  );
  await db.pages.query(
    `insert into torture.cabins select '8/' || n, 8, 1, n from generate_series(1, 6000) n; insert into torture.cabins select '9/' || n, 9, 1, n from generate_series(1, 6000) n`,
  );
  const before = await picture(db);
  const task = await deleted();
  assert.deepEqual(outcome(task), all);
  const reason = {
    code: 'not-kept',
    message: 'What was deleted along with it is not kept.',
    keys: [shipKey(6)],
  };
  assert.deepEqual((await previewUndo(context, ada, task.id, null)).refused, [
    { ...reason, count: 1 },
  ]);
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), { ...all, state: 'partial', changed: 39, failed: 1 });
  assert.deepEqual(await reasons(db, undoing), [reason]);
  const rest = (row: string) => !/^\(6[,/]/.test(row);
  const now = await picture(db);
  assert.deepEqual(now['torture.cabins'], before['torture.cabins']?.filter(rest));
  assert.deepEqual(now['"Odd-Schema".deck'], before['"Odd-Schema".deck']?.filter(rest));
});

for (const [why, sql] of [
  [
    'a third level',
    'alter table torture."Bare" add cabin text references torture.cabins on delete cascade',
  ],
  [
    'a circle',
    'alter table torture."ships at sea" add best text references torture.cabins on delete cascade',
  ],
  [
    'a table that no resource is about',
    'create table torture.log (ship int references torture."ships at sea" on delete cascade)',
  ],
] as const) {
  test(`${why} among what goes along: the delete cannot be undone, and says so`, async (t) => {
    const { db, context, deleted, undone } = await setUp(t);
    await db.pages.query(sql);
    const task = await deleted();
    assert.deepEqual(outcome(task), all);
    await assert.rejects(undone(task), { code: 'not-undoable', status: 409 });
    await assert.rejects(previewUndo(context, ada, task.id, null), { code: 'not-undoable' });
    const { rows } = await db.pages.query(
      `select distinct kept_along from ${db.t.change} where kind = 'delete'`,
    );
    assert.deepEqual(rows, [{ kept_along: null }]);
  });
}

test('a foreign key that came or went since is no reason to leave anything behind unsaid', async (t) => {
  const { db, deleted, undone } = await setUp(t);
  const before = await picture(db);
  const task = await deleted();
  await db.pages.query(
    'create table torture.log (ship int references torture."ships at sea" on delete cascade)',
  );
  await assert.rejects(undone(task), { code: 'not-undoable', message: /log/ });
  await db.pages.query(
    'drop table torture.log; alter table "Odd-Schema".deck drop constraint "deck_of ship_fkey"',
  );
  await undone(task);
  assert.deepEqual(await picture(db), before);
});

test('who may not delete what went along may not bring it back; where nothing of it went, nobody asks', async (t) => {
  const others = tortureAdmin.resources.filter(({ model }) => !['Ship', 'Cabin'].includes(model));
  const mayList = { permissions: (): 'list'[] => ['list'] };
  const resources = [
    ...others,
    defineResource(metadata, 'Ship', { slug: 'ships' }),
    defineResource(metadata, 'Cabin', { slug: 'cabins', ...mayList }),
  ];
  const { db, context, deleted, undone } = await setUp(t, {
    resources: resources as typeof tortureAdmin.resources,
  });
  const bare = await deleted({ kind: 'ticked', keys: [shipKey(35)] });
  assert.equal((await undone(bare)).changed, 1);
  const task = await deleted();
  await assert.rejects(undone(task), { code: 'forbidden', status: 403, message: /cabins/ });
  await assert.rejects(previewUndo(context, ada, task.id, null), { code: 'forbidden' });
  assert.deepEqual(counts(await picture(db)), [0, 0, 0, 0, 2]);
});

test('what went along is emptied when its time has come, and then nothing claims to come back', async (t) => {
  const { db, context, deleted, undone } = await setUp(t);
  const task = await deleted();
  await db.pages.query(`update ${db.t.change} set before = null where model = 'Cabin'`);
  const undoing = await undone(task);
  assert.deepEqual(outcome(undoing), { ...all, state: 'partial', changed: 5, failed: 35 });
  assert.ok((await reasons(db, undoing)).every(({ code }) => code === 'purged'));
  await db.pages.query(`update ${db.t.change} set at = now() - interval '8 days'`);
  await purge(context);
  const { rows } = await db.pages.query(
    `select count(*)::int as kept from ${db.t.change} where before is not null or after is not null`,
  );
  assert.deepEqual(rows, [{ kept: 0 }]);
});

test('what goes along with several records comes back with the last of them', async (t) => {
  const { db, context, deleted, undone } = await setUp(t, { defaults: { chunkSize: 1000 } });
  await db.pages.query(`
    alter table torture.cabins add twin int references torture."ships at sea" on delete cascade;
    update torture.cabins set twin = 9 where code = '1/1/1'`);
  const before = await picture(db);
  const task = await deleted();
  assert.deepEqual(
    (await previewUndo(context, ada, task.id, [shipKey(1)])).cascade.map(({ count }) => count),
    [3, 7],
  );
  for (const id of [1, 9])
    assert.deepEqual(outcome(await undone(task, [shipKey(id)])), { ...all, changed: 1 });
  assert.equal(
    (await db.pages.query(`select 1 from torture.cabins where code = '1/1/1'`)).rowCount,
    1,
  );
  assert.deepEqual(outcome(await undone(task)), {
    ...all,
    state: 'partial',
    changed: 38,
    failed: 2,
  });
  assert.deepEqual(await picture(db), before);
});

test('what goes along with two records that are brought back side by side comes back', async (t) => {
  const { db, deleted, undone } = await setUp(t, { concurrency: 2 });
  await db.pages.query(`
    alter table torture.cabins add twin int references torture."ships at sea" on delete cascade;
    update torture.cabins set twin = 2 where code = '1/1/1'`);
  const task = await deleted();
  await db.pages.query(`
    create function torture.hold_up() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock_shared(77); return new; end $$;
    create trigger hold_up before insert on torture."ships at sea" for each row when (new."ship no" = 1) execute function torture.hold_up()`);
  const brake = await db.pages.connect();
  await brake.query('select pg_advisory_lock(77)');
  const first = undone(task, [shipKey(1)]);
  const waiting = (count: number) =>
    db.pages.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' having count(*) >= $1`,
      [count],
    );
  while (!(await waiting(1)).rowCount) await new Promise((done) => setTimeout(done, 5));
  let isOver = false;
  const second = undone(task, [shipKey(2)]).finally(() => {
    isOver = true;
  });
  while (!isOver && !(await waiting(2)).rowCount) await new Promise((done) => setTimeout(done, 5));
  await brake.query('select pg_advisory_unlock(77)');
  brake.release();
  assert.deepEqual([(await first).changed, (await second).changed], [1, 1]);
  assert.equal(
    (await db.pages.query(`select 1 from torture.cabins where code = '1/1/1'`)).rowCount,
    1,
  );
});
