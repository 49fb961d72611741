import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import pg from 'pg';
import { ada, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { countDrawn, type Drawable } from '../../testing/drawn-causes.ts';
import { fateOfHeld, type Hold, holdOnly, holds, ruleSql } from '../../testing/holding.ts';
import { keepByColumn } from '../../testing/image-form.ts';
import { openAsKeeper } from '../../testing/keeper.ts';
import { type CityShape, cityShapes, oddCitiesSql } from '../../testing/odd-cities.ts';
import { runAtOnce } from '../../testing/run-at-once.ts';
import type { TaskContext } from '../context.ts';
import { retry } from '../follow-ups/retry.ts';
import { previewUndo, undo } from '../follow-ups/undo.ts';
import type { TaskRow } from '../task-row.ts';

/** More by command: `npm run property -- --runs 5000`; a failing run names its seed. */
const runs = Number(process.env.BULKHEAD_TEST_RUNS ?? 200);
const fullSize = 200;
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
    notes: fc.option(fc.constantFrom('a', 'mine', 'Mine', 'minè', ''), { nil: null }),
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
    .map(
      (value): Edit => ({ field: 'status', body: { 'value.status': value }, apply: () => value }),
    ),
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
  tags: fc
    .tuple(fc.constantFrom('add', 'remove', 'replace'), fc.subarray([1, 2, 3], { minLength: 1 }))
    .map(
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
  .chain(
    (chosen) => fc.tuple(...(chosen as [fc.Arbitrary<Edit>])) as unknown as fc.Arbitrary<Edit[]>,
  );

const max = 16;
const ids = fc.array(fc.boolean(), { minLength: max, maxLength: max });

const chunkSizes = [1, 3, 8, 40] as const;

const held = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: max }), fc.constantFrom(...holds)), {
  maxLength: 8,
  selector: ([id]) => id,
});

const scenario = fc.record({
  shape: fc.constantFrom(...(Object.keys(cityShapes) as CityShape[])),
  places: fc.array(place, { minLength: 6, maxLength: max }),
  selected: ids,
  held,
  /** A rule is on the table while this is asked for. */
  ruled: fc.oneof(
    { arbitrary: fc.constant(null), weight: 12 },
    {
      arbitrary: fc.tuple(
        fc.constantFrom('instead' as const, 'besides' as const),
        fc.constantFrom('launch', 'undo'),
      ),
      weight: 1,
    },
  ),
  edits: someEdits,
  interference: fc.array(
    fc.tuple(fc.integer({ min: 1, max: max }), fc.constantFrom('notes', 'name', 'delete')),
    { maxLength: 6 },
  ),
  chunkSize: fc.constantFrom(...chunkSizes),
});

/** Of these tests; lists and uniques are drawn by those of the changes. */
const drawables: readonly Drawable[] = [
  ...holds,
  'rule',
  'collation without case',
  'collation without accents',
  'partitioned table',
  'inherited table',
];

