import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { AppError } from '../errors.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { keyOf } from '../metadata/keys.ts';
import type { FieldChange } from '../operations/update.ts';
import { valuesStatement } from '../operations/update-sql.ts';
import type { Resource } from '../resources/contract.ts';
import { createSelection, type Selected } from '../selection/selection.ts';
import { applyToModel, canonical, changeOf, type Fate, type ModelRecord, fieldValue } from '../testing/change-model.ts';
import { ada, finished, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { confirmPreview } from './confirm-preview.ts';
import type { TaskContext } from './context.ts';
import { lookAhead } from './look-ahead.ts';
import { createPreview, excludeFromPreview } from './preview.ts';
import { defaultRunOptions } from './run-options.ts';
import type { TaskRow } from './task-row.ts';
import { startWorker, type Worker } from './worker.ts';

/** `npm run property -- --runs 2000 --seed 7` */
const runs = Number(process.env.BULKHEAD_TEST_RUNS ?? 200);
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20261121);

/** The tables of the runs: fields that are changed, and how ids are made of a number. */
const tables: Readonly<Record<string, { fields: readonly string[]; id: (n: number) => Record<string, unknown> }>> = {
  Everything: {
    fields: ['text', 'varchar', 'char', 'int', 'smallInt', 'bigInt', 'float', 'real', 'decimal12', 'boolean', 'dateTime', 'date', 'mood'],
    id: (n) => ({ id: n }),
  },
  ScalarList: { fields: ['name', 'texts', 'ints', 'moods'], id: (n) => ({ id: n }) },
  Person: { fields: ['name', 'clubs', 'friends'], id: (n) => ({ id: n }) },
  IdText: { fields: ['name'], id: (n) => ({ code: `${['é', 'b%', 'A_', '"', '[', ''][n % 6]}${n}` }) },
  IdUuid: { fields: ['name'], id: (n) => ({ id: `00000000-0000-4000-8000-${String((n * 7919) % 1000).padStart(12, '0')}` }) },
  IdSnowflake: { fields: ['name'], id: (n) => ({ id: (n % 2 === 0 ? 1n : -1n) * (9_007_199_254_740_993n + BigInt(n)) }) },
  CompositeInt: { fields: ['name'], id: (n) => ({ a: n % 3, b: n }) },
};

/** What the database refuses of its own accord, and the model with it. */
const mayBe = (record: ModelRecord) => record.int !== '13' && !String(record.name ?? record.text ?? '').endsWith('x');

const clubIds = ['1', '2', '3', '4'];
/** Of the one person that there always is. */
const firstId = ['1'];

let ctx: TaskContext;
let worker: Worker;
const undoes: (() => unknown)[] = [];

before(async () => {
  const { db, connectionString } = await testDatabase({ after: (undo) => void undoes.push(undo as () => unknown) }, { content: 'torture' });
  ctx = testContext(db, {}, { parallelism: 2, chunkSize: 7 }, tortureAdmin);
  for (const name of Object.keys(tables)) await db.pages.query(`truncate ${resourceOf(name).model.table} cascade`);
  await db.pages.query(`truncate "Odd-Schema"."clubs of people" cascade`);
  await db.pages.query(`insert into "Odd-Schema"."clubs of people" (id, name) select n, 'Club ' || n from generate_series(1, 4) n`);
  for (const [name, { fields }] of Object.entries(tables)) {
    const { model } = resourceOf(name);
    const text = fields.includes('name') ? model.fields.name?.column : model.fields.text?.column;
    await db.pages.query(`alter table ${model.table} add constraint no_x check (${text} !~ 'x$')`);
    if (name === 'Everything') await db.pages.query(`alter table ${model.table} add constraint no_13 check ("int" <> 13)`);
  }
  await db.pages.query(`create table torture.pin (id integer references torture."every thing" (id) deferrable initially deferred)`);
  worker = await startWorker(ctx, { connectionString, concurrency: 2 });
});

after(async () => {
  await worker?.stop();
  for (const undo of undoes) await undo();
});

function resourceOf(name: string): Resource {
  return ctx.register.list.find(({ model }) => model.name === name) as Resource;
}

interface Scenario {
  table: string;
  records: ModelRecord[];
  selection: { kind: 'ticked' | 'matching'; chosen: boolean[]; unticked: boolean[] };
  changes: FieldChange[] | null;
  pinned: boolean[];
  inBackground: boolean;
}

