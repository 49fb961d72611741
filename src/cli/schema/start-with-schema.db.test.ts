import assert from 'node:assert/strict';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { endedCommand, startCommand, stopCommands, visitAs } from '../../testing/command.ts';
import { testDatabase } from '../../testing/database.ts';

const schemas = join(import.meta.dirname, '../../testing/schemas');

/** What is generated of a schema is kept for all of these tests. */
const generated = mkdtempSync(join(tmpdir(), 'bulkhead-generated-'));
test.after(() => rmSync(generated, { recursive: true, force: true }));

/** A copy of a project, and a folder for what Bulkhead keeps. */
function project(
  t: TestContext,
  name: string,
): { path: string; folder: string; read(): Record<string, string> } {
  const base = mkdtempSync(join(tmpdir(), 'bulkhead-project-'));
  t.after(async () => {
    await stopCommands();
    rmSync(base, { recursive: true, force: true });
  });
  const [path, folder] = [join(base, name), join(base, 'state')];
  mkdirSync(folder);
  symlinkSync(generated, join(folder, 'schemas'));
  cpSync(join(schemas, name), path, { recursive: true });
  const read = () =>
    Object.fromEntries(
      readdirSync(path, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          join(entry.parentPath, entry.name),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );
  return { path, folder, read };
}

test('a schema of Prisma 5 and the embedded database: the tables are made, every model has pages, once is enough', async (t) => {
  const { path, folder, read } = project(t, 'prisma-5');
  const before = read();
  const args = ['start', '--', '--port', '0', '--schema', path];
  const first = await startCommand(args, { BULKHEAD_FOLDER: folder });
  assert.match(first.text(), /Generating pages for .*prisma-5/);
  assert.match(first.text(), /The database was made to fit the schema/);
  assert.match(first.text(), /PostCount has no pages: its view is not in the database\./);
  const admin = await visitAs(first);
  const home = await admin.get('/');
  for (const slug of ['users', 'profiles', 'posts', 'categories', 'audit-lines']) {
    assert.ok(home.includes(`href="/${slug}"`), `${slug} is on the home page`);
    await admin.get(`/${slug}`);
  }
  assert.ok(!home.includes('post-counts'));
  const created = await admin.post('/users/new', {
    email: 'ada@example.com',
    name: 'Ada',
    role: 'ADMIN',
  });
  assert.equal(created.status, 303, created.text);
  assert.match(await admin.get('/users'), /ada@example\.com/);
  assert.ok(
    !(await admin.get('/audit-lines')).includes('/audit-lines/new'),
    'what nothing unique addresses is only looked at',
  );
  await first.stop();

  const second = await startCommand(args, { BULKHEAD_FOLDER: folder });
  assert.doesNotMatch(second.text(), /Generating|differs|made to fit/);
  assert.match(await (await visitAs(second)).get('/users'), /ada@example\.com/);
  await second.stop();
  assert.deepEqual(read(), before, 'nothing of the project was written');
});

const rows = `
  create table suppliers (id uuid primary key, name text not null);
  create table products (sku varchar(20) primary key, name text not null, price decimal(12, 2) not null, attributes jsonb not null default '{}',
    supplier_id uuid references suppliers (id) on delete set null on update cascade, added_at timestamptz(3) not null default current_timestamp);
  create index "products_supplier_id_idx" on products (supplier_id);
  create index by_name on products (name);
  create table kept_by_somebody_else (id int primary key);
  create type mood as enum ('sad');
  create table _prisma_migrations (id varchar(36) primary key, checksum varchar(64) not null);
  insert into suppliers values ('a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'Acme');
  insert into products select 'SKU-' || n, 'Product ' || n, n, '{}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11' from generate_series(1, 60) n;`;

test('a schema of Prisma 7 and a database with rows: pages and a worker run, and nothing of the project is changed', async (t) => {
  const { path, folder, read } = project(t, 'prisma-7');
  const before = read();
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  await db.pages.query(rows);
  const columns = async () =>
    (
      await db.pages.query(
        `select table_name, column_name, data_type, column_default from information_schema.columns where table_schema = 'public' order by 1, 2`,
      )
    ).rows;
  const columnsBefore = await columns();
  const env = { BULKHEAD_FOLDER: folder, DATABASE_URL: connectionString, PORT: '0' };
  const served = await startCommand(
    ['serve', '--', '--schema', join(path, 'prisma/schema.prisma')],
    env,
  );
  const worker = await startCommand(['work', '--', '--schema', join(path, 'prisma')], env);
  const { status } = await fetch(`${served.address}/healthz`);
  assert.equal(status, 200);
  await served.stop();

  const started = await startCommand(['start', '--', '--schema', path], {
    ...env,
    BULKHEAD_FOLDER: folder,
  });
  const admin = await visitAs(started);
  const list = await admin.get('/products');
  assert.match(list, /SKU-1\b/);
  assert.match(list, /Acme/);
  await started.stop();
  await worker.stop();
  assert.deepEqual(await columns(), columnsBefore);
  assert.deepEqual(read(), before);
});

test('a schema of several files and Postgres schemas', async (t) => {
  const { path, folder } = project(t, 'several-files');
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const started = await startCommand(
    ['start', '--', '--schema', join(path, 'prisma/schema'), '--port', '0'],
    {
      BULKHEAD_FOLDER: folder,
      DATABASE_URL: connectionString,
    },
  );
  const admin = await visitAs(started);
  assert.equal((await admin.post('/people/new', { name: 'Ada' })).status, 303);
  const created = await admin.post('/invoices/new', {
    number: '2026/1',
    state: 'paid',
    person: '1',
  });
  assert.equal(created.status, 303, created.text);
  assert.match(await admin.get('/invoices'), /2026\/1/);
  const { rows: kept } = await db.pages.query(
    'select i.number, i.state::text, p.name from billing."Invoice" i join people."Person" p on p.id = i."personId"',
  );
  assert.deepEqual(kept, [{ number: '2026/1', state: 'paid', name: 'Ada' }]);
  await started.stop();
});

test('a later difference is shown as SQL, made where nothing is dropped, and refused where something would be', async (t) => {
  const { path, folder } = project(t, 'prisma-7');
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const file = join(path, 'prisma/schema.prisma');
  const text = readFileSync(file, 'utf8');
  const env = { BULKHEAD_FOLDER: folder, DATABASE_URL: connectionString, PORT: '0' };
  const args = ['start', '--', '--schema', file];
  await (await startCommand(args, env)).stop();
  await db.pages.query(`insert into products (sku, name, price) values ('A', 'Anvil', 1)`);

  writeFileSync(file, text.replace('price ', 'colour String?\n  price '));
  const added = await startCommand(args, env);
  assert.match(added.text(), /ADD COLUMN +"colour" TEXT/);
  assert.match(await (await visitAs(added)).get('/products'), /Colour/);
  await added.stop();

  writeFileSync(file, text.replace(/\n *name +String\n( *price)/, '\n$1'));
  const refused = await endedCommand(args, env);
  assert.equal(refused.status, 1);
  assert.match(refused.text, /DROP COLUMN "name"/);
  assert.match(refused.text, /would drop something/);
  assert.doesNotMatch(
    refused.text,
    /"bulkhead|\n +at /,
    'our own tables are no difference, and there is no stack',
  );
  assert.deepEqual((await db.pages.query('select name from products')).rows, [{ name: 'Anvil' }]);

  const despite = await startCommand([...args, '--ignore-differences'], env);
  assert.match(await (await visitAs(despite)).get('/products'), />A</);
  await despite.stop();
});

test('what a database that is not ours lacks is shown as SQL and never made', async (t) => {
  const { path, folder } = project(t, 'prisma-7');
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  await db.pages.query(rows);
  await db.pages.query('alter table products drop column price');
  const { status, text } = await endedCommand(['start', '--', '--schema', path], {
    BULKHEAD_FOLDER: folder,
    DATABASE_URL: connectionString,
    PORT: '0',
  });
  assert.equal(status, 1);
  assert.match(text, /ADD COLUMN +"price" DECIMAL\(12,2\) NOT NULL/);
  assert.match(text, /lacks something that the schema names/);
  assert.doesNotMatch(text, /kept_by_somebody_else|mood|_prisma_migrations/);
  const { rowCount } = await db.pages.query(
    `select 1 from information_schema.columns where table_name = 'products' and column_name = 'price'`,
  );
  assert.equal(rowCount, 0);
});

test('what is wrong with a schema is one sentence and exit status 1', async (t) => {
  const { path, folder } = project(t, 'prisma-7');
  const file = (text: string) => {
    writeFileSync(join(path, 'one.prisma'), text);
    return join(path, 'one.prisma');
  };
  const model = '\nmodel A {\n  id Int @id\n}\n';
  const source = 'datasource db {\n  provider = "postgresql"\n}\n';
  const cases: [string, () => string, RegExp][] = [
    ['no such path', () => join(path, 'none'), /^There is no schema at .*none\.$/],
    [
      'a folder without one',
      () => join(path, '..', 'empty'),
      /^The folder .*empty holds no \.prisma file\.$/,
    ],
    ['no datasource', () => file(model), /^The schema has no datasource: add datasource db/],
    [
      'another database',
      () => file(`datasource db { provider = "mysql"\n url = env("X") }${model}`),
      /^The schema is for MySQL, and Bulkhead works with PostgreSQL only\.$/,
    ],
    [
      'no provider',
      () => file(`datasource db {\n}${model}`),
      /^The datasource in one\.prisma names no provider/,
    ],
    [
      'two datasources',
      () => file(`${source}${source}${model}`),
      /^The schema has two datasources, in one\.prisma and one\.prisma: keep one\.$/,
    ],
    ['no models', () => file(source), /^The schema has no models\.$/],
    [
      'an unknown type',
      () => file(`${source}${model.replace('@id', '@id\n  name Sting')}`),
      /^The schema cannot be used: one\.prisma, line 7: .*"Sting"/,
    ],
    [
      'a syntax error',
      () => file(`${source}${model}model B {\n  id Int @id\n  !!\n}\n`),
      /^The schema cannot be used: one\.prisma, line 10: /,
    ],
  ];
  mkdirSync(join(path, '..', 'empty'));
  for (const [what, given, sentence] of cases) {
    const { status, text } = await endedCommand(['start', '--', '--schema', given()], {
      BULKHEAD_FOLDER: folder,
      PORT: '0',
    });
    const said = text
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('Generating'));
    assert.equal(status, 1, what);
    assert.equal(said.length, 1, `${what}: ${text}`);
    assert.match(said[0] ?? '', sentence, what);
  }
  const unknown = await endedCommand(['start', '--', '--shema', path], { BULKHEAD_FOLDER: folder });
  assert.match(unknown.text.trim(), /^Unknown option '--shema'\. See --help\.$/);
});

test("tables are where Prisma's own parameter of the address says", async (t) => {
  const { path, folder } = project(t, 'prisma-7');
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const env = {
    BULKHEAD_FOLDER: folder,
    DATABASE_URL: `${connectionString}?schema=shop&connection_limit=5`,
    PORT: '0',
  };
  const started = await startCommand(['start', '--', '--schema', path], env);
  const admin = await visitAs(started);
  const made = await admin.post('/products/new', {
    sku: 'A',
    name: 'Anvil',
    price: '1.10',
    attributes: '{}',
  });
  assert.equal(made.status, 303, made.text);
  assert.equal((await admin.post('/products/A/edit', { name: 'Anvils' })).status, 303);
  assert.match(await admin.get('/products'), /Anvils/);
  await started.stop();
  assert.deepEqual((await db.pages.query('select name from shop.products')).rows, [
    { name: 'Anvils' },
  ]);
  assert.deepEqual(
    (await db.pages.query(`select 1 from pg_tables where schemaname = 'public'`)).rows,
    [],
  );
});
