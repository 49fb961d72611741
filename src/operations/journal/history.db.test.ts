import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { saveContextOf } from '../../tasks/launching/save-context.ts';
import { startWorker } from '../../tasks/worker/worker.ts';
import { ada, eve, finished, launchOn, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { insertPlaces } from '../../testing/places.ts';
import { createRecord, deleteRecord, updateRecord } from '../save-record.ts';
import { type HistoryEntry, listDeleted, readHistory } from './history.ts';

const shown = ({ kind, principalName, task, values }: HistoryEntry) => ({
  kind,
  who: principalName,
  task: task?.id ?? null,
  values:
    values &&
    Object.fromEntries(values.map(({ field, before, after }) => [field.name, [before, after]])),
});

test('the history of a record has every change, by forms and by tasks', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 300);
  const context = testContext(db, {}, { chunkSize: 50 });
  const cities = context.registry.for(ada, 'cities');
  const key = (id: number) => keyOf(cities.model, { id });
  const by = (principal: typeof ada) =>
    saveContextOf(context, context.registry.for(principal, 'cities'), principal);
  const values = (given: Record<string, unknown>) =>
    new Map(
      Object.entries(given).map(([name, value]) => [
        cities.form.find((field) => field.name === name) as Resource['form'][number],
        value,
      ]),
    );
  const history = async (id: number, resource: Resource = cities) =>
    (await readHistory(db, resource, key(id), null)).entries.map(shown);

  await updateRecord(by(eve), key(120), () =>
    values({ name: 'Elsewhere', tags: ['2'], rating: '3.5' }),
  );
  const publish = { field: 'status', 'value.status': 'published' };
  const few = await launchOn(context, cities, { keys: [key(119), key(120), key(121)] }, 'update', {
    field: 'notes',
    'value.notes': 'seen',
  });
  const many = await launchOn(
    context,
    cities,
    { kind: 'matching', filter: '' },
    'update',
    publish,
    eve,
  );
  const worker = await startWorker(context, { connectionString, concurrency: 1 });
  defer(() => worker.stop());
  await finished(db, many.task.id);

  await t.test('who, which task, before and after', async () => {
    assert.deepEqual(await history(120), [
      {
        kind: 'update',
        who: 'Eve',
        task: many.task.id,
        values: { status: ['draft', 'published'] },
      },
      { kind: 'update', who: 'Ada', task: few.task.id, values: { notes: [null, 'seen'] } },
      {
        kind: 'update',
        who: 'Eve',
        task: null,
        values: { name: ['Place 120', 'Elsewhere'], rating: [null, '3.5'], tags: ['[]', '["2"]'] },
      },
    ]);
    assert.deepEqual(
      (await history(300)).map(({ task }) => task),
      [many.task.id],
    );
  });

  await t.test('a field that may not be seen is in none', async () => {
    const blind: Resource = {
      ...cities,
      fields: cities.fields.filter(({ name }) => name !== 'notes' && name !== 'rating'),
    };
    const entries = await history(120, blind);
    assert.deepEqual(
      entries.map((entry) => Object.keys(entry.values ?? {})),
      [['status'], ['name', 'tags']],
    );
  });

  await t.test('it comes in pages', async () => {
    for (let count = 0; count < 30; count++)
      await updateRecord(by(ada), key(7), () => values({ population: 1_000 + count }));
    const first = await readHistory(db, cities, key(7), null);
    const second = await readHistory(db, cities, key(7), first.olderThan);
    assert.deepEqual(
      [first.entries.length, second.entries.length, second.olderThan],
      [25, 6, null],
    );
    assert.equal(new Set([...first.entries, ...second.entries].map(({ id }) => id)).size, 31);
  });

  await t.test('it outlives the record, which is among the deleted', async () => {
    const made = await createRecord(
      by(ada),
      values({
        name: 'Nova',
        country: 'ESP',
        featureCode: 'PPL',
        population: 1,
        latitude: '1.5',
        longitude: '2',
      }),
    );
    await deleteRecord(by(ada), made);
    const entries = (await readHistory(db, cities, made, null)).entries.map(shown);
    assert.deepEqual(
      entries.map(({ kind }) => kind),
      ['delete', 'create'],
    );
    assert.deepEqual(
      [entries[0]?.values?.latitude, entries[1]?.values?.name],
      [
        ['1.50000', null],
        [null, 'Nova'],
      ],
    );
    await launchOn(context, cities, { keys: [key(1), key(2)] }, 'delete', { acknowledge: 'yes' });
    const { records } = await listDeleted(db, cities, ada, null);
    assert.deepEqual(
      records.map(({ title }) => title),
      ['Place 1', 'Place 2', 'Nova'],
    );
    assert.deepEqual(
      (await listDeleted(db, { ...cities, scope: () => ({ id: 5 }) }, ada, null)).records,
      [],
    );
  });

  await t.test('an index leads to it', async () => {
    await db.pages.query(`insert into ${db.t.change} (model, resource, kind, task_id, chunk, principal_id, principal_name, fields, keys, first_key)
      select 'City', 'cities', 'update', n / 50 + 1000, n % 50, '', 'Ada', '{name}', array(select lpad((n % 50 * 1000 + 1000 + i)::text, 20, '0') from generate_series(1, 100) i),
        lpad((n % 50 * 1000 + 1001)::text, 20, '0') from generate_series(0, 4999) n`);
    await db.pages.query(`analyze ${db.t.change}`);
    let statement: [string, unknown[]] | null = null;
    const query = async (sql: string, values: unknown[]) => {
      statement = [sql, values];
      return { rows: [] };
    };
    await readHistory(
      { ...db, pages: { query } as unknown as Database['pages'] },
      cities,
      key(120),
      null,
    );
    const [sql, parameters] = statement as unknown as [string, unknown[]];
    const { rows } = await db.pages.query<{ 'QUERY PLAN': string }>(
      `explain (analyze, buffers) ${sql}`,
      parameters,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    assert.doesNotMatch(plan, /Seq Scan on change/, plan);
    assert.match(plan, /change_of_many[\s\S]*change_of_few|change_of_few[\s\S]*change_of_many/);
  });
});