test(`updating, retrying and undoing equal a model of plain objects in ${runs} runs`, {
  timeout: 7_200_000,
}, async (t) => {
  const sites = await setUp(t);
  const drawn = countDrawn(drawables);
  await fc.assert(
    fc.asyncProperty(scenario, async (given) => {
      const site = sites[given.shape];
      const table: Table = new Map(given.places.map((of, index) => [index + 1, of]));
      await write(site, table);
      const context = site.contexts[given.chunkSize] as TaskContext;
      const chosen = [...table.keys()].filter((id) => given.selected[id - 1]);
      if (chosen.length === 0) return;
      const next = (of: Place): Place => {
        const changed = Object.fromEntries(
          given.edits.map(({ field, apply }) => [field, apply(of[field] as never)]),
        );
        return { ...of, ...changed };
      };
      const inWay = new Map(given.held.filter(([id]) => chosen.includes(id)));
      drawn.draw([
        ...cityShapes[given.shape].is,
        ...inWay.values(),
        ...(given.ruled ? ['rule' as const] : []),
      ]);

      // Update: a held record is left alone, by itself; one that holds the values already is not
      // written.
      const before = new Map(table);
      const made = new Map(
        chosen.map((id) => [id, written(at(before, id), next(at(before, id)), inWay.get(id))]),
      );
      const those = (fate: Fate) => chosen.filter((id) => made.get(id)?.fate === fate);
      await holdOnly(
        site.own,
        'gazetteer',
        'City',
        [...inWay].map(([id, hold]) => [String(id), hold] as const),
      );
      if (given.ruled?.[1] === 'launch')
        await ruled(site, given.ruled[0], table, () => run(context, given.edits, chosen));
      for (const [id, { of }] of made) table.set(id, of);
      const task = await run(context, given.edits, chosen);
      const left = [...those('refused'), ...those('kept-back')];
      assert.deepEqual(
        [task.changed, task.failed, task.keptBack, task.unchanged, task.done],
        [
          those('changed').length,
          those('refused').length,
          those('kept-back').length,
          those('unchanged').length,
          chosen.length,
        ],
      );
      assert.equal(
        task.state,
        left.length === 0 ? 'succeeded' : task.changed > 0 ? 'partial' : 'failed',
      );
      assert.deepEqual(await read(site), table);

      // Retry: only what failed, and once.
      await holdOnly(site.own, 'gazetteer', 'City', []);
      if (left.length > 0) {
        const again = await runAtOnce(
          context,
          retry(context, ada, task.id, { operationId: randomUUID(), code: null }),
        );
        for (const id of left) table.set(id, next(at(table, id)));
        assert.deepEqual(
          [again.state, again.changed, again.done],
          ['succeeded', left.length, left.length],
        );
        assert.deepEqual(await read(site), table);
        await assert.rejects(
          retry(context, ada, task.id, { operationId: randomUUID(), code: null }),
          { code: 'nothing-to-retry' },
        );
      }

      // Undo of the first task: what somebody has edited since is refused, what is gone is gone.
      if (task.changed === 0) return;
      for (const [id, how] of given.interference) await interfere(site, table, id, how);
      const mine = those('changed');
      const fields = given.edits.map(({ field }) => field);
      const holdsThose = (id: number, of: Table) =>
        fields.every((field) => same(at(table, id)[field], at(of, id)[field]));
      const after: Table = new Map(mine.map((id) => [id, made.get(id)?.of as Place]));
      const there = mine.filter((id) => table.has(id));
      const restored = there.filter((id) => holdsThose(id, after));
      const unchanged = there.filter((id) => !restored.includes(id) && holdsThose(id, before));
      const preview = await previewUndo(context, ada, task.id, null);
      const undoing = () =>
        undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
      if (given.ruled?.[1] === 'undo') await ruled(site, given.ruled[0], table, undoing);
      const undone = await runAtOnce(context, undoing());
      for (const id of restored)
        table.set(id, { ...at(table, id), ...pick(at(before, id), fields) });
      const counts = [
        restored.length,
        unchanged.length,
        there.length - restored.length - unchanged.length,
        mine.length - there.length,
      ];
      assert.deepEqual([undone.changed, undone.unchanged, undone.failed, undone.gone], counts);
      assert.deepEqual(
        [
          preview.restored,
          preview.unchanged,
          preview.refused.reduce((sum, { count }) => sum + count, 0),
          preview.gone,
        ],
        counts,
      );
      assert.deepEqual(await read(site), table);

      // And the undo of the undo.
      if (restored.length === 0) return;
      await runAtOnce(
        context,
        undo(context, ada, undone.id, { operationId: randomUUID(), chosen: null }),
      );
      for (const id of restored)
        table.set(id, { ...at(table, id), ...pick(at(after, id), fields) });
      assert.deepEqual(await read(site), table);
    }),
    { numRuns: runs, endOnFailure: true, seed },
  );
  t.diagnostic(drawn.inWords());
  if (runs >= fullSize) assert.deepEqual(drawn.never(), [], 'never drawn');
});