function scenarioOf(table: string): fc.Arbitrary<Scenario> {
  const { fields } = tables[table] as (typeof tables)[string];
  const { model } = resourceOf(table);
  const meta = (name: string) => model.fields[name] as FieldMeta;
  const most = 30;
  const record = fc
    .record(Object.fromEntries(fields.map((name) => [name, contentOf(meta(name))])))
    .filter((values) => mayBe(values as ModelRecord)) as fc.Arbitrary<ModelRecord>;
  const flags = fc.array(fc.boolean(), { minLength: most, maxLength: most });
  const changes = fc
    .uniqueArray(fc.constantFrom(...fields), { minLength: 1, maxLength: 3 })
    .chain((names) => fc.tuple(...names.map((name) => changeOf(model, meta(name), name === 'friends' ? firstId : clubIds))));
  return fc.record({
    table: fc.constant(table),
    records: fc.array(record, { minLength: 1, maxLength: most }),
    selection: fc.record({
      kind: fc.constantFrom('ticked' as const, 'matching' as const),
      chosen: flags,
      unticked: fc.oneof(fc.constant<boolean[]>([]), flags),
    }),
    changes: fc.oneof({ arbitrary: changes, weight: 6 }, { arbitrary: fc.constant(null), weight: 1 }),
    pinned: flags,
    inBackground: fc.boolean(),
  });
}

function contentOf(field: FieldMeta): fc.Arbitrary<ModelRecord[string]> {
  if (field.name === 'friends') return fc.constant([]);
  if (field.relation) return fc.uniqueArray(fc.constantFrom(...clubIds), { maxLength: 3 }).map((ids) => ids.sort());
  const item = fieldValue({ ...field, sqlType: field.sqlType?.replace('[]', '') ?? null });
  if (field.isList) return fc.array(item, { maxLength: 4 });
  return field.isRequired ? item : fc.option(item, { freq: 4 });
}

async function insert({ table, records, pinned }: Scenario): Promise<string[]> {
  const { pages } = ctx.db;
  const { model } = resourceOf(table);
  const { fields, id } = tables[table] as (typeof tables)[string];
  await pages.query(`delete from torture.pin; delete from ${model.table}`);
  const columns = fields.map((name) => model.fields[name] as FieldMeta).filter(({ column }) => column !== null);
  const keys: string[] = [];
  for (const [index, record] of records.entries()) {
    const ids = Object.entries(id(index + 1));
    const cells = [
      ...ids.map(([name, value]) => [model.fields[name] as FieldMeta, String(value)] as const),
      ...columns.map((field) => [field, record[field.name]] as const),
    ];
    await pages.query(
      `insert into ${model.table} (${cells.map(([{ column }]) => column).join(', ')}) values (${cells.map(([{ sqlType }], at) => `$${at + 1}::${sqlType}`).join(', ')})`,
      cells.map(([, value]) => value),
    );
    if (table === 'Everything' && pinned[index]) await pages.query('insert into torture.pin values ($1)', [index + 1]);
    const { clubs } = record;
    if (clubs) {
      const { joinTable, ownColumn, otherColumn } = (model.fields.clubs as FieldMeta).relation ?? {};
      await pages.query(`insert into ${joinTable} (${ownColumn}, ${otherColumn}) select $1::int, unnest($2::bigint[])`, [index + 1, clubs]);
    }
    keys.push(keyOf(model, id(index + 1)));
  }
  return keys;
}

/** What the table holds now, by key. */
async function contents({ table }: Scenario, keys: readonly string[]): Promise<Map<string, ModelRecord>> {
  const resource = resourceOf(table);
  const { fields } = tables[table] as (typeof tables)[string];
  const { sql, values } = valuesStatement(resource, keys, fields);
  const { rows } = await ctx.db.pages.query<{ key: string; texts: (string | null)[] }>(sql, values);
  return new Map(
    rows.map(({ key, texts }) => {
      const cells = fields.map((name, at): [string, ModelRecord[string]] => {
        const field = resource.model.fields[name] as FieldMeta;
        const text = texts[at] ?? null;
        return [name, canonical(field, field.isList && text !== null ? (JSON.parse(text) as unknown[]).map(String) : text)];
      });
      return [key, Object.fromEntries(cells)];
    }),
  );
}

