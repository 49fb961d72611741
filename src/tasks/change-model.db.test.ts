import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { AppError } from '../errors.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { keyOf } from '../metadata/keys.ts';
import type { FieldChange } from '../operations/update.ts';
import { valuesStatement } from '../operations/update-sql.ts';
import type { Resource } from '../resources/contract.ts';
import { markGenerated } from '../resources/generated-columns.ts';
import { createSelection, type Selected } from '../selection/selection.ts';
import { applyToModel, canonical, changeOf, type Fate, type ModelRecord, fieldValue } from '../testing/change-model.ts';
import { ada, finished, testContext } from '../testing/context.ts';
import { openAsKeeper } from '../testing/keeper.ts';
import { testDatabase } from '../testing/database.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { confirmPreview } from './confirm-preview.ts';
import type { TaskContext } from './context.ts';
import { retry } from './follow-up.ts';
import { lookAhead } from './look-ahead.ts';
import { createPreview, excludeFromPreview } from './preview.ts';
import { defaultRunOptions } from './run-options.ts';
import type { TaskRow } from './task-row.ts';
import { previewUndo, undo } from './undo.ts';
import { startWorker, type Worker } from './worker.ts';

/** `npm run property -- --runs 2000 --seed 7` */
const runs = Number(process.env.BULKHEAD_TEST_RUNS ?? 200);
const seed = Number(process.env.BULKHEAD_TEST_SEED ?? 20261121);

/** The tables of the runs: fields that are changed, and how ids are made of a number. */
const tables: Readonly<Record<string, { fields: readonly string[]; id: (n: number) => Record<string, unknown> }>> = {
  Everything: {
    fields: [
      ...['text', 'varchar', 'char', 'uuid', 'int', 'smallInt', 'bigInt', 'float', 'real', 'decimal12', 'boolean'],
      ...['dateTime', 'timestamptz', 'date', 'time', 'json', 'mood'],
    ],
    id: (n) => ({ id: n }),
  },
  ScalarList: { fields: ['name', 'texts', 'ints', 'moods'], id: (n) => ({ id: n }) },
  Person: { fields: ['name', 'clubs', 'friends', 'mentorId'], id: (n) => ({ id: n }) },
  IdText: { fields: ['name'], id: (n) => ({ code: `${['é', 'b%', 'A_', '"', '[', ''][n % 6]}${n}` }) },
  IdUuid: { fields: ['name'], id: (n) => ({ id: `00000000-0000-4000-8000-${String((n * 7919) % 1000).padStart(12, '0')}` }) },
  IdSnowflake: { fields: ['name'], id: (n) => ({ id: (n % 2 === 0 ? 1n : -1n) * (9_007_199_254_740_993n + BigInt(n)) }) },
  CompositeInt: { fields: ['name'], id: (n) => ({ a: n % 3, b: n }) },
};

/** What the database refuses of its own accord, and the model with it. */
const holdable = ['Everything', 'IdText'];
const mayBe = (record: ModelRecord) => record.int !== '13' && !String(record.name ?? record.text ?? '').endsWith('x');

/** Where relations may lead: to clubs, and to the one person that there always is. */
const relatedIds: Readonly<Record<string, readonly string[]>> = { clubs: ['1', '2', '3', '4'], friends: ['1'], mentorId: ['1'] };

let ctx: TaskContext;
let worker: Worker;
let spellsOutSharpS = true;
const undoes: (() => unknown)[] = [];

