import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Database } from '../db/database.ts';
import { ada, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { runAtOnce } from '../testing/run-at-once.ts';
import type { TaskContext } from './context.ts';
import { retry } from './follow-up.ts';
import type { TaskRow } from './task-row.ts';
import { previewUndo, undo } from './undo.ts';

/** More by command: `npm run property -- --runs 5000`; a failing run names its seed. */
const runs = Number(process.env.BULKHEAD_TEST_RUNS ?? 200);
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20261121);

interface Place {
  status: string;
  notes: string | null;
  rating: number | null;
  tags: readonly number[];
}
type Table = Map<number, Place>;

const place = fc.record(
  {
    status: fc.constantFrom('draft', 'published'),
    notes: fc.option(fc.constantFrom('a', 'mine', ''), { nil: null }),
    rating: fc.option(fc.integer({ min: 0, max: 5 }), { nil: null }),
    tags: fc.subarray([1, 2, 3]),
  },
  { noNullPrototype: true },
);

/** A change as the form says it, and what it makes of a place. */
interface Edit {
  field: keyof Place;
  body: Record<string, string | string[]>;
  apply(value: never): unknown;
}

const edits = {
  status: fc
    .constantFrom('draft', 'published', 'archived')
    .map((value): Edit => ({ field: 'status', body: { 'value.status': value }, apply: () => value })),
  notes: fc.constantFrom<Edit>(
    { field: 'notes', body: { 'value.notes': 'mine' }, apply: () => 'mine' },
    { field: 'notes', body: { 'change.notes': 'clear' }, apply: () => null },
    {
      field: 'notes',
      body: { 'change.notes': 'append', 'value.notes': '+' },
      apply: (value: string | null) => (value === null ? null : `${value}+`),
    },
  ),
  rating: fc.constantFrom<Edit>(
    { field: 'rating', body: { 'value.rating': '3' }, apply: () => 3 },
    {
      field: 'rating',
      body: { 'change.rating': 'increase', 'value.rating': '2' },
      apply: (value: number | null) => (value === null ? null : value + 2),
    },
  ),
  tags: fc.tuple(fc.constantFrom('add', 'remove', 'replace'), fc.subarray([1, 2, 3], { minLength: 1 })).map(
    ([change, given]): Edit => ({
      field: 'tags',
      body: { 'change.tags': change, 'value.tags': given.map(String) },
      apply: (tags: readonly number[]) =>
        [1, 2, 3].filter((tag) =>
          change === 'replace'
            ? given.includes(tag)
            : change === 'add'
              ? tags.includes(tag) || given.includes(tag)
              : tags.includes(tag) && !given.includes(tag),
        ),
    }),
  ),
};

const someEdits = fc
  .subarray(Object.values(edits), { minLength: 1 })
  .chain((chosen) => fc.tuple(...(chosen as [fc.Arbitrary<Edit>])) as unknown as fc.Arbitrary<Edit[]>);

const ids = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });

const chunkSizes = [1, 3, 8, 40] as const;

const scenario = fc.record({
  places: fc.array(place, { minLength: 25, maxLength: 60 }),
  selected: ids,
  refused: fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 5 }),
  edits: someEdits,
  interference: fc.array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.constantFrom('notes', 'name', 'delete')), { maxLength: 6 }),
  chunkSize: fc.constantFrom(...chunkSizes),
});

