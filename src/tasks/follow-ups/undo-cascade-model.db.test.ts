import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countDrawn, type Drawable } from '../../testing/drawn-causes.ts';
import {
  fateOfHeld,
  type Hold,
  holdableSql,
  holdingSql,
  holdOnly,
  holds,
  ruleSql,
} from '../../testing/holding.ts';
import { openAsKeeper } from '../../testing/keeper.ts';
import { partitionSql } from '../../testing/partition-table.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import type { TaskContext } from '../context.ts';
import type { TaskRow } from '../task-row.ts';
import { previewUndo, undo } from './undo.ts';

/** More by command: `npm run property -- --runs 5000`; a failing run names its seed. */
const runs = Math.ceil(Number(process.env.BULKHEAD_TEST_RUNS ?? 200) / 8);
const fullSize = 100;
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20261121);

const chunkSizes = [1, 3, 8] as const;
const ship = fc.nat({ max: 11 }).map((n) => n + 1);
const held = fc.uniqueArray(fc.tuple(ship, fc.constantFrom(...holds)), {
  maxLength: 4,
  selector: ([id]) => id,
});
const ships = 'torture."ships at sea"';
/** The least number of the second partition, in which a name is there once. */
const secondPart = 5;
const drawables: readonly Drawable[] = [
  ...holds,
  'rule',
  'partitioned table',
  'collation without case',
  'plain unique',
];

const scenario = fc.record({
  /** Cabins of each deck of each ship. */
  fleet: fc.array(fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), { minLength: 12, maxLength: 12 }),
  chosen: fc.uniqueArray(ship, { minLength: 1 }),
  /** Ships of which something may not go. */
  booked: fc.uniqueArray(ship, { maxLength: 3 }),
  /** Ships of which something exists again. */
  again: fc.uniqueArray(ship, { maxLength: 3 }),
  /** Ships held while they are to go, and while they are to come back. */
  held: fc.oneof(fc.constant<[number, Hold][]>([]), held),
  heldBack: fc.oneof(fc.constant<[number, Hold][]>([]), held),
  /** A rule is on their table while this is asked for. */
  ruled: fc.oneof(
    { arbitrary: fc.constant(null), weight: 8 },
    {
      arbitrary: fc.tuple(
        fc.constantFrom('instead' as const, 'besides' as const),
        fc.constantFrom('delete', 'redo'),
      ),
      weight: 1,
    },
  ),
  chunkSize: fc.constantFrom(...chunkSizes),
});

/** Every row, by the ship that it belongs to. */
type Rows = ReadonlyMap<number, readonly string[]>;

