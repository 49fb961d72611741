import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { AppError, defineResource, type RecordOf, type TypedResourceOptions } from '../../index.ts';
import { keyOf } from '../../metadata/keys.ts';
import { saveContextOf } from '../../tasks/launching/save-context.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { createRecord, deleteRecord, updateRecord } from '../save-record.ts';

async function setUp(t: TestContext, options: TypedResourceOptions<typeof metadata, 'City'>) {
  const { db } = await testDatabase(t);
  const admin = {
    ...sample,
    schedules: [],
    resources: [defineResource(metadata, 'City', options), ...sample.resources.slice(1)],
  };
  const logLines: string[] = [];
  const context = {
    ...testContext(db, {}, {}, admin),
    log: (_: string, message: string) => void logLines.push(message),
  };
  await db.pages.query(
    `insert into gazetteer.country values ('ESP', 'ES', 'Spain', 'Europe', null, null, 1, '{}')`,
  );
  await db.pages.query(
    `insert into gazetteer.city (name, country_code, feature_code, population, latitude, longitude, rating)
     select 'Place ' || n, 'ESP', 'PPL', n, 40.12345, -3, 4.5 from generate_series(1, 5) n`,
  );
  const resource = context.registry.get('cities');
  const save = saveContextOf(context, resource, ada);
  const values = (given: Record<string, unknown>) =>
    new Map(
      Object.entries(given).map(([name, value]) => [
        resource.form.find((field) => field.name === name) ?? assert.fail(name),
        value,
      ]),
    );
  const key = (id: number) => keyOf(resource.model, { id });
  return {
    db,
    logLines,
    update: (id: number, given: Record<string, unknown>) =>
      updateRecord(save, key(id), () => values(given)),
    create: (given: Record<string, unknown>) => createRecord(save, values({ ...place, ...given })),
    remove: (id: number) => deleteRecord(save, key(id)),
    city: async (id: number) =>
      (await db.pages.query(`select * from gazetteer.city where id = $1`, [id])).rows[0],
    count: async (table: string) =>
      Number((await db.pages.query(`select count(*) from ${table}`)).rows[0].count),
    changes: async () =>
      (await db.pages.query(`select kind, fields, before, after from ${db.t.change} order by id`))
        .rows,
  };
}

const place = {
  name: 'New',
  country: 'ESP',
  featureCode: 'PPL',
  population: 1,
  latitude: '1.5',
  longitude: '2',
};

const invalid =
  (fieldErrors: object, message = 'Some values need attention. Nothing was saved.') =>
  (error: unknown) => {
    assert.ok(error instanceof AppError, String((error as Error).stack));
    assert.deepEqual(
      [error.code, error.status, error.message, error.details.fieldErrors],
      ['invalid-record', 422, message, fieldErrors],
    );
    return true;
  };

test('what validate says is an error of its field, and nothing is written', async (t) => {
  const seen: unknown[] = [];
  const { update, create, city, changes } = await setUp(t, {
    validate(record, { kind, before, fields }) {
      seen.push([kind, before?.population ?? null, record.population, fields]);
      return record.population < 0 ? { population: 'Nobody lives in a negative number.' } : null;
    },
  });
  const refused = invalid({ population: 'Nobody lives in a negative number.' });
  await assert.rejects(update(3, { population: -1 }), refused);
  await assert.rejects(create({ population: -7 }), refused);
  assert.deepEqual(seen, [
    ['update', 3, -1, ['population']],
    [
      'create',
      null,
      -7,
      ['name', 'countryCode', 'featureCode', 'population', 'latitude', 'longitude'],
    ],
  ]);
  assert.equal((await city(3)).population, 3);
  assert.deepEqual(await changes(), []);
});

test('an error about the whole record, or about a field that the form has not, is the form’s', async (t) => {
  const { update } = await setUp(t, {
    form: ['name', 'population'],
    validate: ({ name }) =>
      name === 'whole' ? 'These do not go together.' : { notes: 'Notes are too short.' },
  });
  await assert.rejects(update(1, { name: 'whole' }), invalid({}, 'These do not go together.'));
  await assert.rejects(
    update(1, { name: 'hidden' }),
    invalid({ notes: 'Notes are too short.' }, 'Notes are too short.'),
  );
});