/** Each record's fate and what becomes of it: the model that PostgreSQL must equal. */
function expected(
  scenario: Scenario,
  keys: readonly string[],
  selected: ReadonlySet<string>,
): Map<string, { fate: Fate | null; record: ModelRecord | null }> {
  const { model } = resourceOf(scenario.table);
  return new Map(
    scenario.records.map((record, index): [string, { fate: Fate | null; record: ModelRecord | null }] => {
      const key = keys[index] as string;
      if (!selected.has(key)) return [key, { fate: null, record }];
      if (scenario.changes) return [key, applyToModel(model, record, scenario.changes, mayBe)];
      const isPinned = scenario.table === 'Everything' && scenario.pinned[index] === true;
      return [key, isPinned ? { fate: 'refused', record } : { fate: 'changed', record: null }];
    }),
  );
}

async function check(scenario: Scenario): Promise<void> {
  const { table, selection, changes } = scenario;
  const resource = resourceOf(table);
  const keys = await insert(scenario);
  const chosen = keys.filter((_, index) => selection.chosen[index]);
  const unticked = keys.filter((_, index) => selection.unticked[index]);
  const isTicked = selection.kind === 'ticked';
  const selected = new Set((isTicked ? chosen : keys.filter((key) => !chosen.includes(key))).filter((key) => !unticked.includes(key)));
  const kept: Selected = { kind: selection.kind, filter: '', keys: isTicked ? chosen : [], exclusions: isTicked ? [] : chosen };
  if (isTicked ? chosen.length === 0 : chosen.length === keys.length) return;
  const { id } = await createSelection(ctx.db, ada, resource, kept);
  const operation = changes ? 'update' : 'delete';
  const made = await createPreview(ctx, { resource, principal: ada, operation, selectionId: id, parameters: changes ? { changes } : {} });
  const preview = await lookAhead(ctx, {
    resource,
    principal: ada,
    preview: await excludeFromPreview(ctx, made, { out: unticked, back: [] }),
  });
  const model = expected(scenario, keys, selected);
  const count = (fate: Fate) => [...model.values()].filter((one) => one.fate === fate).length;
  const counts = { changed: count('changed'), unchanged: count('unchanged'), refused: count('refused') };
  const found = preview.findings;
  const refused = found?.refused.reduce((sum, reason) => sum + reason.count, 0);
  assert.deepEqual(
    { changed: found?.changed, unchanged: found?.unchanged, refused, tried: found?.tried },
    { ...counts, tried: selected.size },
    'the preview',
  );
  if (selected.size === 0) return;

  const task = await run(resource, preview.id, scenario.inBackground);
  const isTakenBack = task.backend === 'inline' && counts.refused > 0;
  const { changed, unchanged, failed } = task;
  if (!isTakenBack) assert.deepEqual({ changed, unchanged, refused: failed }, counts, 'the task');
  const left = await contents(scenario, keys);
  for (const [index, key] of keys.entries()) {
    const { record } = isTakenBack
      ? { record: scenario.records[index] as ModelRecord }
      : (model.get(key) as { record: ModelRecord | null });
    const wanted =
      record &&
      Object.fromEntries(Object.entries(record).map(([name, value]) => [name, canonical(resource.model.fields[name] as FieldMeta, value)]));
    assert.deepEqual(left.get(key) ?? null, wanted, `record ${key}`);
  }
}

async function run(resource: Resource, previewId: string, inBackground: boolean): Promise<TaskRow> {
  try {
    const { task } = await confirmPreview(ctx, { resource, principal: ada, previewId, options: { ...defaultRunOptions, inBackground } });
    return await finished(ctx.db, task.id);
  } catch (error) {
    const { code, details } = error as AppError;
    if (code !== 'refused') throw error;
    return finished(ctx.db, details.taskId as number);
  }
}

test(`updates and deletes of ${runs} random tables, selections and changes equal a model, and their previews the outcome`, {
  timeout: 3_600_000,
}, async () => {
  const scenarios = fc.constantFrom(...Object.keys(tables), 'Everything', 'Everything').chain(scenarioOf);
  await fc.assert(fc.asyncProperty(scenarios, check), { numRuns: runs, seed, endOnFailure: true });
});