test(`deletes, undos and redos of ships with what is on them equal a model in ${runs} runs`, {
  timeout: 7_200_000,
}, async (t) => {
  const { own, contexts } = await setUp(t);
  const drawn = countDrawn(drawables);
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const { fleet, chosen, booked, again, ruled } = given;
      const context = contexts.get(given.chunkSize) as TaskContext;
      await write(own, fleet);
      await book(own, booked);
      const hasCabin = (id: number) => (fleet[id - 1] ?? []).some((count) => count > 0);
      const before = await read(own);
      const undoing = (id: number) =>
        undo(context, ada, id, { operationId: randomUUID(), chosen: null });
      const shipsHeld = new Map(given.held.filter(([id]) => chosen.includes(id)));
      drawn.draw([
        'partitioned table',
        'collation without case',
        ...shipsHeld.values(),
        ...(ruled ? (['rule'] as const) : []),
      ]);

      await hold(own, shipsHeld);
      if (ruled?.[1] === 'delete') {
        await refusedAsRuled(own, ruled[0], () => run(context, chosen));
        assert.deepEqual(await read(own), before);
      }
      const fateOf = (id: number) => {
        const fate = fateIn(shipsHeld, id, 'delete');
        return fate === 'passes' && booked.includes(id) && hasCabin(id) ? 'refused' : fate;
      };
      const gone = chosen.filter((id) => fateOf(id) === 'passes');
      const task = await run(context, chosen);
      const those = (fate: string) => chosen.filter((id) => fateOf(id) === fate).length;
      assert.deepEqual(
        [task.changed, task.failed, task.keptBack],
        [gone.length, those('refused'), those('kept-back')],
      );
      assert.deepEqual(await read(own), without(before, gone));
      if (gone.length === 0) return;

      // A cabin of the same code on a ship that was never chosen, or a ship of the same name but
      // for capitals.
      const taken = gone.filter((id) => again.includes(id) && (hasCabin(id) || id >= secondPart));
      const refused = taken.filter(hasCabin);
      const named = taken.filter((id) => !hasCabin(id));
      await own.query(
        `insert into torture.cabins select n || '/' || level || '/1', 100, 1, 0 from unnest($1::int[], $2::int[]) as taken(n, level)`,
        [refused, refused.map((id) => (fleet[id - 1] ?? []).findIndex((count) => count > 0) + 1)],
      );
      await own.query(
        `insert into ${ships} select 200 + n, upper('Ship ' || n) from unnest($1::int[]) n`,
        [named],
      );
      if (named.length > 0) drawn.draw(['plain unique']);
      const added = new Map([...(await read(own))].filter(([id]) => id >= 100));
      const heldBack = new Map(
        given.heldBack.filter(([id]) => gone.includes(id) && !taken.includes(id)),
      );
      drawn.draw(heldBack.values());
      await hold(own, heldBack);
      const backFate = (id: number) =>
        taken.includes(id) ? 'refused' : fateIn(heldBack, id, 'create');
      const back = gone.filter((id) => backFate(id) === 'passes');
      const left = gone.filter((id) => !back.includes(id));
      const cabinsOf = (of: readonly number[]) =>
        of.flatMap((id) => fleet[id - 1] ?? []).reduce((sum, count) => sum + count, 0);
      const preview = await previewUndo(context, ada, task.id, null);
      // It looks at what is there, and tries nothing.
      const foreseen = gone.filter((id) => !refused.includes(id));
      assert.deepEqual(
        [preview.restored, preview.refused.reduce((sum, { count }) => sum + count, 0)],
        [foreseen.length, refused.length],
      );
      assert.equal(
        preview.cascade.find(({ resource }) => resource.slug === 'cabins')?.count ?? 0,
        cabinsOf(foreseen),
      );
      const undone = await runAtOnce(context, undoing(task.id));
      const keptBack = left.filter((id) => backFate(id) === 'kept-back').length;
      assert.deepEqual(
        [undone.changed, undone.failed, undone.keptBack],
        [back.length, left.length - keptBack, keptBack],
      );
      const restored = new Map([...without(before, left), ...added]);
      assert.deepEqual(await read(own), restored);
      await hold(own, new Map());
      if (back.length === 0) return;

      if (ruled?.[1] === 'redo') {
        await refusedAsRuled(own, ruled[0], () => undoing(undone.id));
        assert.deepEqual(await read(own), restored);
      }
      const redone = await runAtOnce(context, undoing(undone.id));
      assert.equal(redone.changed, back.length);
      assert.deepEqual(await read(own), without(restored, back));
      await runAtOnce(context, undoing(redone.id));
      assert.deepEqual(await read(own), restored);
    }),
    { numRuns: runs, endOnFailure: true, seed },
  );
  t.diagnostic(drawn.inWords());
  if (runs >= fullSize) assert.deepEqual(drawn.never(), [], 'never drawn');
});

/**
 * Ships are of two partitions, of which the second has every name once, capitals or not; each can
 * be held.
 */