test(`updating, retrying and undoing equal a model of plain objects in ${runs} runs`, async (t) => {
  const { db, contexts } = await setUp(t);
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const table: Table = new Map(given.places.map((of, index) => [index + 1, of]));
      await write(db, table);
      const ctx = contexts[given.chunkSize] as TaskContext;
      const chosen = [...table.keys()].filter((id) => given.selected[id - 1]);
      if (chosen.length === 0) return;
      const next = (of: Place): Place => {
        const changed = Object.fromEntries(given.edits.map(({ field, apply }) => [field, apply(of[field] as never)]));
        return { ...of, ...changed };
      };

      // Update: a refused record fails alone; one that holds the values already is not written.
      await refuse(db, given.refused);
      const before = new Map(table);
      const wouldChange = chosen.filter((id) => !same(next(at(table, id)), at(table, id)));
      const failed = wouldChange.filter((id) => given.refused.includes(id));
      for (const id of wouldChange) if (!failed.includes(id)) table.set(id, next(at(table, id)));
      const task = await run(ctx, given.edits, chosen);
      assert.deepEqual(
        [task.changed, task.failed, task.unchanged, task.done],
        [wouldChange.length - failed.length, failed.length, chosen.length - wouldChange.length, chosen.length],
      );
      assert.equal(task.state, failed.length === 0 ? 'succeeded' : task.changed > 0 ? 'partial' : 'failed');
      assert.deepEqual(await read(db), table);

      // Retry: only what failed, and once.
      await refuse(db, []);
      if (failed.length > 0) {
        const again = await runAtOnce(ctx, retry(ctx, ada, task.id, { operationId: randomUUID(), code: null }));
        for (const id of failed) table.set(id, next(at(table, id)));
        assert.deepEqual([again.state, again.changed, again.done], ['succeeded', failed.length, failed.length]);
        assert.deepEqual(await read(db), table);
        await assert.rejects(retry(ctx, ada, task.id, { operationId: randomUUID(), code: null }), { code: 'nothing-to-retry' });
      }

      // Undo of the first task: what somebody has edited since is refused, what is gone is gone.
      if (task.changed === 0) return;
      for (const [id, how] of given.interference) await interfere(db, table, id, how);
      const mine = wouldChange.filter((id) => !failed.includes(id));
      const fields = given.edits.map(({ field }) => field);
      const holds = (id: number, of: Table) => fields.every((field) => same(at(table, id)[field], at(of, id)[field]));
      const after: Table = new Map(mine.map((id) => [id, next(at(before, id))]));
      const there = mine.filter((id) => table.has(id));
      const restored = there.filter((id) => holds(id, after));
      const unchanged = there.filter((id) => !restored.includes(id) && holds(id, before));
      const preview = await previewUndo(ctx, ada, task.id, null);
      const undone = await runAtOnce(ctx, undo(ctx, ada, task.id, { operationId: randomUUID(), chosen: null }));
      for (const id of restored) table.set(id, { ...at(table, id), ...pick(at(before, id), fields) });
      const counts = [restored.length, unchanged.length, there.length - restored.length - unchanged.length, mine.length - there.length];
      assert.deepEqual([undone.changed, undone.unchanged, undone.failed, undone.gone], counts);
      assert.deepEqual(
        [preview.restored, preview.unchanged, preview.refused.reduce((sum, { count }) => sum + count, 0), preview.gone],
        counts,
      );
      assert.deepEqual(await read(db), table);

      // And the undo of the undo.
      if (restored.length === 0) return;
      await runAtOnce(ctx, undo(ctx, ada, undone.id, { operationId: randomUUID(), chosen: null }));
      for (const id of restored) table.set(id, { ...at(table, id), ...pick(at(after, id), fields) });
      assert.deepEqual(await read(db), table);
    }),
    { numRuns: runs, endOnFailure: true, seed },
  );
});

test(`undoing restores a table exactly, byte for byte, after updates and deletes, in ${runs} runs`, async (t) => {
  const { db, contexts } = await setUp(t);
  await fc.assert(
    fc.asyncProperty(scenario, fc.boolean(), async (given, isDelete) => {
      await write(db, new Map(given.places.map((of, index) => [index + 1, of])));
      const ctx = contexts[given.chunkSize] as TaskContext;
      const chosen = given.places.map((_, index) => index + 1).filter((id) => given.selected[id - 1]);
      if (chosen.length === 0) return;
      const before = await bytes(db);
      const task = isDelete ? await run(ctx, null, chosen) : await run(ctx, given.edits, chosen);
      if (task.changed === 0) return;
      const after = await bytes(db);
      const undone = await runAtOnce(ctx, undo(ctx, ada, task.id, { operationId: randomUUID(), chosen: null }));
      assert.deepEqual(await bytes(db), before);
      await runAtOnce(ctx, undo(ctx, ada, undone.id, { operationId: randomUUID(), chosen: null }));
      assert.deepEqual(await bytes(db), after);
    }),
    { numRuns: Math.ceil(runs / 2), endOnFailure: true, seed },
  );
});