before(async () => {
  const database = await testDatabase({ after: (undo) => void undoes.push(undo as () => unknown) }, { content: 'torture' });
  const { db } = database;
  ctx = testContext(db, {}, { parallelism: 2, chunkSize: 7 }, tortureAdmin);
  const { rows } = await db.pages.query<{ isSo: boolean }>(`select upper('ß') = 'SS' as "isSo"`);
  spellsOutSharpS = rows[0]?.isSo ?? false;
  for (const name of Object.keys(tables)) await db.pages.query(`truncate ${resourceOf(name).model.table} cascade`);
  await db.pages.query(`truncate "Odd-Schema"."clubs of people" cascade`);
  await db.pages.query(`insert into "Odd-Schema"."clubs of people" (id, name) select n, 'Club ' || n from generate_series(1, 4) n`);
  await db.pages.query(`
    create table torture.lenience as select false as is_on;
    create function torture.is_lenient() returns boolean language sql stable as 'select is_on from torture.lenience';
  `);
  for (const [name, { fields }] of Object.entries(tables)) {
    const { model } = resourceOf(name);
    const text = fields.includes('name') ? model.fields.name?.column : model.fields.text?.column;
    await db.pages.query(`alter table ${model.table} add constraint no_x check (${text} collate "C" !~ 'x$' or torture.is_lenient())`);
    if (name === 'Everything')
      await db.pages.query(`alter table ${model.table} add constraint no_13 check ("int" <> 13 or torture.is_lenient())`);
  }
  await db.pages.query(`create table torture.pin (id integer references torture."every thing" (id) deferrable initially deferred)`);
  await db.pages.query(oddities);
  const keeper = await openAsKeeper(database, ['torture', '"Odd-Schema"']);
  const resources = await markGenerated(tortureAdmin.resources, db.pages);
  ctx = testContext(keeper.db, {}, { parallelism: 2, chunkSize: 7 }, { ...tortureAdmin, resources });
  worker = await startWorker(ctx, { connectionString: keeper.connectionString, concurrency: 2 });
});

/** What tables may be besides: kept back by a trigger or a policy, of a collation to which capitals are the same, partitioned, deferrable. */
const oddities = `
  create table torture.held (key text);
  create function torture.is_held(text) returns boolean language sql stable as 'select exists (select from torture.held where key = $1)';
  create function torture.hold() returns trigger language plpgsql as
    'begin if torture.is_held(old.id::text) then return null; end if; if tg_op = ''DELETE'' then return old; end if; return new; end';
  create trigger hold before update or delete on torture."every thing" for each row execute function torture.hold();
  alter table torture."IdText" enable row level security;
  create policy seen on torture."IdText" for select using (true);
  create policy made on torture."IdText" for insert with check (true);
  create policy held on torture."IdText" for update using (not torture.is_held(code));
  create policy kept on torture."IdText" for delete using (not torture.is_held(code));
  create collation torture.loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  alter table torture."IdUuid" alter name type text collate torture.loose;
  create table torture.in_parts (like torture."CompositeInt" including all) partition by list (a);
  create table torture.part_0 partition of torture.in_parts for values in (0) partition by range (b);
  create table torture.part_0_low partition of torture.part_0 for values from (minvalue) to (10);
  create table torture.part_0_high partition of torture.part_0 for values from (10) to (maxvalue);
  create table torture.part_others partition of torture.in_parts default;
  drop table torture."CompositeInt" cascade;
  alter table torture.in_parts rename to "CompositeInt";
  alter table torture."IdSnowflake" add constraint name_once unique (name) deferrable initially deferred;
`;

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
  /** Ticked records; or those with this letter, or all, less the chosen ones. Of either less what is unticked on the preview. */
  selection: { kind: 'ticked' | 'matching'; letter: string; chosen: boolean[]; unticked: boolean[] };
  changes: FieldChange[] | null;
  pinned: boolean[];
  /** Kept back by the database, in tables that do so. */
  held: boolean[];
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
    .chain((names) => fc.tuple(...names.map((name) => changeOf(model, meta(name), relatedIds[name] ?? [], fields))))
    // Where a word begins is for a collation of its own to say.
    .filter((made) => table !== 'IdUuid' || made.every(({ change, value }) => change !== 'letter-case' || value !== 'title'));
  return fc.record({
    table: fc.constant(table),
    records:
      table === 'IdSnowflake'
        ? fc.uniqueArray(record, { minLength: 1, maxLength: most, selector: ({ name }) => name })
        : fc.array(record, { minLength: 1, maxLength: most }),
    selection: fc.record({
      kind: fc.constantFrom('ticked' as const, 'matching' as const),
      letter: fc.constantFrom('', '', 'b', 'É', '%', '_', '\\'),
      chosen: flags,
      unticked: fc.oneof(fc.constant<boolean[]>([]), flags),
    }),
    changes: fc.oneof({ arbitrary: changes, weight: 6 }, { arbitrary: fc.constant(null), weight: 1 }),
    pinned: flags,
    held: fc.oneof(fc.constant<boolean[]>([]), flags),
    inBackground: fc.boolean(),
  });
}

