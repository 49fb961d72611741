import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { migrationSql } from '../db/migration-sql.ts';
import { sqlstate } from '../db/sqlstate.ts';
import { editAll, undoTask } from '../testing/bulk-by-http.ts';
import { catalog } from '../testing/catalog.ts';
import { endedCommand, startCommand, stopCommands, visitAs } from '../testing/command.ts';
import { type TestDatabase, testDatabase } from '../testing/database.ts';
import { migrateAll, ours } from './migrate-all.ts';

const schemas = ['bulkhead', 'bulkhead_queue'];

async function made({ db }: TestDatabase) {
  return Promise.all(schemas.map((schema) => catalog(db.pages, schema)));
}

/** As psql runs a file: all of it in one session. */
async function runAsAdministrator(connectionString: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

/** A role that may read and write rows of one table of the project's, and make nothing. */
async function restrictedRole({ db, connectionString, defer }: TestDatabase) {
  const name = `bulkhead "role" ${process.pid}`;
  const quoted = pg.escapeIdentifier(name);
  await db.pages.query(
    `create role ${quoted} login password 'pass'; create table thing (id serial primary key, name text); create table secret (id int primary key);
     insert into thing (name) select 'Thing ' || n from generate_series(1, 60) n;
     grant select, insert, update, delete on thing to ${quoted}; grant usage on sequence thing_id_seq to ${quoted};
     revoke create on schema public from public`,
  );
  defer(async () => {
    await db.pages.query(`drop owned by ${quoted}`);
    await db.pages.query(`drop role ${quoted}`);
  });
  const url = Object.assign(new URL(connectionString), { username: name, password: 'pass' }).href;
  return { name, url };
}

test('what an administrator runs for a role that makes nothing is what a start makes, and may be run again and after an upgrade', async (t) => {
  const [plain, printed] = [
    await testDatabase(t, { content: 'nothing' }),
    await testDatabase(t, { content: 'nothing' }),
  ];
  const { name } = await restrictedRole(printed);
  await migrateAll(plain.connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, {});
  const earlier = mkdtempSync(join(tmpdir(), 'bulkhead-earlier-'));
  t.after(() => rmSync(earlier, { recursive: true, force: true }));
  cpSync(ours, earlier, { recursive: true });
  const names = readdirSync(join(earlier, 'migrations')).filter((one) => /^\d/.test(one));
  for (const late of names.sort().slice(-4))
    rmSync(join(earlier, 'migrations', late), { recursive: true });
  const role = { name, database: 'shop' };
  const sqlOf = (folder: string) =>
    migrationSql({ folder, schema: 'bulkhead' }, 'bulkhead_queue', role);
  await runAsAdministrator(printed.connectionString, await sqlOf(earlier));
  const complete = await made(plain);
  assert.notDeepEqual(await made(printed), complete);
  for (const time of ['after the upgrade', 'once more']) {
    await runAsAdministrator(printed.connectionString, await sqlOf(ours));
    assert.deepEqual(await made(printed), complete, time);
  }
  const applied = async ({ db }: TestDatabase) =>
    (
      await db.pages.query(
        'select migration_name, checksum from bulkhead._prisma_migrations order by 1',
      )
    ).rows;
  assert.deepEqual(await applied(printed), await applied(plain));
  const queued = async ({ db }: TestDatabase) =>
    (await db.pages.query('select id, breaking from bulkhead_queue.migrations order by 1')).rows;
  assert.deepEqual(await queued(printed), await queued(plain));
  await migrateAll(printed.connectionString, { BULKHEAD_DATABASE_SCHEMA: 'bulkhead' }, {});
  assert.deepEqual(await made(printed), complete);
});

test('somebody else’s tables in our schema refuse it, and nothing is made', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  await db.pages.query('create schema bulkhead; create table bulkhead.theirs (id int)');
  const role = { name: 'postgres', database: 'shop' };
  const sql = await migrationSql({ folder: ours, schema: 'bulkhead' }, 'bulkhead_queue', role);
  await assert.rejects(
    runAsAdministrator(connectionString, sql),
    /The Postgres schema bulkhead holds tables that are not Bulkhead's\./,
  );
  const { rows } = await db.pages.query(
    `select nspname from pg_namespace where nspname = 'bulkhead_queue'`,
  );
  assert.deepEqual(rows, []);
});

test('a role that may make nothing: a start says what to run; after that it serves, edits in bulk to the end, undoes, and can no more than that', async (t) => {
  const database = await testDatabase(t, { content: 'nothing' });
  const { db, connectionString } = database;
  const { url } = await restrictedRole(database);
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-restricted-'));
  t.after(async () => {
    await stopCommands();
    rmSync(folder, { recursive: true, force: true });
  });
  const env = { BULKHEAD_FOLDER: folder };
  const start = ['start', '--', '--port', '0', '--database', url];
  const refused = await endedCommand(start, env);
  assert.match(
    refused.text,
    /^The role ".*" may not make .*: run "npm run bulkhead -- migrate --sql" and let whoever administers the database run what it prints, or give the role the right/m,
  );
  assert.equal(refused.status, 1);

  const printed = await endedCommand(['bulkhead', '--', 'migrate', '--sql'], {
    ...env,
    DATABASE_URL: url,
  });
  assert.equal(printed.status, 0, printed.text);
  await runAsAdministrator(connectionString, printed.text.slice(printed.text.indexOf('--')));

  const command = await startCommand(start, env);
  const admin = await visitAs(command);
  const task = await editAll(admin, db, 'things', 'name', 'Same');
  const names = async () =>
    (await db.pages.query<{ name: string }>('select distinct name from thing order by 1')).rows;
  assert.deepEqual(await names(), [{ name: 'Same' }]);
  await undoTask(admin, db, task);
  assert.equal((await names()).length, 60);
  assert.match(await admin.get('/tasks/audit'), /undo/i);
  await command.stop();

  const own = new pg.Client({ connectionString: url });
  await own.connect();
  for (const statement of [
    'create table bulkhead.more (id int)',
    'create table bulkhead_queue.more (id int)',
    'create schema another',
    'create table public.more (id int)',
    'alter table bulkhead.task add column more int',
    'alter table bulkhead.audit_entry disable trigger all',
    'drop table bulkhead.task',
    'truncate bulkhead.task',
    'drop function bulkhead.launch',
    'insert into bulkhead._prisma_migrations (id, checksum, migration_name) values (1, 1, 1)',
    'delete from bulkhead._prisma_migrations',
    'update bulkhead_queue.migrations set breaking = true',
    'alter table thing add column more int',
    'select * from secret',
    'create extension pg_trgm',
  ])
    await assert.rejects(own.query(statement), { code: sqlstate.insufficientPrivilege }, statement);
  await own.end();
});
