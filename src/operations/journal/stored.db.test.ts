import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { query, raw, sql } from '../../db/sql.ts';
import { transaction } from '../../db/transaction.ts';
import type { FieldMeta, ModelMeta } from '../../metadata/contract.ts';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import { markGenerated } from '../../resources/generated-columns.ts';
import { searchRelated } from '../../selection/related.ts';
import { buildWhere } from '../../selection/where.ts';
import { applyIsolated } from '../../tasks/running/apply-isolated.ts';
import { ada, testContext } from '../../testing/context.ts';
import { testDatabase } from '../../testing/database.ts';
import { tortureAdmin } from '../../testing/torture.ts';
import type { EditName } from '../edits/contract.ts';
import { undoStatement } from '../undo/undo-sql.ts';
import { updateOperation } from '../update/update.ts';
import { compareStatement } from '../update/update-sql.ts';
import { keepDifference } from './keep-difference.ts';
import { entriesOf } from './kept-images.ts';
import { readRows } from './row-values.ts';

const author = {
  taskId: null,
  chunk: null,
  principalId: ada.id,
  principalName: ada.name,
  changeReason: null,
};

/** One record of a model that holds a value of one column, and what an operation makes of it. */
async function setUp(t: TestContext) {
  const { db } = await testDatabase(t, { content: 'torture' });
  await db.pages.query(`create collation if not exists public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
    create collation if not exists public.any_accent (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
    alter table torture."every thing" alter column text type text collate public.any_accent;
    alter table torture."every thing" alter column decimal type numeric;
    alter table torture."every thing" alter column varchar type varchar(20) collate public.any_case;
    alter table "Odd-Schema"."ScalarList" alter column texts type text[] collate public.any_case;`);
  const admin = {
    ...tortureAdmin,
    resources: await markGenerated(tortureAdmin.resources, db.pages),
  };
  const { registry } = testContext(db, {}, {}, admin);
  const resources = registry.list;
  const resourceOf = (name: string) =>
    resources.find(({ model }) => model.name === name) as Resource;
  const fieldOf = ({ fields }: ModelMeta, name: string) => fields[name] as FieldMeta;
  const holding = async (resource: Resource, name: string, text: string | null) => {
    const { model } = resource;
    const field = fieldOf(model, name);
    const others = model.name === 'ScalarList' ? ['name'] : [];
    await db.pages.query(`delete from ${model.table}`);
    await db.pages.query(
      `insert into ${model.table} (id, ${[...others, field.column].join(', ')}) values (1, ${[...others.map(() => `'x'`), `$1::${field.sqlType}`].join(', ')})`,
      [text],
    );
    return [keyOf(model, { id: 1 })];
  };
  const held = async ({ model }: Resource, name: string) => {
    const { rows } = await db.pages.query<{ text: string }>(
      `select ${fieldOf(model, name).column}::text as text from ${model.table}`,
    );
    return rows[0]?.text;
  };
  const apply = (
    resource: Resource,
    keys: readonly string[],
    name: string,
    change: EditName,
    value: unknown,
  ) =>
    transaction(db.pages, (client) =>
      applyIsolated(
        client,
        updateOperation,
        { resource, t: db.t, serverVersion: db.version, author },
        keys,
        {
          changes: [{ field: name, change, value }],
        },
      ),
    );
  return { db, registry, resourceOf, fieldOf, holding, held, apply };
}

/** Model, field, what is held, a value that the database finds equal, and is stored as another. */
const alike: readonly [string, string, string, string][] = [
  ['Everything', 'text', 'cafe', 'CAFÉ'],
  ['Everything', 'varchar', 'abc', 'ABC'],
  ['Everything', 'citext', 'abc', 'ABC'],
  ['Everything', 'json', '{"a": 1}', '{"a": 1.0}'],
  ['Everything', 'decimal', '1.0', '1.00'],
  ['Everything', 'float', '0', '-0'],
  ['Everything', 'real', '-0', '0'],
  ['Everything', 'timetz', '12:00:00+00', '13:00:00+01'],
];

const listsAlike: readonly [string, string, string[], string][] = [
  ['ScalarList', 'texts', ['ABC'], '{ABC}'],
  ['ScalarList', 'floats', ['-0'], '{-0}'],
];

test('a value that is stored as another is written, however equal the database finds it', async (t) => {
  const { resourceOf, fieldOf, holding, held, apply, db } = await setUp(t);
  for (const [name, column, from, to] of alike) {
    const resource = resourceOf(name);
    if (!resource.model.fields[column]) continue;
    const keys = await holding(resource, column, from);
    const before = await held(resource, column);
    const compared = await db.pages.query<{ isChanged: boolean }>(
      ...(Object.values(
        compareStatement(resource, keys, [{ field: column, change: 'set', value: to }]),
      ) as [string, unknown[]]),
    );
    assert.equal(compared.rows[0]?.isChanged, true, `${column} compared`);
    const { changed } = await apply(resource, keys, column, 'set', to);
    assert.equal(changed, 1, column);
    const { rows } = await db.pages.query<{ text: string }>(
      `select ($1::${fieldOf(resource.model, column).sqlType})::text as text`,
      [to],
    );
    assert.equal(await held(resource, column), rows[0]?.text, column);
    assert.notEqual(await held(resource, column), before, column);
    const again = await apply(resource, keys, column, 'set', to);
    assert.deepEqual([again.changed, again.unchanged], [0, 1], `${column} again`);
  }
});

