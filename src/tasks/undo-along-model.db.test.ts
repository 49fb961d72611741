import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Database } from '../db/database.ts';
import { ada, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { runAtOnce } from '../testing/run-at-once.ts';
import { tortureAdmin } from '../testing/torture.ts';
import type { TaskContext } from './context.ts';
import type { TaskRow } from './task-row.ts';
import { previewUndo, undo } from './undo.ts';

/** More by command: `npm run property -- --runs 5000`; a failing run names its seed. */
const runs = Math.ceil(Number(process.env.BULKHEAD_TEST_RUNS ?? 200) / 8);
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20261121);

const chunkSizes = [1, 3, 8] as const;
const ship = fc.nat({ max: 11 }).map((n) => n + 1);

const scenario = fc.record({
  /** Cabins of each deck of each ship. */
  fleet: fc.array(fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), { minLength: 12, maxLength: 12 }),
  chosen: fc.uniqueArray(ship, { minLength: 1 }),
  /** Ships of which something may not go. */
  booked: fc.uniqueArray(ship, { maxLength: 3 }),
  /** Ships of which something exists again. */
  again: fc.uniqueArray(ship, { maxLength: 3 }),
  chunkSize: fc.constantFrom(...chunkSizes),
});

/** Every row, by the ship that it belongs to. */
type Rows = ReadonlyMap<number, readonly string[]>;

test(`deletes, undos and redos of ships with what is on them equal a model in ${runs} runs`, async (t) => {
  const { db } = await testDatabase(t, { content: 'torture' });
  await db.pages.query('create table torture.booking (cabin text references torture.cabins on delete restrict)');
  const contexts = new Map(
    chunkSizes.map((chunkSize) => [chunkSize, testContext(db, {}, { chunkSize, minAsyncRecords: 1 }, tortureAdmin)]),
  );
  await fc.assert(
    fc.asyncProperty(scenario, async ({ fleet, chosen, booked, again, chunkSize }) => {
      const ctx = contexts.get(chunkSize) as TaskContext;
      await write(db, fleet);
      await book(db, booked);
      const hasCabin = (id: number) => (fleet[id - 1] ?? []).some((count) => count > 0);
      const before = await read(db);

      const stuck = chosen.filter((id) => booked.includes(id) && hasCabin(id));
      const gone = chosen.filter((id) => !stuck.includes(id));
      const task = await run(ctx, chosen);
      assert.deepEqual([task.changed, task.failed], [gone.length, stuck.length]);
      assert.deepEqual(await read(db), without(before, gone));
      if (gone.length === 0) return;

      // A cabin of the same code on a ship that was never chosen.
      const refused = gone.filter((id) => again.includes(id) && hasCabin(id));
      await db.pages.query(
        `insert into torture.cabins select n || '/' || level || '/1', 100, 1, 0 from unnest($1::int[], $2::int[]) as taken(n, level)`,
        [refused, refused.map((id) => (fleet[id - 1] ?? []).findIndex((count) => count > 0) + 1)],
      );
      const other = (await read(db)).get(100) ?? [];
      const back = gone.filter((id) => !refused.includes(id));
      const preview = await previewUndo(ctx, ada, task.id, null);
      const cabins = back.flatMap((id) => fleet[id - 1] ?? []).reduce((sum, count) => sum + count, 0);
      assert.deepEqual([preview.restored, preview.refused.reduce((sum, { count }) => sum + count, 0)], [back.length, refused.length]);
      assert.equal(preview.along.find(({ resource }) => resource.slug === 'cabins')?.count ?? 0, cabins);
      const undone = await runAtOnce(ctx, undo(ctx, ada, task.id, { operationId: randomUUID(), chosen: null }));
      assert.deepEqual([undone.changed, undone.failed], [back.length, refused.length]);
      const restored = new Map([...without(before, refused), [100, other] as const]);
      assert.deepEqual(await read(db), restored);
      if (back.length === 0) return;

      const redone = await runAtOnce(ctx, undo(ctx, ada, undone.id, { operationId: randomUUID(), chosen: null }));
      assert.equal(redone.changed, back.length);
      assert.deepEqual(await read(db), without(restored, back));
      await runAtOnce(ctx, undo(ctx, ada, redone.id, { operationId: randomUUID(), chosen: null }));
      assert.deepEqual(await read(db), restored);
    }),
    { numRuns: runs, endOnFailure: true, seed },
  );
});

async function write({ pages }: Database, fleet: readonly (readonly number[])[]): Promise<void> {
  const decks = fleet.flatMap((levels, index) => levels.map((cabins, level) => ({ ship: index + 1, level: level + 1, cabins })));
  await pages.query('truncate torture."ships at sea", torture.booking cascade');
  await pages.query(`insert into torture."ships at sea" select n, 'Ship ' || n from unnest($1::int[]) n`, [
    [...fleet.map((_, index) => index + 1), 100],
  ]);
  await pages.query(
    `insert into "Odd-Schema".deck select ship, level, '{ "a":1.0 }' from jsonb_to_recordset($1) as d(ship int, level int)`,
    [JSON.stringify([...decks, { ship: 100, level: 1 }])],
  );
  await pages.query(
    `insert into torture.cabins select ship || '/' || level || '/' || n, ship, level, n / 3.0, '\\x00ff'
     from jsonb_to_recordset($1) as d(ship int, level int, cabins int) cross join generate_series(1, cabins) n`,
    [JSON.stringify(decks)],
  );
  await pages.query(
    `insert into torture."_CabinToExtra" select code, 1 + level_of % 2 from (select code, "on level" as level_of from torture.cabins) c`,
  );
}

async function book({ pages }: Database, ships: readonly number[]): Promise<void> {
  await pages.query(`insert into torture.booking select min(code) from torture.cabins where "on ship" = any($1) group by "on ship"`, [
    ships,
  ]);
}

async function read({ pages }: Database): Promise<Rows> {
  const { rows } = await pages.query<{ ship: number; rows: string[] }>(
    `select ship, array_agg(row order by row) as rows from (
       select "ship no" as ship, s::text as row from torture."ships at sea" s
       union all select "of ship", d::text from "Odd-Schema".deck d
       union all select "on ship", c::text || array(select "B" from torture."_CabinToExtra" where "A" = code)::text from torture.cabins c
     ) every group by ship order by ship`,
  );
  return new Map(rows.map((row) => [row.ship, row.rows]));
}

function without(rows: Rows, ships: readonly number[]): Rows {
  return new Map([...rows].filter(([id]) => !ships.includes(id)));
}

async function run(ctx: TaskContext, chosen: readonly number[]): Promise<TaskRow> {
  const keys = chosen.map((id) => String(id).padStart(20, '0'));
  const launching = launchOn(ctx, ctx.register.get('ships'), { keys }, 'delete', { acknowledge: 'yes' }, ada, { inBackground: true });
  return runAtOnce(ctx, launching);
}
