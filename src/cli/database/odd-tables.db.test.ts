import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../config.ts';
import { foundApp, stateFolder } from '../../testing/found-app.ts';
import { foundAdmin } from './open-found.ts';

const sql = `
  create table empty ();
  create table "Order" (id int primary key, name text); create table "order" (id int primary key, name text); create table "ORDER" (id int primary key);
  create view "oRDER" as select 1 as x;
  insert into "Order" values (1, 'capital'); insert into "order" values (1, 'small');
  create table partly (a int not null, b text, live boolean); create unique index on partly (a) where live;
  insert into partly values (1, 'x', true), (1, 'y', false);
  create table later (id int primary key, a int not null); create unique index on later (a) where a > 3;
  create table optional (p int references later, b text, unique nulls not distinct (b)); create unique index on optional (lower(b));
  create table to_optional (id int primary key, b text references optional (b));
  create table twice (id int primary key, x int, foreign key (x) references later, foreign key (x) references "Order");
  create table ranges (id int4range primary key, t text); insert into ranges values ('[1,2)', 'first');
  create table keyless (p point not null, t text); insert into keyless values ('(1,2)', 'one');
  create table only_point (p point); create view points as select p, 't' as t, now() - now() as i from keyless;
  create table names (id int primary key, "a b" int, a_b int, "a-b" int, "AND" int, "$type" text, "constructor" text, "__proto__" text, "Id" int, "ID" int);
  create table defaults (id int primary key, x int default 3, y text default 'it''s "q" \\', z timestamptz default now(), u uuid default gen_random_uuid(), list int[] default '{1,2}', j jsonb default '{"a": 1}');
  comment on table defaults is E'with "quotes" \\\\ and ''these'' \\n\\n // and */ /* {'; comment on column defaults.x is '/// {{ "';
  create table "long ${'x'.repeat(55)}" (id int primary key);
  create table "User" (id int primary key); create table users (id int primary key); create table "user" (id int primary key);
  create type nothing as enum (); create table of_none (id int primary key, e nothing);
  create table "日" (id int primary key); create table "本" (id int primary key, "日" int references "日", "!" text);
  insert into "日" values (1); insert into "本" values (1, 1, 'x');
`;

test('tables with names, keys and columns that Prisma has no word for have pages, each its own', async (t) => {
  const { admin, context, rows, edit, undo } = await foundApp(t, sql);
  const list = context.registry.list.map(({ slug, model }) => [slug, model.dbTable] as const);
  const tables = await rows(
    `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v') order by relname collate "C"`,
  );
  const shown = list.map(([, table]) => table).sort();
  assert.deepEqual(
    tables.map(({ name }) => String(name)).filter((name) => !shown.includes(name)),
    ['empty', 'only_point'],
  );
  assert.equal(new Set(shown).size, shown.length);
  for (const { slug, model } of context.registry.list) {
    assert.equal((await admin.get(`/${slug}`)).statusCode, 200, slug);
    if (model.idFields.length === 0 || model.isView) continue;
    assert.equal((await admin.get(`/${slug}/new`)).statusCode, 200, slug);
  }
  const slugOf = (table: string) => list.find(([, one]) => one === table)?.[0] ?? '';
  for (const [table, text] of [
    ['Order', 'capital'],
    ['order', 'small'],
  ] as const)
    assert.match((await admin.get(`/${slugOf(table)}/1`)).body, new RegExp(text), table);
  for (const table of ['partly', 'optional', 'ranges', 'keyless'])
    assert.deepEqual(
      context.registry.get(slugOf(table)).model.idFields,
      [],
      `${table} is looked at only`,
    );
  assert.match((await admin.get(`/${slugOf('ranges')}`)).body, /first/);
  assert.match((await admin.get('/')).body, /<span>日</);

  const before = await rows('select * from "order"');
  const task = await edit(slugOf('order'), { field: 'name', 'value.name': 'changed' });
  assert.deepEqual(await rows('select name from "order"'), [{ name: 'changed' }]);
  assert.deepEqual(await rows('select name from "Order"'), [{ name: 'capital' }]);
  await undo(task);
  assert.deepEqual(await rows('select * from "order"'), before);
});

test('a comment of the database is help to its last character, whatever ends its lines: nothing of it is the schema’s', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-comment-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const ends = { carriage: '\\r', line: '\\n', next: '\\u0085', separator: '\\u2028', feed: '\\f' };
  const tables = Object.entries(ends).map(([name, end]) => {
    const provider = `node -e fs.writeFileSync(process.argv[1],String()) ${join(folder, name)}`;
    const lines = ['Help', `generator of_${name} {`, `  provider = "${provider}"`, '}', '/* {'];
    const text = `E'${lines.join(end)}'`;
    return `create table ${name} (id int primary key, a text);
      comment on table ${name} is ${text}; comment on column ${name}.a is ${text};`;
  });
  const { admin, context } = await foundApp(t, tables.join('\n'));
  for (const name of Object.keys(ends)) {
    assert.equal(existsSync(join(folder, name)), false, `the comment of ${name} was run`);
    const { slug, model } = context.registry.list.find(
      ({ model: { dbTable } }) => dbTable === name,
    ) as (typeof context.registry.list)[number];
    assert.equal((await admin.get(`/${slug}/new`)).statusCode, 200);
    assert.match(model.fields.a?.documentation ?? '', new RegExp(`generator of_${name}`));
  }
});

const marked = `
  create table "qu""ote" (id int primary key);
  create table keyed ("i""d" int primary key, t text); create table to_keyed (id int primary key, k int references keyed, t text);
  create table marks (id int primary key, "say ""it""" text not null default 'x' unique, t text); create index on marks ("say ""it""", t);
  create table to_marks (id int primary key, m int references marks); create view marks_seen as select * from marks;
  insert into marks values (1, 'a', 'b'); insert into to_marks values (1, 1);
`;

test('what has a quotation mark in its name is left alone, since Prisma writes names as they are', async (t) => {
  const { admin, context, connectionString, rows, edit, undo } = await foundApp(t, marked);
  const said: string[] = [];
  await foundAdmin(
    parseConfig({ BULKHEAD_FOLDER: stateFolder(), DATABASE_URL: connectionString }),
    (text) => said.push(text),
  );
  assert.deepEqual(said.slice(1), [
    'Prisma cannot name what has a quotation mark in its name, and it is left alone: public.keyed.i"d, public.marks.say "it", public.marks_seen.say "it", public.qu"ote.',
  ]);
  const slugs = context.registry.list.map(({ slug }) => slug);
  assert.deepEqual([...slugs].sort(), ['marks', 'marks-seens', 'to-keyeds', 'to-marks']);
  for (const path of ['', '/1', '/1/edit', '/new'])
    for (const slug of ['marks', 'to-marks'])
      assert.equal((await admin.get(`/${slug}${path}`)).statusCode, 200, `${slug}${path}`);
  assert.equal((await admin.get('/marks-seens')).statusCode, 200);
  assert.equal((await admin.get('/to-keyeds/new')).statusCode, 200);
  const before = await rows('select * from marks');
  const task = await edit('marks', { field: 't', 'value.t': 'changed' });
  assert.deepEqual(await rows('select * from marks'), [{ ...before[0], t: 'changed' }]);
  await undo(task);
  assert.deepEqual(await rows('select * from marks'), before);
});
