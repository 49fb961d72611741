import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { parseConfig } from '../../config.ts';
import { openDatabase } from '../../db/database.ts';
import { keySql } from '../../metadata/key-sql.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { markGenerated } from '../../resources/generated-columns.ts';
import { isPossible } from '../../resources/possible-actions.ts';
import { type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf, plain } from '../../testing/html-form.ts';
import { typedText } from '../../testing/typed-text.ts';
import { bringUp } from '../bring-up.ts';
import { openAdmin, openSchema } from '../open-admin.ts';

const folder = join(import.meta.dirname, '../../testing/schemas/minimal');
const state = mkdtempSync(join(tmpdir(), 'bulkhead-minimal-'));
test.after(() => rmSync(state, { recursive: true, force: true }));

/** Why some cannot be used, in one sentence. */
const refused: Readonly<Record<string, RegExp>> = {
  cockroach: /^The schema is for CockroachDB, and Bulkhead works with PostgreSQL only\.$/,
  mysql: /^The schema is for MySQL, and Bulkhead works with PostgreSQL only\.$/,
  sqlite: /^The schema is for SQLite, and Bulkhead works with PostgreSQL only\.$/,
  error:
    /^The schema cannot be used: error\.prisma, line 7: Type "B" is neither a built-in type.*\.$/,
  arrayprovider:
    /^The datasource in arrayprovider\.prisma names several providers, \["postgresql", "sqlite"\], and Prisma takes one: /,
  envprovider:
    /^The datasource in envprovider\.prisma has its provider from elsewhere, env\("PROVIDER"\), and Prisma takes a text only: /,
  vector:
    /^The schema needs the extension vector \(named by its datasource\), which the embedded database does not have: set DATABASE_URL/,
  vectornoext:
    /^The schema needs the extension vector \(vector in Chunk\), which the embedded database does not have: set DATABASE_URL/,
};

/**
 * Tables that somebody else made, and is looked at through a schema that says less or other than
 * they are.
 */
const tables: Readonly<Record<string, { sql: string; said: RegExp }>> = {
  extra: {
    sql: `create table "Person" (id serial primary key, name text not null, legacy_note text);
      create table "Pet" (id serial primary key, name text not null, "ownerId" int not null references "Person" on delete cascade on update cascade);
      insert into "Person" (name, legacy_note) values ('Ann', 'kept'), ('Bo', null);
      insert into "Pet" (name, "ownerId") values ('Rex', 1);`,
    said: /^The database has columns that the schema does not name, and they are left alone: Person\.legacy_note\.$/m,
  },
  narrow: {
    sql: `create table "Doc" (id serial primary key, code text not null, at timestamptz not null, price numeric not null, n bigint not null);
      insert into "Doc" (code, at, price, n) values ('AB', now(), 1.5, 7), ('longer than the schema says', 'infinity', 12345678.12345, 5000000000);`,
    said: /^$/,
  },
  supa3: {
    sql: `create schema extensions; create extension citext schema extensions; create extension "uuid-ossp" schema extensions;
      create table things (id uuid primary key default extensions.uuid_generate_v4(), email extensions.citext not null);
      insert into things (email) values ('Ann@example.test'), ('bo@example.test');`,
    said: /^$/,
  },
  supabase: {
    sql: `create schema auth; create table auth.users (id uuid primary key);
      create table profiles (id uuid primary key references auth.users (id), name text not null);
      insert into auth.users select ('00000000-0000-4000-8000-0000000000' || n)::uuid from generate_series(79, 81) n;
      insert into profiles select id, 'Profile ' || right(id::text, 2) from auth.users where right(id::text, 2) < '81';`,
    said: /^Prisma cannot compare this database with the schema \(.*\): only tables and columns were looked at\.$/m,
  },
};

interface Started {
  app: TestApp;
  said: string[];
}

async function start(t: TestContext, name: string, sql = ''): Promise<Started> {
  const said: string[] = [];
  t.mock.method(console, 'log', (text: string) => void said.push(text));
  const app = await testApp(t, {
    content: 'nothing',
    async admin(connectionString) {
      await run(connectionString, sql);
      const config = parseConfig({
        BULKHEAD_FOLDER: state,
        ...(sql ? { DATABASE_URL: connectionString } : {}),
      });
      const opened = await openAdmin({ schema: join(folder, `${name}.prisma`) }, config);
      const admin = await bringUp(opened, config, connectionString);
      const db = await openDatabase({ connectionString });
      return {
        ...admin,
        resources: await markGenerated(admin.resources, db.pages).finally(() => db.close()),
      };
    },
  });
  return { app, said };
}