function contentOf(field: FieldMeta): fc.Arbitrary<ModelRecord[string]> {
  if (field.name === 'friends') return fc.constant([]);
  if (field.name === 'mentorId') return fc.option(fc.constant('1'));
  if (field.relation) return fc.uniqueArray(fc.constantFrom(...(relatedIds[field.name] ?? [])), { maxLength: 3 }).map((ids) => ids.sort());
  const item = fieldValue({ ...field, sqlType: field.sqlType?.replace('[]', '') ?? null });
  // A list of texts may have empty places.
  if (field.isList)
    return fc.array(field.name === 'moods' ? item : fc.option(item, { freq: 5 }), { maxLength: 4 }) as fc.Arbitrary<string[]>;
  return field.isRequired ? item : fc.option(item, { freq: 4 });
}

async function insert({ table, records, pinned, held }: Scenario): Promise<string[]> {
  const { pages } = ctx.db;
  const { model } = resourceOf(table);
  const { fields, id } = tables[table] as (typeof tables)[string];
  await pages.query(
    `update torture.lenience set is_on = false; delete from torture.pin; delete from torture.held; delete from ${model.table}`,
  );
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
    if (holdable.includes(table) && held[index]) await pages.query('insert into torture.held values ($1)', [ids[0]?.[1]]);
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
        return [
          name,
          canonical(
            field,
            field.isList && text !== null
              ? (JSON.parse(text) as unknown[]).map((item) => (item === null ? null : String(item)) as string)
              : text,
          ),
        ];
      });
      return [key, Object.fromEntries(cells)];
    }),
  );
}

/** Every byte of the table, and of the join tables of its fields. */
async function bytes({ table }: Scenario): Promise<unknown> {
  const { model } = resourceOf(table);
  const { fields } = tables[table] as (typeof tables)[string];
  const joins = fields.flatMap((name) => model.fields[name]?.relation?.joinTable ?? []);
  const all = [model.table, ...joins].map((name) => `select t::text as row from ${name} t`);
  return (await ctx.db.pages.query(`${all.join(' union all ')} order by 1`)).rows;
}

interface Expected {
  fate: Fate | 'kept-back' | null;
  record: ModelRecord | null;
}

/** Each record's fate and what becomes of it: the model that PostgreSQL must equal. */
function expected(
  { table, records, pinned, held, changes }: Scenario,
  keys: readonly string[],
  selected: ReadonlySet<string>,
  isLenient = false,
): Map<string, Expected> {
  const { model } = resourceOf(table);
  const moves = new Set(changes && table === 'IdSnowflake' ? moving({ table, records, changes }, keys, selected).keys() : []);
  const found = records.map((record, index): Expected => {
    if (!selected.has(keys[index] as string)) return { fate: null, record };
    if (holdable.includes(table) && held[index] && !isLenient) {
      // What there is no room for is refused before it is kept back.
      const fate = changes ? applyToModel(model, record, changes, () => true).fate : 'changed';
      return { fate: fate === 'changed' ? 'kept-back' : fate, record };
    }
    const isTaken = (next: ModelRecord) =>
      table === 'IdSnowflake' && records.some((other, at) => other.name === next.name && at !== index && !moves.has(keys[at] as string));
    const isAllowed = (next: ModelRecord) => (isLenient || mayBe(next)) && !isTaken(next);
    if (changes) return applyToModel(model, record, changes, isAllowed);
    const isPinned = table === 'Everything' && pinned[index] === true && !isLenient;
    return isPinned ? { fate: 'refused', record } : { fate: 'changed', record: null };
  });
  const isWithoutMentor = found[0]?.record === null;
  return new Map(
    found.map(({ fate, record }, index) => [
      keys[index] as string,
      { fate, record: record && isWithoutMentor && 'mentorId' in record ? { ...record, mentorId: null } : record },
    ]),
  );
}

