import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError, defineResource, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { createSelection } from '../../selection/selection.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { lookAhead } from '../previewing/look-ahead.ts';
import { createPreview } from '../previewing/preview.ts';
import { startWorker } from '../worker/worker.ts';

const ways: Readonly<Record<string, TypedResourceOptions<typeof metadata, 'City'>>> = {
  sql: {},
  hooks: { hooks: { beforeSave: () => undefined } },
  client: { writeThrough: 'client' },
};

const constraints: Readonly<Record<string, string>> = {
  plain: 'alter table gazetteer.city add constraint place_once unique (country_code, population)',
  deferrable:
    'alter table gazetteer.city add constraint place_once unique (country_code, population) deferrable',
  deferred:
    'alter table gazetteer.city add constraint place_once unique (country_code, population) deferrable initially deferred',
  partial:
    'create unique index place_once on gazetteer.city (country_code, population) where population is not null',
  'of an expression': 'create unique index place_once on gazetteer.city ((population + 0))',
  excluding:
    'alter table gazetteer.city add constraint place_once exclude using btree (population with =) deferrable',
};

/**
 * Places 1 to 40 with populations 1 to 40; those of `keys` are changed. Each by what it says, or
 * `null`: refused as a whole.
 */
const cases: readonly {
  name: string;
  keys: number[];
  by: string;
  change?: string;
  fates: { changed: number; failed: number } | null;
}[] = [
  { name: '+1 on all', keys: range(1, 40), by: '1', fates: null },
  { name: '-1 on all', keys: range(1, 40), by: '-1', fates: null },
  { name: '+1 on two that meet, among others that do not', keys: [3, 4, 20], by: '1', fates: null },
  {
    name: '+40 on all: nobody is in the way',
    keys: range(1, 40),
    by: '40',
    fates: { changed: 40, failed: 0 },
  },
  {
    name: '+1 on every other: each meets one that stays',
    keys: [1, 3, 5],
    by: '1',
    fates: { changed: 0, failed: 3 },
  },
  { name: '+1 on the last', keys: [40], by: '1', fates: { changed: 1, failed: 0 } },
  {
    name: '+30 on some: those that meet one that stays are refused',
    keys: [5, 10, 15, 20],
    by: '30',
    fates: { changed: 2, failed: 2 },
  },
  {
    name: 'all to one that is free: the first has it',
    keys: [5, 6, 7],
    change: 'set',
    by: '99',
    fates: { changed: 1, failed: 2 },
  },
  {
    name: '+2147483640: there is no room for some',
    keys: range(1, 10),
    by: '2147483640',
    fates: { changed: 7, failed: 3 },
  },
];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

for (const [kind, sql] of Object.entries(constraints)) {
  test(`what moves onto what others of the selection have is refused as a whole, alike in preview and task, where the constraint is ${kind}`, async (t) => {
    const { db, connectionString, defer } = await testDatabase(t);
    await insertPlaces(db, 40);
    const reset = async () => {
      await db.pages.query(
        'alter table gazetteer.city drop constraint if exists place_once; drop index if exists gazetteer.place_once',
      );
      await db.pages.query('update gazetteer.city set population = id');
      await db.pages.query(sql);
    };
    const isIndex = sql.startsWith('create');
    for (const [way, options] of Object.entries(isIndex ? { sql: ways.sql ?? {} } : ways)) {
      const resources = [defineResource(metadata, 'City', options), ...sample.resources.slice(1)];
      const context = testContext(
        db,
        {},
        { minAsyncRecords: 1_000, chunkSize: 7 },
        { ...sample, schedules: [], resources },
      );
      const worker = await startWorker(context, { connectionString, concurrency: 1 });
      defer(() => worker.stop());
      const cities = context.registry.get('cities');
      for (const { name, keys: ids, by, change = 'increase', fates } of cases) {
        const how = `${name}, by ${way}`;
        await reset();
        const keys = ids.map((id) => keyOf(cities.model, { id }));
        const changes = [{ field: 'population', change, value: by }];
        const { id: selectionId } = await createSelection(db, ada, cities, {
          kind: 'ticked',
          filter: '',
          keys,
          exclusions: [],
        });
        const previewing = createPreview(context, {
          resource: cities,
          principal: ada,
          operation: 'update',
          selectionId,
          parameters: { changes },
        }).then((preview) => lookAhead(context, { resource: cities, principal: ada, preview }));
        const populations = async () =>
          (
            await db.pages.query<{ p: number }>(
              'select population as p from gazetteer.city order by id',
            )
          ).rows.map(({ p }) => p);
        const body = { field: 'population', 'change.population': change, 'value.population': by };
        const launch = (inBackground: boolean) =>
          launchOn(context, cities, { keys }, 'update', body, ada, { inBackground });
        const isRefused = { code: 'moves-onto', status: 422 };
        if (fates === null) {
          await assert.rejects(previewing, isRefused, `preview of ${how}`);
          await assert.rejects(launch(false), isRefused, `${how}, inline`);
          const task = await finished(db, (await launch(true)).task.id);
          assert.deepEqual(
            [task.state, task.reason, task.changed, task.done],
            ['failed', 'moves-onto', 0, 0],
            how,
          );
          assert.match(task.message ?? '', /“place_once” allows it once.*none was changed/);
          assert.deepEqual(await populations(), range(1, 40), how);
          continue;
        }
        const { findings } = await previewing;
        const failed = findings?.refused.reduce((sum, { count }) => sum + count, 0);
        assert.deepEqual({ changed: findings?.changed, failed }, fates, `preview of ${how}`);
        const task = await finished(db, (await launch(true)).task.id);
        assert.deepEqual({ changed: task.changed, failed: task.failed }, fates, how);
        await reset();
        const inline = launch(false).catch((error) => {
          if (!(error instanceof AppError) || error.code !== 'refused') throw error;
          return null;
        });
        assert.equal(
          (await inline)?.task.changed ?? 0,
          fates.failed > 0 ? 0 : fates.changed,
          `${how}, inline`,
        );
      }
      await worker.stop();
    }
  });
}