async function run(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function everyPage({ app }: Started): Promise<void> {
  const admin = await app.signIn('admin');
  const { registry } = app.context;
  const home = (await admin.get('/')).body;
  let found = 0;
  for (const resource of registry.list) {
    assert.ok(home.includes(`href="/${resource.slug}"`), resource.slug);
    await opens(admin, `/${resource.slug}`);
    if (!isPossible(resource.model, 'create')) continue;
    const before = await keysOf(app, resource);
    const typed = await createIn(admin, app, resource);
    for (const key of await keysOf(app, resource)) {
      const path = `/${resource.slug}/${encodeURIComponent(keyToUrl(resource.model, key))}`;
      const record = await opens(admin, path);
      for (const page of ['/edit', '/delete', '/history']) await opens(admin, `${path}${page}`);
      if (before.includes(key)) continue;
      const list = await opens(admin, `/${resource.slug}?_sort=${resource.model.idFields[0]}`);
      found += countShown(resource, key, typed, { record, list });
    }
  }
  assert.ok(found > 0, 'nothing was looked for');
}

/**
 * As a person sees it: each value that was typed at its place, secrets nowhere. Returns how many
 * were looked for.
 */
function countShown(
  { slug, fields, secrets, columns }: Resource,
  key: string,
  typed: Readonly<Record<string, string>>,
  { record, list }: { record: string; list: string },
): number {
  const row = list.slice(list.indexOf(`data-key="${key}"`)).split('</tr>')[0] ?? '';
  const cells = [...row.matchAll(/<td data-label="([^"]*)"[^>]*>(.*?)<\/td>/gs)];
  assert.equal(cells.length, columns.length, `${slug}: ${key} is on the list`);
  let found = 0;
  for (const field of fields) {
    const text = typed[field.name] ?? '';
    if (text === '') continue;
    const value = new RegExp(`data-field="${field.name}">.*?<dd>(.*?)</dd>`, 's').exec(record);
    const places = [
      value?.[1],
      ...cells.filter(([, at]) => plain(at ?? '') === field.label).map(([, , cell]) => cell),
    ];
    for (const place of places) {
      const shown = plain((place ?? '').replace(/<[^>]+>/g, '')).trim();
      assert.ok(
        shown.includes(asShown(field, text)),
        `${slug}.${field.name}: ${text} is shown as ${shown}`,
      );
    }
    found++;
  }
  for (const { name } of secrets) {
    const text = typed[name] ?? '';
    if (text === '') continue;
    assert.ok(![record, list].some((page) => plain(page).includes(text)), `${slug}.${name}`);
    found++;
  }
  return found;
}

/** What is typed into a field, as a page shows it. */
function asShown({ meta, relation }: ResourceField, text: string): string {
  if (relation) return '';
  if (meta.type === 'Boolean') return 'Yes';
  if (meta.type === 'DateTime')
    return meta.sqlType?.startsWith('time') && !meta.sqlType.startsWith('timestamp')
      ? text.slice(0, 5)
      : '2031';
  return text;
}

async function opens(admin: Visitor, path: string): Promise<string> {
  const { statusCode, body } = await admin.get(path);
  assert.equal(
    statusCode,
    200,
    `${path}: ${body.slice(body.indexOf('<main'), body.indexOf('<main') + 800)}`,
  );
  return body;
}

async function createIn(
  admin: Visitor,
  app: TestApp,
  resource: Resource,
): Promise<Record<string, string>> {
  const path = `/${resource.slug}/new`;
  const shown = formOf(await opens(admin, path), 'record-form');
  const typed: Record<string, string> = {};
  for (const field of resource.form) {
    if (field.relation?.kind === 'many-to-many' || (field.relation && !field.meta.isRequired))
      continue;
    typed[field.name] = field.relation
      ? await relatedId(app, resource, field.relation.model)
      : typedText({ ...field, meta: { ...field.meta, isList: false } }, field.isSecret ? 82 : 81);
  }
  const answer = await admin.post(path, { ...shown, ...typed });
  assert.equal(
    answer.statusCode,
    303,
    `${path} ${JSON.stringify(typed)}: ${answer.body.slice(answer.body.indexOf('<main'), answer.body.indexOf('<main') + 2000)}`,
  );
  return typed;
}

async function relatedId(app: TestApp, { metadata }: Resource, model: string): Promise<string> {
  const table = metadata.models[model]?.table ?? '';
  return (
    (await app.db.pages.query<{ id: string }>(`select id::text from ${table} limit 1`)).rows[0]
      ?.id ?? ''
  );
}

async function keysOf(app: TestApp, { model }: Resource): Promise<string[]> {
  const { rows } = await app.db.pages.query<{ key: string }>(
    `select ${keySql(model, 't')} collate "C" as key from ${model.table} t order by 1`,
  );
  return rows.map(({ key }) => key);
}

for (const file of readdirSync(folder).sort()) {
  const name = file.replace('.prisma', '');
  const sentence = refused[name];
  if (sentence) {
    test(`${name}: one sentence says why it cannot be used`, async (t) => {
      await assert.rejects(start(t, name), (error: Error & { code?: string }) => {
        assert.match(error.message, sentence);
        assert.equal(error.code, 'invalid-schema');
        return true;
      });
    });
    continue;
  }
  test(`${name}: starts on an empty database, and again; every page opens and a record can be typed`, async (t) => {
    const started = await start(t, name);
    await everyPage(started);
    const config = parseConfig({ BULKHEAD_FOLDER: state });
    const opened = await openAdmin({ schema: join(folder, file) }, config);
    const before = started.said.length;
    await opened.bringUp(started.app.connectionString);
    assert.deepEqual(
      started.said.slice(before).filter((line) => !/has no pages|^Database: /.test(line)),
      [],
      'nothing differs at the second start',
    );
  });
}

for (const [name, { sql, said: expected }] of Object.entries(tables)) {
  test(`${name}: starts on tables of somebody else's`, async (t) => {
    const { app, said } = await start(t, name, sql);
    const lines = said
      .filter(
        (line) => !/^Generating|^Database: |further differences, which no page needs/.test(line),
      )
      .join('\n');
    assert.match(lines, expected);
    assert.doesNotMatch(said.join('\n'), /\bDROP\b/);
    await everyPage({ app, said });
  });
}

test('what introspection writes as a default over other columns is made as a generated column', async (t) => {
  const { app } = await start(t, 'generated');
  const { rows } = await app.db.pages.query(
    `insert into "Line" (id, amount) values (900, -1) returning flow, "double"`,
  );
  assert.deepEqual(rows, [{ flow: 'in', double: null }]);
  const { schema } = await openSchema(
    join(folder, 'generated.prisma'),
    parseConfig({ BULKHEAD_FOLDER: state }),
  );
  assert.equal(schema.name, 'Minimal');
});