async function setUp(t: Parameters<typeof testDatabase>[0]) {
  const database = await testDatabase(t, { content: 'torture' });
  const own = new pg.Client({ connectionString: database.connectionString });
  await own.connect();
  database.defer(() => own.end());
  await own.query(`
    create table torture.booking (cabin text references torture.cabins on delete restrict);
    truncate ${ships} cascade;
    ${partitionSql('torture', 'ships at sea', 'ship no', secondPart)}
    create collation torture.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    alter table ${ships} alter name type text collate torture.any_case;
    alter table torture."ships at sea rest" add constraint name_once unique (name);
    ${holdingSql('torture')}
    ${holdableSql('torture', { table: ships, of: 'Ship', ids: ['ship no'] })}
  `);
  const { db } = await openAsKeeper(database, ['torture', '"Odd-Schema"']);
  const contexts = new Map(
    chunkSizes.map((chunkSize) => [
      chunkSize,
      testContext(db, {}, { chunkSize, minAsyncRecords: 1 }, tortureAdmin),
    ]),
  );
  return { own, contexts };
}

type Held = ReadonlyMap<number, Hold>;

function fateIn(shipsHeld: Held, id: number, written: 'delete' | 'create') {
  const found = shipsHeld.get(id);
  return found ? fateOfHeld(found, written) : 'passes';
}

async function hold(own: pg.Client, shipsHeld: Held): Promise<void> {
  await holdOnly(
    own,
    'torture',
    'Ship',
    [...shipsHeld].map(([id, how]) => [String(id), how] as const),
  );
}

async function refusedAsRuled(
  own: pg.Client,
  kind: 'instead' | 'besides',
  work: () => Promise<unknown>,
): Promise<void> {
  await own.query(ruleSql[kind](ships));
  try {
    await assert.rejects(work, { code: 'rewritten-table' });
  } finally {
    await own.query(ruleSql.none(ships));
  }
}

async function write(own: pg.Client, fleet: readonly (readonly number[])[]): Promise<void> {
  const decks = fleet.flatMap((levels, index) =>
    levels.map((cabins, level) => ({ ship: index + 1, level: level + 1, cabins })),
  );
  await own.query(`delete from torture.held; truncate ${ships}, torture.booking cascade`);
  await own.query(
    `insert into torture."ships at sea" select n, 'Ship ' || n from unnest($1::int[]) n`,
    [[...fleet.map((_, index) => index + 1), 100]],
  );
  await own.query(
    `insert into "Odd-Schema".deck select ship, level, '{ "a":1.0 }' from jsonb_to_recordset($1) as d(ship int, level int)`,
    [JSON.stringify([...decks, { ship: 100, level: 1 }])],
  );
  await own.query(
    `insert into torture.cabins select ship || '/' || level || '/' || n, ship, level, n / 3.0, '\\x00ff'
     from jsonb_to_recordset($1) as d(ship int, level int, cabins int) cross join generate_series(1, cabins) n`,
    [JSON.stringify(decks)],
  );
  await own.query(
    `insert into torture."_CabinToExtra" select code, 1 + level_of % 2 from (select code, "on level" as level_of from torture.cabins) c`,
  );
}

async function book(own: pg.Client, of: readonly number[]): Promise<void> {
  await own.query(
    `insert into torture.booking select min(code) from torture.cabins where "on ship" = any($1) group by "on ship"`,
    [of],
  );
}

async function read(own: pg.Client): Promise<Rows> {
  const { rows } = await own.query<{ ship: number; rows: string[] }>(
    `select ship, array_agg(row order by row) as rows from (
       select "ship no" as ship, s::text as row from torture."ships at sea" s
       union all select "of ship", d::text from "Odd-Schema".deck d
       union all select "on ship", c::text || array(select "B" from torture."_CabinToExtra" where "A" = code)::text from torture.cabins c
     ) every group by ship order by ship`,
  );
  return new Map(rows.map((row) => [row.ship, row.rows]));
}

function without(rows: Rows, of: readonly number[]): Rows {
  return new Map([...rows].filter(([id]) => !of.includes(id)));
}

async function run(context: TaskContext, chosen: readonly number[]): Promise<TaskRow> {
  const keys = chosen.map((id) => String(id).padStart(20, '0'));
  const launching = launchOn(
    context,
    context.registry.get('ships'),
    { keys },
    'delete',
    { acknowledge: 'yes' },
    ada,
    {
      inBackground: true,
    },
  );
  return runAtOnce(context, launching);
}