test('what pads or is written in another way is the same value', async (t) => {
  const { resourceOf, holding, apply } = await setUp(t);
  for (const [column, from, to] of [
    ['char', 'ab', 'ab'],
    ['decimal12', '1', '1.0'],
    ['timestamptz', '2024-01-01 00:00:00+00', '2024-01-01T01:00:00+01:00'],
    ['json', '{"b":1,"a":2}', '{"a":2,"b":1}'],
    ['uuid', '7B4C1F86-4F4E-4F6C-9D7E-0A1B2C3D4E5F', '7b4c1f86-4f4e-4f6c-9d7e-0a1b2c3d4e5f'],
    ['float', 'NaN', 'NaN'],
  ] as const) {
    const resource = resourceOf('Everything');
    const keys = await holding(resource, column, from);
    assert.equal((await apply(resource, keys, column, 'set', to)).unchanged, 1, column);
  }
});

test('lists too are compared by what is stored', async (t) => {
  const { resourceOf, holding, held, apply } = await setUp(t);
  for (const [name, column, to, stored] of listsAlike) {
    const resource = resourceOf(name);
    const keys = await holding(resource, column, stored.toLowerCase().replace('-', ''));
    assert.equal((await apply(resource, keys, column, 'replace', to)).changed, 1, column);
    assert.equal(await held(resource, column), stored);
  }
});

test('capitals are changed where the collation knows none, and nothing is found in other letters', async (t) => {
  const { resourceOf, holding, held, apply } = await setUp(t);
  const resource = resourceOf('Everything');
  for (const column of ['text', 'varchar', 'citext']) {
    const cases: readonly [EditName, unknown, string, string][] = [
      ['letter-case', 'upper', 'straße', 'STRASSE'],
      ['find-replace', { find: 'A', with: 'x' }, 'aA', 'ax'],
      ['find-replace-pattern', { find: '[A]', with: 'x' }, 'aA', 'ax'],
      ['fill', 'x', '\u0001', '\u0001'],
      ['trim', null, ' a ', 'a'],
      ['append', '!', 'a', 'a!'],
    ];
    for (const [change, value, from, to] of cases) {
      if (change === 'letter-case' && column === 'citext') continue;
      const keys = await holding(resource, column, from);
      const { changed, failed } = await apply(resource, keys, column, change, value);
      assert.deepEqual(
        [failed, changed, await held(resource, column)],
        [0, from === to ? 0 : 1, to],
        `${change} of ${column}`,
      );
    }
  }
});

test('lists with empty places and lists of lists: right, or refused in words with nothing changed', async (t) => {
  const { resourceOf, holding, held, apply } = await setUp(t);
  const resource = resourceOf('ScalarList');
  const refused = 'The list holds lists of its own: single values cannot be put in or taken out.';
  const cases: readonly [string, string | null, EditName, string[], string | null][] = [
    ['texts', '{a,NULL}', 'add', ['b', 'a'], '{a,NULL,b}'],
    ['texts', '{a,NULL,b}', 'remove', ['b'], '{a,NULL}'],
    ['texts', '{NULL}', 'remove', ['b'], '{NULL}'],
    ['texts', '{NULL}', 'add', ['b'], '{NULL,b}'],
    ['texts', '{a}', 'add', ['A'], '{a,A}'],
    ['texts', '{a,A}', 'remove', ['A'], '{a}'],
    ['texts', '{a,NULL}', 'replace', ['a'], '{a}'],
    ['texts', null, 'add', ['a'], '{a}'],
    ['texts', null, 'remove', ['a'], null],
    ['texts', null, 'replace', ['a'], '{a}'],
    ['texts', '[0:1]={a,b}', 'remove', ['c'], '[0:1]={a,b}'],
    ['ints', '{1,NULL,2}', 'add', ['2', '3'], '{1,NULL,2,3}'],
    ['ints', '{1,NULL,2}', 'remove', ['1'], '{NULL,2}'],
    ['moods', '{HAPPY!,NULL}', 'remove', ['HAPPY!'], '{NULL}'],
    ['texts', '{{a,b},{c,d}}', 'add', ['e'], refused],
    ['texts', '{{a,b},{c,d}}', 'add', ['e', 'f'], refused],
    ['texts', '{{a,b},{c,d}}', 'remove', ['a'], refused],
    ['ints', '{{1}}', 'remove', ['2'], refused],
    ['ints', '{{1}}', 'replace', ['2'], '{2}'],
  ];
  for (const [column, from, change, value, to] of cases) {
    const keys = await holding(resource, column, from);
    const { failed, refusals } = await apply(resource, keys, column, change, value);
    const at = `${change} ${value} of ${from}`;
    if (to === refused)
      assert.deepEqual(
        [failed, refusals[0]?.message, await held(resource, column)],
        [1, refused, from],
        at,
      );
    else assert.deepEqual([failed, await held(resource, column)], [0, to], at);
  }
});