async function setUp(t: Parameters<typeof testDatabase>[0]): Promise<{ db: Database; contexts: Record<number, TaskContext> }> {
  const { db } = await testDatabase(t);
  await db.pages.query(`
    insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}');
    insert into gazetteer.tag (id, name) values (1, 'port'), (2, 'island'), (3, 'capital');
    create table gazetteer.refused (id int primary key);
    create function gazetteer.refuse() returns trigger language plpgsql as $$
      begin
        if exists (select 1 from gazetteer.refused where id = new.id) then raise exception 'refused'; end if;
        return new;
      end $$;
    create trigger refuse before update on gazetteer.city for each row execute function gazetteer.refuse();
  `);
  return { db, contexts: Object.fromEntries(chunkSizes.map((chunkSize) => [chunkSize, testContext(db, {}, { chunkSize })])) };
}

async function write({ pages, t }: Database, table: Table): Promise<void> {
  await pages.query(
    `truncate gazetteer.refused; truncate gazetteer."_CityToTag"; delete from gazetteer.city; truncate ${t.change}, ${t.chunk}`,
  );
  await pages.query(
    `insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude, status, notes, rating)
     select (p ->> 'id')::int, 'Place ' || (p ->> 'id'), 'ESP', 'PPL', 1, 0, 0, (p ->> 'status')::gazetteer.city_status, p ->> 'notes', (p ->> 'rating')::numeric
     from jsonb_array_elements($1::jsonb) p`,
    [JSON.stringify([...table].map(([id, of]) => ({ id, ...of })))],
  );
  const links = [...table].flatMap(([id, { tags }]) => tags.map((tag) => [id, tag]));
  await pages.query(
    `insert into gazetteer."_CityToTag" ("A", "B") select (l ->> 0)::int, (l ->> 1)::int from jsonb_array_elements($1::jsonb) l`,
    [JSON.stringify(links)],
  );
}

async function read({ pages }: Database): Promise<Table> {
  const { rows } = await pages.query<Place & { id: number }>(
    `select id, status, notes, rating::float8 as rating, array(select "B" from gazetteer."_CityToTag" where "A" = city.id order by 1) as tags
     from gazetteer.city order by id`,
  );
  return new Map(rows.map(({ id, ...of }) => [id, of]));
}

async function bytes({ pages }: Database): Promise<unknown> {
  const { rows } = await pages.query(
    `select city::text as row, array(select "B" from gazetteer."_CityToTag" where "A" = city.id order by 1) as tags from gazetteer.city order by id`,
  );
  return rows;
}

async function refuse({ pages }: Database, refused: readonly number[]): Promise<void> {
  await pages.query('truncate gazetteer.refused');
  await pages.query('insert into gazetteer.refused select distinct unnest($1::int[])', [refused]);
}

async function interfere({ pages }: Database, table: Table, id: number, how: string): Promise<void> {
  const of = table.get(id);
  if (!of) return;
  if (how === 'delete') {
    table.delete(id);
    await pages.query('delete from gazetteer.city where id = $1', [id]);
  } else if (how === 'notes') {
    table.set(id, { ...of, notes: 'theirs' });
    await pages.query(`update gazetteer.city set notes = 'theirs', updated_at = now() where id = $1`, [id]);
  } else await pages.query(`update gazetteer.city set name = 'Renamed', updated_at = now() where id = $1`, [id]);
}

async function run(ctx: TaskContext, changes: readonly Edit[] | null, chosen: readonly number[]): Promise<TaskRow> {
  const body = changes
    ? Object.assign({ field: changes.map(({ field }) => field) }, ...changes.map(({ body: own }) => own))
    : { acknowledge: 'yes' };
  const keys = chosen.map((id) => String(id).padStart(20, '0'));
  const launching = launchOn(ctx, ctx.register.get('cities'), { kind: 'ticked', keys }, changes ? 'update' : 'delete', body, ada, {
    inBackground: true,
  });
  return runAtOnce(ctx, launching);
}

function at(table: Table, id: number): Place {
  return table.get(id) as Place;
}

function pick(of: Place, fields: readonly (keyof Place)[]): Partial<Place> {
  return Object.fromEntries(fields.map((field) => [field, of[field]]));
}

function same(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}