test(`undoing restores a table exactly, byte for byte, after updates and deletes, but what is held back, in ${runs} runs`, {
  timeout: 7_200_000,
}, async (t) => {
  const sites = await setUp(t);
  const drawn = countDrawn(drawables);
  await fc.assert(
    fc.asyncProperty(scenario, fc.boolean(), async (given, isDelete) => {
      const site = sites[given.shape];
      await write(site, new Map(given.places.map((of, index) => [index + 1, of])));
      const context = site.contexts[given.chunkSize] as TaskContext;
      const chosen = given.places
        .map((_, index) => index + 1)
        .filter((id) => given.selected[id - 1]);
      if (chosen.length === 0) return;
      const before = await bytes(site);
      const task = isDelete
        ? await run(context, null, chosen)
        : await run(context, given.edits, chosen);
      const after = await bytes(site);
      const changed = [...before.keys()].filter((id) => before.get(id) !== after.get(id));
      assert.equal(task.changed, changed.length);
      if (task.changed === 0) return;
      const undoing = (id = task.id) =>
        undo(context, ada, id, { operationId: randomUUID(), chosen: null });
      // Which table a record was of, and what it held there only, is not kept.
      if (isDelete && given.shape === 'inherited')
        return assert.rejects(undoing, { code: 'not-undoable' });

      const inWay = new Map(given.held.filter(([id]) => changed.includes(id)));
      drawn.draw([
        ...cityShapes[given.shape].is,
        ...inWay.values(),
        ...(given.ruled ? ['rule' as const] : []),
      ]);
      await holdOnly(
        site.own,
        'gazetteer',
        'City',
        [...inWay].map(([id, hold]) => [String(id), hold] as const),
      );
      const fateOf = (id: number) => fateOfHeldPlace(inWay.get(id), isDelete ? 'create' : 'update');
      const those = (fate: ReturnType<typeof fateOf>) =>
        changed.filter((id) => fateOf(id) === fate);
      const preview = await previewUndo(context, ada, task.id, null);
      const isLinked = !isDelete && given.edits.some(({ field }) => field === 'tags');
      // Of a place whose row alone is put back, the links are free.
      const isClear =
        !isLinked ||
        those('kept-back').every((id) => inWay.get(id) !== 'trigger that puts the old value back');
      const undone = await runAtOnce(context, undoing());
      const left = changed.filter((id) => fateOf(id) !== 'passes');
      if (isClear) {
        const counts = [those('passes').length, those('refused').length, those('kept-back').length];
        assert.deepEqual([undone.changed, undone.failed, undone.keptBack], counts);
        // It looks at values alone, and tries nothing.
        assert.deepEqual([preview.restored, preview.refused], [changed.length, []]);
        const stands = new Map([...before].filter(([id]) => !left.includes(id)));
        for (const id of left) if (after.has(id)) stands.set(id, after.get(id) as string);
        assert.deepEqual(await bytes(site), stands);
      }
      await holdOnly(site.own, 'gazetteer', 'City', []);
      if (left.length > 0) {
        if (undone.failed + undone.keptBack > 0)
          await runAtOnce(
            context,
            retry(context, ada, undone.id, { operationId: randomUUID(), code: null }),
          );
        if (isClear) assert.deepEqual(await bytes(site), before);
        return;
      }
      assert.deepEqual(await bytes(site), before);
      await runAtOnce(context, undoing(undone.id));
      assert.deepEqual(await bytes(site), after);
    }),
    { numRuns: Math.ceil(runs / 2), endOnFailure: true, seed },
  );
  t.diagnostic(drawn.inWords());
  if (runs >= fullSize) assert.deepEqual(drawn.never(), [], 'never drawn');
});

type Fate = 'changed' | 'unchanged' | 'refused' | 'kept-back';

const fateOfHeldPlace = (hold: Hold | undefined, written: 'update' | 'create') =>
  hold ? fateOfHeld(hold, written) : 'passes';

/**
 * What comes of a place that is to be another. Links stand in a table of their own, and are not put
 * back with it.
 */
function written(of: Place, asked: Place, hold: Hold | undefined): { fate: Fate; of: Place } {
  if (same(asked, of)) return { fate: 'unchanged', of };
  const fate = fateOfHeldPlace(hold, 'update');
  if (fate === 'passes') return { fate: 'changed', of: asked };
  const stands = hold === 'trigger that puts the old value back' ? { ...of, tags: asked.tags } : of;
  return same(stands, of) ? { fate, of } : { fate: 'changed', of: stands };
}

/** A database with a table of one shape. */
interface Site {
  shape: CityShape;
  /** A connection of the tests' own, as the tables' owner. */
  own: pg.Client;
  contexts: Record<number, TaskContext>;
}

async function setUp(t: Parameters<typeof testDatabase>[0]): Promise<Record<CityShape, Site>> {
  const sites = Object.keys(cityShapes).map(async (name) => {
    const shape = name as CityShape;
    const database = await testDatabase(t);
    const own = new pg.Client({ connectionString: database.connectionString });
    await own.connect();
    database.defer(() => own.end());
    await own.query(oddCitiesSql(shape));
    await own.query(
      `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}')`,
    );
    await own.query(
      `insert into gazetteer.tag (id, name) values (1, 'port'), (2, 'island'), (3, 'capital')`,
    );
    const { db } = await openAsKeeper(database, ['gazetteer']);
    const contexts = Object.fromEntries(
      chunkSizes.map((chunkSize) => [chunkSize, testContext(db, {}, { chunkSize })]),
    );
    return [shape, { shape, own, contexts }] as const;
  });
  return Object.fromEntries(await Promise.all(sites)) as Record<CityShape, Site>;
}