test('undo puts back to the byte, and sees an edit that the database finds equal', async (t) => {
  const { resourceOf, fieldOf, holding, held, apply, db } = await setUp(t);
  for (const [name, column, from, to] of alike) {
    const resource = resourceOf(name);
    if (!resource.model.fields[column]) continue;
    const keys = await holding(resource, column, from);
    const stored = await held(resource, column);
    const undo = () =>
      transaction(db.pages, async (client) => {
        const { rows } = await client.query<{ id: number }>(
          `select max(id) as id from ${db.t.change}`,
        );
        await client.query(`update ${db.t.change} set task_id = null`);
        await client.query('set local session_replication_role = replica');
        await client.query(`update ${db.t.change} set task_id = 7 where id = $1`, [rows[0]?.id]);
        const target = { resource, t: db.t, serverVersion: db.version, author };
        const { text, values } = undoStatement(
          target,
          keys,
          { taskId: 7, columns: [] },
          { kind: 'update', fields: [column] },
        );
        return (await client.query<{ changed: number; refusals: { code: string }[] }>(text, values))
          .rows[0];
      });
    await apply(resource, keys, column, 'set', to);
    assert.equal((await undo())?.changed, 1, column);
    assert.equal(await held(resource, column), stored, column);
    await apply(resource, keys, column, 'set', to);
    const { column: sqlColumn, sqlType } = fieldOf(resource.model, column);
    await db.pages.query(`update ${resource.model.table} set ${sqlColumn} = $1::${sqlType}`, [
      from,
    ]);
    assert.deepEqual(
      (await undo())?.changed,
      0,
      `${column}: is again what it was, which is not what the task wrote`,
    );
  }
});

test('what was written is told by what is stored', async (t) => {
  const { resourceOf, fieldOf, holding, db } = await setUp(t);
  for (const [name, column, from, to] of alike) {
    const resource = resourceOf(name);
    if (!resource.model.fields[column]) continue;
    const keys = await holding(resource, column, from);
    const changed = await transaction(db.pages, async (client) => {
      const rows = await readRows(client, resource.model, keys, { keeps: 'image' });
      const { column: sqlColumn, sqlType } = fieldOf(resource.model, column);
      await client.query(`update ${resource.model.table} set ${sqlColumn} = $1::${sqlType}`, [to]);
      return keepDifference(client, { resource, t: db.t, author }, rows, []);
    });
    assert.deepEqual(changed, [{ key: keys[0], fields: [column] }], column);
  }
});

test('texts of a collation that ignores case or accents can be searched and filtered', async (t) => {
  const { db, registry, resourceOf, holding } = await setUp(t);
  const resource = registry.for(ada, resourceOf('Everything').slug);
  await holding(resource, 'text', 'Straße 7');
  for (const [name, found] of [
    ['text-contains=TRA', 1],
    ['text-starts=stra', 1],
    ['text-ends=7', 1],
    ['text-same=straße 7', 1],
    ['text=STRASSE 7', 1],
    ['text-contains=x', 0],
    ['_q=straß', 1],
  ] as const) {
    const matching = await registry.whereSql(resource.model, buildWhere(resource, ada, name));
    assert.equal((await query(db.pages, matching)).rowCount, found, name);
  }
  const { options } = await searchRelated(
    { registry, sql: db.pages },
    { resource, valueField: null },
    ada,
    'straß',
  );
  assert.equal(options.length, 1);
});

test('each image stands with its own record, in whatever order the records are named', async (t) => {
  const { db, resourceOf, apply } = await setUp(t);
  const resource = resourceOf('Everything');
  const { model } = resource;
  await db.pages.query(`delete from ${model.table}`);
  await db.pages.query(
    `insert into ${model.table} (id, ${model.fields.text?.column}) select n, 'of ' || n from generate_series(-1, 3) n`,
  );
  const keys = [3, -1, 2, 0, 1].map((id) => keyOf(model, { id }));
  await apply(resource, keys, 'text', 'append', '!');
  const { rows } = await query<{ key: string; was: string }>(
    db.pages,
    sql`select key, entry.before ->> 'text' as was from ${raw(db.t.change)} change ${entriesOf('change', ['text'])}`,
  );
  assert.deepEqual(
    new Map(rows.map(({ key, was }) => [key, was])),
    new Map([-1, 0, 1, 2, 3].map((id) => [keyOf(model, { id }), `of ${id}`])),
  );
});
