import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Database } from '../../db/database.ts';
import { editAll, undoTask } from '../../testing/bulk-by-http.ts';
import { openEveryPage, startCommand, stopCommands, visitAs } from '../../testing/command.ts';
import { testDatabase } from '../../testing/database.ts';

function stateFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-found-'));
  t.after(async () => {
    await stopCommands();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

const shop = `
  create schema "sales-eu";
  create schema archive;
  create type mood as enum ('happy', 'so-so', '1');
  create table customer (id serial primary key, name text not null, mood mood);
  comment on table customer is 'Whoever has bought something';
  comment on column customer.name is 'As it stands on letters';
  create table order_items (id bigserial primary key, customer_id int references customer, placed_by int references customer, "2nd" text, "日" text, "class" text);
  create table "class" (id int primary key, "and" text, "AND" text);
  create table "sales-eu"."order items" (id int primary key, note text);
  create table archive.customer (id int primary key, name text, "select" text);
  create table odd (what text);
  create table "seen"" union select 1 --" (id int primary key);
  create view happy as select id, name from customer where mood = 'happy';
  create materialized view counted as select mood, count(*) as people from customer group by mood;
  create table measured (at date not null, place text not null, value numeric, primary key (at, place)) partition by range (at);
  create table measured_2026 partition of measured for values from ('2026-01-01') to ('2027-01-01');
  create table "_prisma_migrations" (id text primary key);
  insert into customer (name, mood) select 'Person ' || n, 'happy' from generate_series(1, 40) n;
  insert into order_items (customer_id, placed_by) select n, 1 from generate_series(1, 40) n;
  insert into archive.customer values (1, 'Old one', 'x');
  insert into "class" values (1, 'a', 'b');
  insert into measured values ('2026-05-01', 'Here', 1.5);
`;

async function namesOf({ pages }: Database): Promise<string[]> {
  const { rows } = await pages.query<{ name: string }>('select distinct name from customer');
  return rows.map(({ name }) => name);
}

test('a database without a schema: one command gives every table and view its pages, comments help, and a bulk edit comes to its end', async (t) => {
  const folder = stateFolder(t);
  const project = stateFolder(t);
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  await db.pages.query(shop);
  const args = ['start', '--', '--port', '0', '--database', connectionString];
  const env = { BULKHEAD_FOLDER: folder, INIT_CWD: project };
  const command = await startCommand(args, env);
  assert.match(command.text(), /read as it is: 7 tables, 1 view and 1 materialized view\./);
  assert.match(
    command.text(),
    /quotation mark in its name, and it is left alone: public\.seen" union select 1 --\./,
  );
  assert.doesNotMatch(command.text(), /Since the last start/);
  const admin = await visitAs(command);
  const home = await admin.get('/');
  for (const [slug, label] of Object.entries({
    customers: 'Customers',
    'order-items': 'Order items',
    'sales-eu-order-items': 'Sales eu order items',
    'archive-customers': 'Archive customers',
    classes: 'Classes',
    odds: 'Odds',
    happies: 'Happies',
    counteds: 'Counteds',
    measureds: 'Measureds',
  }))
    assert.match(home, new RegExp(`href="/${slug}"(?:(?!</a>)[\\s\\S])*<span>${label}<`), slug);
  assert.doesNotMatch(home, /measured-2026|prisma-migrations/);

  const list = await admin.get('/customers');
  assert.match(list, /Whoever has bought something/);
  assert.match(await admin.get('/customers/1/edit'), /As it stands on letters/);
  const lines = await admin.get('/order-items/1');
  assert.match(lines, />2nd</);
  assert.match(lines, />日</);
  assert.match(lines, /Placed by/);
  assert.ok((await openEveryPage(admin)).includes('/measureds'));

  const task = await editAll(admin, db, 'customers', 'name', 'Renamed');
  assert.deepEqual(await namesOf(db), ['Renamed']);
  await undoTask(admin, db, task);
  assert.equal((await namesOf(db)).length, 40);
  await command.stop();

  await db.pages.query(
    `alter table customer add column note text, add column "size" int; alter table order_items drop column "2nd"; drop table odd; create table fresh (id int primary key)`,
  );
  const second = await startCommand(args, env);
  assert.match(
    second.text(),
    /Since the last start: 2 columns more in customer, table fresh is new, 1 column fewer in order_items, table odd is gone\.\n/,
  );
  await second.stop();
  const third = await startCommand(args, env);
  assert.doesNotMatch(third.text(), /Since the last start|Generating/);
  await third.stop();
  assert.deepEqual(readdirSync(project), [], 'nothing is written beside the project');
  assert.deepEqual(readdirSync(folder).sort(), ['databases', 'schemas', 'session-secret']);
});