test('a date that cannot be that late is refused alone, also where dates are unique', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, { minAsyncRecords: 1_000 });
  await insertPlaces(db, 3);
  await db.pages.query(`update gazetteer.city set reviewed_at = case id when 1 then '294000-01-01'::timestamptz else '2020-01-01'::timestamptz + id * interval '1 day' end;
    create unique index reviewed_once on gazetteer.city (reviewed_at)`);
  const cities = context.registry.get('cities');
  const keys = range(1, 3).map((id) => keyOf(cities.model, { id }));
  const body = {
    field: 'reviewedAt',
    'change.reviewedAt': 'shift',
    'value.reviewedAt': '1000',
    'unit.reviewedAt': 'years',
  };
  await assert.rejects(launchOn(context, cities, { keys }, 'update', body), (error: AppError) => {
    const { failures = [] } = error.details;
    assert.deepEqual(
      failures.map(({ key, code }) => [Number(key), code]),
      [[1, '22008']],
    );
    return true;
  });
});

test('names are compared as their constraint compares them, whatever made the new ones', async (t) => {
  const { db } = await testDatabase(t);
  await insertPlaces(db, 4);
  await db.pages.query(`
    create collation gazetteer.loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
    update gazetteer.city set name = (array['a', 'xÀ', 'b', 'XB'])[id];
    alter table gazetteer.city alter name type text collate gazetteer.loose, add constraint name_once unique (name);
    create unique index on gazetteer.city (lower(name collate "C"));
  `);
  const resources = [
    defineResource(metadata, 'City', { bulk: { fields: ['name'] } }),
    ...sample.resources.slice(1),
  ];
  const context = testContext(
    db,
    {},
    { minAsyncRecords: 1_000 },
    { ...sample, schedules: [], resources },
  );
  const cities = context.registry.get('cities');
  const edit = (ids: readonly number[], body: Record<string, string>) =>
    launchOn(context, cities, { keys: ids.map((id) => keyOf(cities.model, { id })) }, 'update', {
      field: 'name',
      ...body,
    });
  const names = async () =>
    (
      await db.pages.query<{ name: string }>('select name from gazetteer.city order by id')
    ).rows.map(({ name }) => name);
  const before = await names();
  const prepend = { 'change.name': 'prepend', 'value.name': 'x' };
  const replace = { 'change.name': 'find-replace', 'find.name': 'a', 'with.name': 'XB' };
  const pattern = { 'change.name': 'find-replace-pattern', 'find.name': '^', 'with.name': 'x' };
  for (const body of [prepend, pattern])
    await assert.rejects(edit([1, 2], body), { code: 'moves-onto' });
  // One stays, so the other is refused alone.
  await assert.rejects(edit([1], prepend), { code: 'refused' });
  await assert.rejects(edit([1, 3], replace), { code: 'refused' });
  assert.deepEqual(await names(), before);
  const { task } = await edit([1, 2, 3, 4], { 'change.name': 'letter-case', 'case.name': 'upper' });
  assert.deepEqual([task.state, await names()], ['succeeded', ['A', 'XÀ', 'B', 'XB']]);
});