/** Every other place is of the table that inherits, where there is one. */
async function write({ shape, own, contexts }: Site, table: Table): Promise<void> {
  const { db } = contexts[1] as TaskContext;
  const { t } = db;
  await keepByColumn(db, table.size % 2 === 0);
  await own.query(
    `delete from gazetteer.held; truncate gazetteer."_CityToTag"; delete from gazetteer.city; truncate ${t.change}, ${t.chunk}`,
  );
  const [heir] = cityShapes[shape].heirs;
  const all = [...table].map(([id, of]) => ({ id, ...of }));
  for (const [target, rows] of heir
    ? ([
        ['gazetteer.city', all.filter(({ id }) => id % 2 === 1)],
        [heir, all.filter(({ id }) => id % 2 === 0)],
      ] as const)
    : ([['gazetteer.city', all]] as const)) {
    await own.query(
      `insert into ${target} (id, name, country_code, feature_code, population, latitude, longitude, status, notes, rating)
       select (p ->> 'id')::int, 'Place ' || (p ->> 'id'), 'ESP', 'PPL', 1, 0, 0, (p ->> 'status')::gazetteer.city_status, p ->> 'notes', (p ->> 'rating')::numeric
       from jsonb_array_elements($1::jsonb) p`,
      [JSON.stringify(rows)],
    );
  }
  const links = [...table].flatMap(([id, { tags }]) => tags.map((tag) => [id, tag]));
  await own.query(
    `insert into gazetteer."_CityToTag" ("A", "B") select (l ->> 0)::int, (l ->> 1)::int from jsonb_array_elements($1::jsonb) l`,
    [JSON.stringify(links)],
  );
}

/** A table with a rule is refused as a whole, and is as it was. */
async function ruled(
  site: Site,
  kind: 'instead' | 'besides',
  table: Table,
  work: () => Promise<unknown>,
): Promise<void> {
  await site.own.query(ruleSql[kind]('gazetteer.city'));
  try {
    await assert.rejects(work, { code: 'rewritten-table' });
  } finally {
    await site.own.query(ruleSql.none('gazetteer.city'));
  }
  assert.deepEqual(await read(site), table);
}

async function read({ own }: Site): Promise<Table> {
  const { rows } = await own.query<Place & { id: number }>(
    `select id, status, notes, rating::float8 as rating, array(select "B" from gazetteer."_CityToTag" where "A" = city.id order by 1) as tags
     from gazetteer.city order by id`,
  );
  return new Map(rows.map(({ id, ...of }) => [id, of]));
}

/** Every byte of each place, with what it is linked to and the table that it is of. */
async function bytes({ own }: Site): Promise<Map<number, string>> {
  const { rows } = await own.query<{ id: number; row: string }>(
    `select id, (city.tableoid::regclass, city, array(select "B" from gazetteer."_CityToTag" where "A" = city.id order by 1))::text as row
     from gazetteer.city order by id`,
  );
  return new Map(rows.map(({ id, row }) => [id, row]));
}

async function interfere({ own }: Site, table: Table, id: number, how: string): Promise<void> {
  const of = table.get(id);
  if (!of) return;
  if (how === 'delete') {
    table.delete(id);
    await own.query('delete from gazetteer.city where id = $1', [id]);
  } else if (how === 'notes') {
    table.set(id, { ...of, notes: 'theirs' });
    await own.query(
      `update gazetteer.city set notes = 'theirs', updated_at = now() where id = $1`,
      [id],
    );
  } else
    await own.query(
      `update gazetteer.city set name = 'Renamed', updated_at = now() where id = $1`,
      [id],
    );
}

async function run(
  context: TaskContext,
  changes: readonly Edit[] | null,
  chosen: readonly number[],
): Promise<TaskRow> {
  const body = changes
    ? Object.assign(
        { field: changes.map(({ field }) => field) },
        ...changes.map(({ body: own }) => own),
      )
    : { acknowledge: 'yes' };
  const keys = chosen.map((id) => String(id).padStart(20, '0'));
  const launching = launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'ticked', keys },
    changes ? 'update' : 'delete',
    body,
    ada,
    {
      inBackground: true,
    },
  );
  return runAtOnce(context, launching);
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
