import assert from 'node:assert/strict';
import { test } from 'node:test';
import { foundApp } from '../../testing/found-app.ts';

/** What has a meaning in SQL, in a schema, in TypeScript, in a template, or on a page. */
const odd = [
  'a"b',
  'a\\b',
  'a\nb',
  'a\rb',
  '*/ x /*',
  ['$', '{1}'].join(''),
  "it's",
  '} model x {',
  '<img src=x>',
  '// c',
  'a`b',
  '%s',
  '{{x}}',
  'tab\there',
  'a\u2028b',
  'a\u0085b',
];

const named = (name: string) => `"${name.replaceAll('"', '""')}"`;
const text = (given: string) => `E'${given.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;
const kind = named('kind "of"\n}');
const schema = named('place x \\\n}');

const sql = [
  `create type ${kind} as enum (${odd.map(text).join(', ')});`,
  ...odd.map(
    (name) => `create table ${named(name)} (id int primary key,
      ${odd.map((column) => `${named(column)} text default ${text(column)}`).join(', ')},
      k ${kind} default ${text(name)}, constraint ${named(`no ${name}`)} check (id > 0),
      constraint ${named(`once ${name}`)} exclude using btree (id with =));
      comment on table ${named(name)} is ${text(name)};
      insert into ${named(name)} (id) values (1);`,
  ),
  `create schema ${schema}; create table ${schema}.within (id int primary key, name text);
   create view ${named('seen x\n}')} as select 1 as ${named('c x\n}')};`,
].join('\n');

test('whatever tables, columns, values and defaults are called, each is shown, changed and taken back', async (t) => {
  const { context, admin, rows, edit, undo } = await foundApp(t, sql);
  const { list } = context.registry;
  // Prisma cannot name what has a quotation mark in its name: it is left alone.
  const plain = odd.filter((name) => !name.includes('"'));
  assert.deepEqual(
    list.map(({ model }) => model.dbTable).sort(),
    [...plain, 'within', 'seen x\n}'].sort(),
  );
  for (const { slug, model } of list) {
    const answer = await admin.get(`/${slug}`);
    assert.equal(answer.statusCode, 200, model.dbTable);
    assert.doesNotMatch(answer.body, /<img src=x/);
    if (model.idFields.length === 0 || !odd.includes(model.dbTable)) continue;
    const form = await admin.get(`/${slug}/1/edit`);
    assert.equal(form.statusCode, 200, model.dbTable);
    assert.doesNotMatch(form.body, /<img src=x/);
    const columns = Object.values(model.fields).map(({ dbColumn }) => dbColumn);
    assert.deepEqual(columns, ['id', ...plain, 'k'], model.dbTable);
  }
  const table = 'a\u2028b';
  const { slug = '', model } = list.find(({ model: { dbTable } }) => dbTable === table) ?? {};
  const before = await rows(`select * from ${named(table)}`);
  assert.equal(before[0]?.k, table);
  for (const column of plain) {
    const field = Object.values(model?.fields ?? {}).find(({ dbColumn }) => dbColumn === column);
    assert.equal(before[0]?.[column], column);
    const name = field?.name ?? '';
    const task = await edit(slug, { field: name, [`value.${name}`]: 'new' });
    assert.equal(task.state, 'succeeded');
    const [after] = await rows(`select * from ${named(table)}`);
    assert.deepEqual(after, { ...before[0], [column]: 'new' });
    assert.equal((await undo(task)).state, 'succeeded');
    assert.deepEqual(await rows(`select * from ${named(table)}`), before);
  }
});
