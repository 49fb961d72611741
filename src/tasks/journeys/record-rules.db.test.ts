import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import { PrismaClient } from '../../../generated/sample/client.ts';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError, defineResource, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { ada, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { undo } from '../follow-ups/undo.ts';
import type { TaskRow } from '../task-row.ts';
import { startWorker } from '../worker/worker.ts';

type Options = TypedResourceOptions<typeof metadata, 'City'>;

interface SetUp {
  records?: number;
  createClient?: typeof sample.createClient;
}

async function setUp(
  t: TestContext,
  options: Options,
  { records = 30, createClient = sample.createClient }: SetUp = {},
) {
  const { db, connectionString, defer } = await testDatabase(t);
  const admin = {
    resources: [defineResource(metadata, 'City', options), ...sample.resources.slice(1)],
    createClient,
  };
  const logLines: unknown[] = [];
  const context = {
    ...testContext(db, {}, {}, admin),
    log: (...line: unknown[]) => void logLines.push(...line),
  };
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(`insert into gazetteer.tag (name) values ('port'), ('island')`);
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude, rating)
     select 'Place ' || n, 'ESP', 'PPL', n, 40.12345, -3, 4.5 from generate_series(1, $1::int) n`,
    [records],
  );
  const resource = context.registry.get('cities');
  let hasWorker = false;
  return {
    db,
    logLines,
    context,
    resource,
    /** Launches on the first `count` places and waits for the end. */
    async run(operation: 'update' | 'delete', body: Record<string, unknown>, count = records) {
      const keys = Array.from({ length: count }, (_, index) =>
        keyOf(resource.model, { id: index + 1 }),
      );
      const { task } = await launchOn(context, resource, { keys }, operation, body);
      if (task.finishedAt) return task;
      if (!hasWorker) {
        const worker = await startWorker(context, { connectionString, concurrency: 2 });
        defer(() => worker.stop());
        hasWorker = true;
      }
      return finished(db, task.id);
    },
    async undone(task: TaskRow) {
      const undoing = await undo(context, ada, task.id, {
        operationId: randomUUID(),
        chosen: null,
      });
      return finished(db, undoing.task.id);
    },
    cities: async (where = 'true') =>
      (await db.pages.query(`select * from gazetteer.city where ${where} order by id`)).rows,
    count: async (table: string) =>
      Number((await db.pages.query(`select count(*) from ${table}`)).rows[0].count),
    failures: async () =>
      (
        await db.pages.query(
          `select code, field, message, keys from ${db.t.task_failure} order by code, message`,
        )
      ).rows.map((row) => ({
        ...row,
        keys: row.keys.map((key: string) => Number(key)),
      })),
    changes: async () =>
      (
        await db.pages.query(
          `select kind, task_id, fields, keys, before, after from ${db.t.change} order by id`,
        )
      ).rows as {
        kind: string;
        fields: string[];
        keys: string[];
        before: Record<string, unknown>[];
        after: Record<string, unknown>[];
      }[],
  };
}

const publish = { field: 'status', 'value.status': 'published' };
const counts = (task: TaskRow) => [
  task.state,
  task.changed,
  task.unchanged,
  task.failed,
  task.gone,
];

test('what validate refuses fails alone, with field and message', async (t) => {
  const { run, cities, failures, changes } = await setUp(t, {
    validate(city, { before, fields }) {
      assert.deepEqual([city.status, before?.status, fields], ['published', 'draft', ['status']]);
      if (city.population % 10 === 0) return { population: 'Round numbers are guesses.' };
      return city.id === 7 ? 'Place 7 is special.' : null;
    },
  });
  assert.deepEqual(counts(await run('update', publish)), ['partial', 26, 0, 4, 0]);
  assert.equal((await cities(`status = 'published'`)).length, 26);
  assert.deepEqual(await failures(), [
    { code: 'invalid', field: null, message: 'Place 7 is special.', keys: [7] },
    {
      code: 'invalid',
      field: 'population',
      message: 'Round numbers are guesses.',
      keys: [10, 20, 30],
    },
  ]);
  const [change] = await changes();
  assert.deepEqual([change?.fields, change?.keys.length], [['status', 'updatedAt'], 26]);
});

test('a hook that throws for one of a thousand leaves out that one, and what it wrote itself', async (t) => {
  const { run, cities, count, failures, logLines } = await setUp(
    t,
    {
      hooks: {
        async beforeSave({ record, tx }) {
          if (record.id === 500)
            await (tx as unknown as Tags).tag.create({
              data: { name: 'written by a hook that throws' },
            });
          if (record.id === 500) throw new Error('secret');
        },
      },
    },
    { records: 1_000 },
  );
  assert.deepEqual(counts(await run('update', publish)), ['partial', 999, 0, 1, 0]);
  assert.deepEqual(
    (await cities(`status = 'draft'`)).map(({ id }) => id),
    [500],
  );
  assert.equal(await count('gazetteer.tag'), 2);
  assert.deepEqual(await failures(), [
    {
      code: 'hook-failed',
      field: null,
      message: 'The beforeSave rule of cities failed. The log has the details.',
      keys: [500],
    },
  ]);
  assert.match(inspect(logLines, { maxArrayLength: null }), /a hook failed.*secret/s);
});

test('a hook that changes another field: the record, and the change, have it, and undoing takes it back', async (t) => {
  const { run, undone, cities, changes } = await setUp(t, {
    hooks: {
      beforeSave({ record, set }) {
        if (record.population > 20) set('altName', `${record.name}, ${record.status}`);
      },
    },
  });
  const before = await cities();
  const task = await run('update', publish);
  assert.deepEqual(counts(task), ['succeeded', 30, 0, 0, 0]);
  assert.deepEqual(
    (await cities('id in (20, 21)')).map(({ alt_name, status }) => [alt_name, status]),
    [
      [null, 'published'],
      ['Place 21, published', 'published'],
    ],
  );
  const all = await changes();
  assert.deepEqual(all.map(({ fields, keys }) => [fields, keys.length]).sort(), [
    [['altName', 'status', 'updatedAt'], 10],
    [['status', 'updatedAt'], 20],
  ]);
  const [image] = all.find(({ fields }) => fields.includes('altName'))?.after ?? [];
  assert.equal(image?.altName, 'Place 21, published');
  assert.deepEqual(counts(await undone(task)), ['succeeded', 30, 0, 0, 0]);
  assert.deepEqual(await cities(), before);
});

test('rules of a chunk are asked one after the other, on the one connection of its transaction', async (t) => {
  let asked = 0;
  let max = 0;
  const transactions = new Set<unknown>();
  const look = async ({ tx }: { tx: unknown }) => {
    asked++;
    max = Math.max(max, asked);
    const [row] = await (tx as Asked).$queryRawUnsafe('select pg_current_xact_id()::text as id');
    transactions.add(row?.id);
    asked--;
  };
  const { run, cities } = await setUp(t, {
    validate: async (_city, { tx }) => {
      await look({ tx });
      return null;
    },
    hooks: { beforeSave: look, afterSave: look },
  });
  assert.deepEqual(counts(await run('update', publish)), ['succeeded', 30, 0, 0, 0]);
  assert.deepEqual([max, transactions.size], [1, 1]);
  assert.equal((await cities(`status = 'published'`)).length, 30);
});

test('what afterSave throws takes that record back, with what it wrote itself', async (t) => {
  const { run, cities, count, failures } = await setUp(t, {
    hooks: {
      async afterSave({ record, tx }) {
        assert.equal(record.status, 'published');
        await (tx as unknown as Tags).tag.create({ data: { name: record.name } });
        if (record.id === 3)
          throw new AppError('not-three', 422, 'Three stays a draft.', { field: 'status' });
      },
    },
  });
  assert.deepEqual(counts(await run('update', publish)), ['partial', 29, 0, 1, 0]);
  assert.equal((await cities('id = 3'))[0].status, 'draft');
  assert.equal(await count('gazetteer.tag'), 2 + 29);
  assert.deepEqual(await failures(), [
    { code: 'not-three', field: 'status', message: 'Three stays a draft.', keys: [3] },
  ]);
});

test('a row that the database refuses fails alone beside the hooks', async (t) => {
  const { db, run, cities, failures } = await setUp(t, {
    validate: (city) => (city.id === 5 ? { rating: 'Five is not rated.' } : null),
    hooks: { beforeSave: ({ record, set }) => void (record.id === 9 && set('population', -1)) },
  });
  await db.pages.query(
    `alter table gazetteer.city add constraint city_population_check check (population >= 0)`,
  );
  await db.pages.query(
    `alter table gazetteer.city add constraint city_rating_check check (rating <> 3 or id <> 11)`,
  );
  assert.deepEqual(counts(await run('update', { field: 'rating', 'value.rating': '3' })), [
    'partial',
    27,
    0,
    3,
    0,
  ]);
  assert.equal((await cities('rating = 3')).length, 27);
  assert.deepEqual(
    (await failures()).map(({ code, field, keys }) => [code, field, keys]),
    [
      ['23514:city_population_check', 'population', [9]],
      ['23514:city_rating_check', 'rating', [11]],
      ['invalid', 'rating', [5]],
    ],
  );
});

test('few records are all or nothing: one that a rule refuses keeps the others as they were', async (t) => {
  const { run, cities, changes } = await setUp(t, {
    validate: (city) => (city.id === 2 ? { status: 'Two stays.' } : null),
  });
  await assert.rejects(run('update', publish, 5), (error: AppError) => {
    assert.deepEqual([error.code, error.status], ['refused', 422]);
    return true;
  });
  assert.equal((await cities(`status = 'published'`)).length, 0);
  assert.deepEqual(await changes(), []);
  assert.deepEqual(counts(await run('update', publish, 1)), ['succeeded', 1, 0, 0, 0]);
});

test('records that hold the value already are not given to the rules, and those that are gone are counted', async (t) => {
  const seen: unknown[] = [];
  const { db, run } = await setUp(t, { validate: (city) => void seen.push(city.id) });
  await db.pages.query(`update gazetteer.city set status = 'published' where id <= 3`);
  const deleted = db.pages.query(`delete from gazetteer.city where id = 30`);
  await deleted;
  const { changed, unchanged, failed } = await run('update', publish);
  assert.deepEqual([changed, unchanged, failed, seen.length], [26, 3, 0, 26]);
});

test('save writes in place of ours, and the change has what it wrote', async (t) => {
  const { run, cities, changes } = await setUp(t, {
    hooks: {
      async save({ record, data, tx }) {
        if (record.id === 4) return undefined;
        const update = { where: { id: record.id }, data: { ...data, notes: 'written by save' } };
        await (tx as unknown as { city: { update(args: object): Promise<unknown> } }).city.update(
          update,
        );
        return undefined;
      },
    },
  });
  const task = await run('update', publish);
  assert.deepEqual([...counts(task), task.keptBack], ['partial', 29, 0, 0, 0, 1]);
  assert.equal(task.writeThrough, 'save');
  assert.equal((await cities(`notes = 'written by save' and status = 'published'`)).length, 29);
  assert.deepEqual((await changes())[0]?.fields, ['notes', 'status', 'updatedAt']);
});

interface Asked {
  $queryRawUnsafe(sql: string): Promise<{ id: string }[]>;
}

interface Tags {
  tag: { create(args: object): Promise<unknown> };
}

/**
 * A client whose extension marks what it updates, refuses place 6, and makes a mark of every
 * delete.
 */
function extended(asked: string[]): typeof sample.createClient {
  return ({ adapter }) =>
    new PrismaClient({ adapter }).$extends({
      query: {
        city: {
          async $allOperations({ operation, args, query }) {
            if (!/^(update|delete)/.test(operation)) return query(args);
            asked.push(operation);
            const where = JSON.stringify((args as { where?: object }).where);
            if (operation === 'update' && where === '{"id":6}')
              throw new AppError('six', 422, 'The client keeps six.');
            if (/[[,:]6[,}\]]/.test(where)) throw new Error('one of these is six');
            const { data } = args as { data?: object };
            return query({ ...args, ...(data && { data: { ...data, notes: 'marked' } }) } as never);
          },
        },
      },
    });
}

test('an extension of the client does not run under sql', async (t) => {
  const asked: string[] = [];
  const { run, cities } = await setUp(
    t,
    { writeThrough: 'sql' },
    { createClient: extended(asked) },
  );
  const task = await run('update', publish);
  assert.deepEqual([...counts(task), task.writeThrough], ['succeeded', 30, 0, 0, 0, 'sql']);
  assert.deepEqual([asked, (await cities(`notes is not null`)).length], [[], 0]);
  assert.deepEqual(counts(await run('delete', { acknowledge: 'yes' })), ['succeeded', 30, 0, 0, 0]);
  assert.deepEqual(asked, []);
});

test('it does not run under sql with rules either', async (t) => {
  const asked: string[] = [];
  const { run } = await setUp(
    t,
    { writeThrough: 'sql', validate: () => null },
    { createClient: extended(asked) },
  );
  const task = await run('update', publish);
  assert.deepEqual(
    [...counts(task), task.writeThrough, asked],
    ['succeeded', 30, 0, 0, 0, 'sql-with-rules', []],
  );
});

test('a client that is extended is written through: it runs, what it adds is in the change, and what it refuses fails alone', async (t) => {
  const asked: string[] = [];
  const { run, cities, changes, failures } = await setUp(t, {}, { createClient: extended(asked) });
  const task = await run('update', publish);
  assert.deepEqual([...counts(task), task.writeThrough], ['partial', 29, 0, 1, 0, 'client']);
  assert.ok(asked.includes('updateMany'));
  assert.equal((await cities(`notes = 'marked' and status = 'published'`)).length, 29);
  assert.deepEqual((await changes())[0]?.fields, ['notes', 'status', 'updatedAt']);
  assert.deepEqual(await failures(), [
    { code: 'six', field: null, message: 'The client keeps six.', keys: [6] },
  ]);
  assert.deepEqual(counts(await run('delete', { acknowledge: 'yes' }, 5)), [
    'succeeded',
    5,
    0,
    0,
    0,
  ]);
  assert.ok(asked.includes('deleteMany'));
  assert.equal((await cities()).length, 25);
});

test('under client values are computed by the database, and relations are linked', async (t) => {
  const { db, run, cities, changes } = await setUp(t, { writeThrough: 'client' });
  await db.pages.query(
    `insert into gazetteer."_CityToTag" ("A", "B") select id, 1 from gazetteer.city where id <= 10`,
  );
  const task = await run('update', {
    field: ['population', 'tags', 'notes'],
    'change.population': 'increase',
    'value.population': '1000',
    'change.tags': 'add',
    'value.tags': ['1', '2'],
    'value.notes': 'x',
  });
  assert.deepEqual(counts(task), ['succeeded', 30, 0, 0, 0]);
  assert.deepEqual(
    (await cities('id in (1, 30)')).map(({ population }) => population),
    [1001, 1030],
  );
  assert.equal((await db.pages.query(`select 1 from gazetteer."_CityToTag"`)).rowCount, 60);
  const [first] = await changes();
  assert.deepEqual(
    [first?.before[0]?.tags, first?.after[0]?.tags, first?.after[0]?.population],
    [['1'], ['1', '2'], 1001],
  );
});

test('beforeDelete refuses one, afterDelete sees the others', async (t) => {
  const seen: unknown[] = [];
  const { run, cities, failures } = await setUp(t, {
    hooks: {
      beforeDelete({ record }) {
        if (record.id === 8) throw new AppError('kept', 422, 'Eight stays.');
      },
      afterDelete: ({ record }) => void seen.push(record.name),
    },
  });
  assert.deepEqual(counts(await run('delete', { acknowledge: 'yes' })), ['partial', 29, 0, 1, 0]);
  assert.deepEqual(
    (await cities()).map(({ id }) => id),
    [8],
  );
  assert.deepEqual(
    [seen.length, await failures()],
    [29, [{ code: 'kept', field: null, message: 'Eight stays.', keys: [8] }]],
  );
});