/** By key, the names that records would take where no two may have the same. */
function moving(
  { table, records, changes }: Pick<Scenario, 'table' | 'records' | 'changes'>,
  keys: readonly string[],
  selected: ReadonlySet<string>,
): Map<string, string> {
  const { model } = resourceOf(table);
  const entries = records.map((record, index) => [keys[index] as string, applyToModel(model, record, changes ?? [], () => true)] as const);
  return new Map(
    entries.filter(([key, { fate }]) => selected.has(key) && fate === 'changed').map(([key, { record }]) => [key, String(record.name)]),
  );
}

function countsOf(model: ReadonlyMap<string, Expected>): Record<Fate, number> & { keptBack: number } {
  const count = (fate: Expected['fate']) => [...model.values()].filter((one) => one.fate === fate).length;
  return { changed: count('changed'), unchanged: count('unchanged'), refused: count('refused'), keptBack: count('kept-back') };
}

async function assertHolds(scenario: Scenario, keys: readonly string[], model: ReadonlyMap<string, Expected>, when: string) {
  const { fields } = resourceOf(scenario.table).model;
  const left = await contents(scenario, keys);
  for (const key of keys) {
    const { record } = model.get(key) as Expected;
    const cells = record && Object.entries(record).map(([name, value]) => [name, canonical(fields[name] as FieldMeta, value)]);
    assert.deepEqual(left.get(key) ?? null, cells && Object.fromEntries(cells), `record ${key} after the ${when}`);
  }
}

async function check(scenario: Scenario): Promise<void> {
  const { table, selection, changes, records } = scenario;
  const resource = resourceOf(table);
  const keys = await insert(scenario);
  const before = await bytes(scenario);
  const chosen = keys.filter((_, index) => selection.chosen[index]);
  const unticked = keys.filter((_, index) => selection.unticked[index]);
  const isTicked = selection.kind === 'ticked';
  const text = resource.model.fields.name ? 'name' : 'text';
  const matching = keys.filter((_, index) => matches(records[index]?.[text] as string | null, selection.letter));
  const kept: Selected = isTicked
    ? { kind: 'ticked', filter: '', keys: chosen, exclusions: [] }
    : { kind: 'matching', filter: filterOf(text, selection.letter), keys: [], exclusions: chosen };
  const whole = isTicked ? chosen : matching.filter((key) => !chosen.includes(key));
  const selected = new Set(whole.filter((key) => !unticked.includes(key)));
  const { id } = await createSelection(ctx.db, ada, resource, kept);
  const operation = changes ? 'update' : 'delete';
  const previewing = createPreview(ctx, { resource, principal: ada, operation, selectionId: id, parameters: changes ? { changes } : {} });
  if (whole.length === 0) return assert.rejects(previewing, { code: 'empty-selection' });
  const looking = lookAhead(ctx, {
    resource,
    principal: ada,
    preview: await excludeFromPreview(ctx, await previewing, { out: unticked, back: [] }),
  });
  if (changes && table === 'IdSnowflake') {
    const moves = moving(scenario, keys, selected);
    const left = new Set(records.filter((_, index) => moves.has(keys[index] as string)).map(({ name }) => String(name)));
    if ([...moves.values()].some((name) => left.has(name))) return assert.rejects(looking, { code: 'moves-onto' });
    // Which of two that want the same name has it, is for two drains to settle.
    if (new Set(moves.values()).size < moves.size) return void (await looking);
  }
  const preview = await looking;
  const model = expected(scenario, keys, selected);
  const counts = countsOf(model);
  const found = preview.findings;
  const refused = found?.refused.reduce((sum, reason) => sum + reason.count, 0);
  assert.deepEqual(
    { changed: found?.changed, unchanged: found?.unchanged, refused, tried: found?.tried },
    { changed: counts.changed, unchanged: counts.unchanged, refused: counts.refused + counts.keptBack, tried: selected.size },
    'the preview',
  );
  if (selected.size === 0) return;

  const task = await run(resource, preview.id, scenario.inBackground);
  const left = counts.refused + counts.keptBack;
  if (task.backend === 'inline' && left > 0) return assert.deepEqual(await bytes(scenario), before, 'all or nothing');
  assert.deepEqual({ changed: task.changed, unchanged: task.unchanged, refused: task.failed, keptBack: task.keptBack }, counts, 'the task');
  await assertHolds(scenario, keys, model, 'task');

  const done = [task, ...(left > 0 ? [await checkRetry(scenario, keys, model, task)] : [])];
  // Who led to a deleted person leads to nobody, and that is not kept.
  if (changes || table !== 'Person') await checkUndo(done, () => bytes(scenario), before);
}