test('values are as Prisma’s client has them, whatever their type', async (t) => {
  const seen: Partial<RecordOf<typeof metadata, 'City'>>[] = [];
  const { create } = await setUp(t, { validate: (record) => void seen.push(record) });
  await create({ latitude: '12.34567', reviewedAt: new Date('2026-01-02T03:04:05Z') });
  const { latitude, reviewedAt, status, featured, notes, id } = seen[0] ?? assert.fail();
  assert.ok(latitude?.equals(new Decimal('12.34567')) && reviewedAt instanceof Date);
  assert.deepEqual(
    [reviewedAt.toISOString(), status, featured, notes, id],
    ['2026-01-02T03:04:05.000Z', 'draft', false, null, undefined],
  );
});

test('beforeSave sets another field, and the change has it', async (t) => {
  const { update, create, city, changes } = await setUp(t, {
    hooks: {
      beforeSave({ record, set }) {
        set('altName', record.name.toUpperCase());
        set('rating', new Decimal('9.5'));
      },
    },
  });
  await update(2, { name: 'Vigo' });
  const key = await create({ name: 'Lugo' });
  assert.deepEqual([(await city(2)).alt_name, (await city(2)).rating], ['VIGO', '9.5']);
  assert.equal((await city(Number(key))).alt_name, 'LUGO');
  const [updated, created] = await changes();
  assert.deepEqual(updated.fields, ['altName', 'name', 'rating', 'updatedAt']);
  assert.deepEqual([updated.before[0].altName, updated.after[0].altName], [null, 'VIGO']);
  assert.equal(created.after[0].alt_name, 'LUGO');
});

test('what afterSave throws takes the write back, with what it wrote itself', async (t) => {
  const { update, create, city, count, changes } = await setUp(t, {
    hooks: {
      async afterSave({ record, tx }) {
        assert.ok('id' in record && record.updatedAt instanceof Date);
        await (tx as unknown as { tag: { create(args: object): Promise<unknown> } }).tag.create({
          data: { name: record.name },
        });
        if (record.name === 'no')
          throw new AppError('not-so', 422, 'No place is called no.', { field: 'name' });
      },
    },
  });
  await assert.rejects(update(1, { name: 'no' }), invalid({ name: 'No place is called no.' }));
  await assert.rejects(create({ name: 'no' }), invalid({ name: 'No place is called no.' }));
  assert.deepEqual(
    [(await city(1)).name, await count('gazetteer.city'), await count('gazetteer.tag')],
    ['Place 1', 5, 0],
  );
  assert.deepEqual(await changes(), []);
  await update(1, { name: 'yes' });
  assert.deepEqual([(await city(1)).name, await count('gazetteer.tag')], ['yes', 1]);
});

test('what a hook throws without meaning to is in the log and not on the page', async (t) => {
  const { update, logLines } = await setUp(t, {
    hooks: {
      beforeSave() {
        throw new Error('secret');
      },
    },
  });
  await assert.rejects(
    update(1, { name: 'x' }),
    invalid({}, 'The beforeSave rule of cities failed. The log has the details.'),
  );
  assert.deepEqual(logLines, ['a hook failed']);
});

test('save writes in place of ours, and the change has what it wrote', async (t) => {
  const asked: unknown[] = [];
  const { update, create, city, changes } = await setUp(t, {
    hooks: {
      async save({ kind, record, data, tx }) {
        asked.push([kind, data]);
        const { city: cities } = tx as unknown as {
          city: {
            create(args: object): Promise<{ id: number }>;
            update(args: object): Promise<unknown>;
          };
        };
        if (kind === 'create') return cities.create({ data: { ...data, notes: 'made by save' } });
        await cities.update({
          where: { id: record.id },
          data: { ...data, notes: 'written by save' },
        });
        return undefined;
      },
    },
  });
  await update(4, { name: 'Lugo' });
  const key = await create({});
  assert.deepEqual(
    [(await city(4)).name, (await city(4)).notes, (await city(Number(key))).notes],
    ['Lugo', 'written by save', 'made by save'],
  );
  assert.deepEqual(asked[0], ['update', { name: 'Lugo' }]);
  assert.deepEqual((await changes())[0].fields, ['name', 'notes', 'updatedAt']);
});

test('beforeDelete and afterDelete see the record, and may keep it', async (t) => {
  const seen: string[] = [];
  const { remove, count, changes } = await setUp(t, {
    hooks: {
      beforeDelete({ record }) {
        seen.push(`before ${record.name}`);
        if (record.population === 1) throw new AppError('kept', 422, 'Place 1 stays.');
      },
      afterDelete: ({ record }) => void seen.push(`after ${record.name}`),
    },
  });
  await assert.rejects(remove(1), invalid({}, 'Place 1 stays.'));
  await remove(2);
  assert.deepEqual(seen, ['before Place 1', 'before Place 2', 'after Place 2']);
  assert.deepEqual([await count('gazetteer.city'), (await changes()).length], [4, 1]);
});