function matches(text: string | null, letter: string): boolean {
  return letter === '' || (text ?? '').toLowerCase().includes(letter.toLowerCase());
}

function filterOf(field: string, letter: string): string {
  return letter === '' ? '' : `${field}-contains=${encodeURIComponent(letter)}`;
}

/** Once the database refuses nothing of its own accord any more, a retry changes what there is room for, and no other record. */
async function checkRetry(
  scenario: Scenario,
  keys: readonly string[],
  model: ReadonlyMap<string, Expected>,
  task: TaskRow,
): Promise<TaskRow> {
  await ctx.db.pages.query('update torture.lenience set is_on = true; delete from torture.pin; delete from torture.held');
  const refused = new Set(keys.filter((key) => ['refused', 'kept-back'].includes(model.get(key)?.fate ?? '')));
  const retried = expected(scenario, keys, refused, true);
  const { task: launched } = await retry(ctx, ada, task.id, { operationId: randomUUID(), code: null });
  const { changed, unchanged, failed, keptBack, ...end } = await finished(ctx.db, launched.id);
  assert.deepEqual({ changed, unchanged, refused: failed, keptBack }, countsOf(retried), 'the retry');
  const after = new Map(keys.map((key) => [key, (refused.has(key) ? retried : model).get(key) as Expected]));
  await assertHolds(scenario, keys, after, 'retry');
  return { changed, unchanged, failed, keptBack, ...end };
}

/** Taken back from the last to the first, tasks leave every byte as it was. */
async function checkUndo(tasks: readonly TaskRow[], look: () => Promise<unknown>, before: unknown): Promise<void> {
  for (const { id, changed } of tasks.toReversed()) {
    if (changed === 0) continue;
    const { restored, refused, gone } = await previewUndo(ctx, ada, id, null);
    assert.deepEqual({ restored, refused, gone }, { restored: changed, refused: [], gone: 0 }, 'the preview of the undo');
    const { task } = await undo(ctx, ada, id, { operationId: randomUUID(), chosen: null });
    assert.equal((await finished(ctx.db, task.id)).changed, changed, 'the undo');
  }
  assert.deepEqual(await look(), before, 'every byte after the undo');
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

/** With another letter instead of ß where the locale of the database leaves it alone in upper case: the model does not. */
function inLocale(scenario: Scenario): Scenario {
  return spellsOutSharpS ? scenario : JSON.parse(JSON.stringify(scenario).replaceAll('ß', 'ö'));
}

test(`updates, deletes, retries and undos of ${runs} random tables, selections and changes equal a model, and their previews the outcome`, {
  timeout: 3_600_000,
}, async () => {
  const scenarios = fc
    .constantFrom(...Object.keys(tables), 'Everything', 'Everything')
    .chain(scenarioOf)
    .map(inLocale);
  await fc.assert(fc.asyncProperty(scenarios, check), { numRuns: runs, seed, endOnFailure: true });
});
