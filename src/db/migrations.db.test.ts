import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { catalog } from '../testing/catalog.ts';
import { testDatabase } from '../testing/database.ts';
import { migrate, migrationLock, pendingMigrations } from './migrations.ts';
import { openEngine } from './schema-engine.ts';

const folder = join(import.meta.dirname, '../../prisma/bulkhead');
const sample = join(import.meta.dirname, '../../prisma/sample');

async function deploy(connectionString: string, schema: string, base = folder): Promise<string[]> {
  const path = join(base, 'schema.prisma');
  const { engine, close } = await openEngine(connectionString, schema, [
    [path, await readFile(path, 'utf8')],
  ]);
  try {
    const names = (await readdir(join(base, 'migrations')))
      .filter((name) => !name.endsWith('.toml'))
      .sort();
    const { appliedMigrationNames } = await engine.applyMigrations({
      migrationsList: {
        baseDir: join(base, 'migrations'),
        lockfile: { path: 'migration_lock.toml', content: 'provider = "postgresql"\n' },
        migrationDirectories: await Promise.all(
          names.map(async (name) => ({
            path: name,
            migrationFile: {
              path: 'migration.sql',
              content: {
                tag: 'ok' as const,
                value: await readFile(join(base, 'migrations', name, 'migration.sql'), 'utf8'),
              },
            },
          })),
        ),
        shadowDbInitScript: '',
      },
      filters: { externalTables: [], externalEnums: [] },
    });
    return appliedMigrationNames;
  } finally {
    await close();
  }
}

test('Prisma finds nothing left to do, and the same history as it would have written', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const applied = await migrate(connectionString, { folder, schema: 'ours' });
  assert.deepEqual(await deploy(connectionString, 'ours'), []);
  await db.pages.query('create schema theirs');
  assert.deepEqual(await deploy(connectionString, 'theirs'), applied);
  const historyOf = async (schema: string) => {
    const { rows } = await db.pages.query(
      `select migration_name, checksum, logs, rolled_back_at, applied_steps_count, length(id) as id, finished_at >= started_at as is_finished
       from ${schema}._prisma_migrations order by 1`,
    );
    return rows;
  };
  assert.deepEqual(await historyOf('ours'), await historyOf('theirs'));
  const named = async (schema: string) =>
    JSON.stringify(await catalog(db.pages, schema))
      .replaceAll(`${schema}.`, '')
      .replaceAll(`SET search_path TO '${schema}'`, 'SET search_path TO its own');
  assert.equal(await named('ours'), await named('theirs'));
  assert.deepEqual(await migrate(connectionString, { folder, schema: 'theirs' }), []);
});

test('what was left half-way after any statement of any migration is finished by the next start', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  for (const base of [folder, sample]) {
    const names = (await readdir(join(base, 'migrations')))
      .filter((name) => !name.endsWith('.toml'))
      .sort();
    const part = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
    t.after(() => rm(part, { recursive: true, force: true }));
    const schema = base === folder ? 'whole' : 'gazetteer';
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query(`drop schema if exists ${schema} cascade`);
      await migrate(connectionString, { folder: base, schema });
      const wanted = JSON.stringify(await catalog(client, schema));
      for (const [index, name] of names.entries()) {
        const sql = await readFile(join(base, 'migrations', name, 'migration.sql'), 'utf8');
        const statements = sql.split(';').filter((text) => text.trim() !== '');
        await rm(join(part, 'migrations'), { recursive: true, force: true });
        await mkdir(join(part, 'migrations'), { recursive: true });
        for (const before of names.slice(0, index))
          await cp(join(base, 'migrations', before), join(part, 'migrations', before), {
            recursive: true,
          });
        // Of a long one some places are enough: the first, the last, and every twelfth between.
        const places = statements
          .map((_, place) => place + 1)
          .filter((place) => place % 12 === 1 || place >= statements.length - 1);
        for (const place of [0, ...places]) {
          await client.query(`drop schema ${schema} cascade`);
          await client.query('reset search_path');
          await migrate(connectionString, { folder: part, schema });
          await client.query(`set search_path to ${schema}`);
          await client.query(
            `insert into _prisma_migrations (id, checksum, migration_name, started_at) values (gen_random_uuid(), 'x', $1, now())`,
            [name],
          );
          for (const statement of statements.slice(0, place)) await client.query(statement);
          await client.query('reset search_path');
          assert.deepEqual(
            await pendingMigrations(connectionString, { folder: base, schema }),
            names.slice(index),
          );
          await migrate(connectionString, { folder: base, schema });
          assert.equal(
            JSON.stringify(await catalog(client, schema)),
            wanted,
            `${name} after ${place} statements`,
          );
          assert.deepEqual(await pendingMigrations(connectionString, { folder: base, schema }), []);
        }
      }
    } finally {
      await client.end();
    }
  }
});

test('a migration that fails leaves nothing of itself or of those before it', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const broken = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
  t.after(() => rm(broken, { recursive: true, force: true }));
  await cp(folder, broken, { recursive: true });
  await mkdir(join(broken, 'migrations/29990101000000_broken'));
  await writeFile(
    join(broken, 'migrations/29990101000000_broken/migration.sql'),
    'create table half (id int);\nselect 1 / 0;\n',
  );
  await assert.rejects(
    migrate(connectionString, { folder: broken, schema: 'bulkhead' }),
    /division by zero/,
  );
  assert.equal(
    (await db.pages.query(`select 1 from pg_namespace where nspname = 'bulkhead'`)).rowCount,
    0,
  );
  assert.ok((await migrate(connectionString, { folder, schema: 'bulkhead' })).length > 0);
});

test('six at once: one applies, the others find it done', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  const applied = await Promise.all(
    Array.from({ length: 6 }, () => migrate(connectionString, { folder, schema: 'bulkhead' })),
  );
  assert.equal(applied.filter((names) => names.length > 0).length, 1);
});

test('whoever waits too long for another process, or for a table, is told so, and nothing was changed', async (t) => {
  const { connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const set = { folder, schema: 'bulkhead' };
  const holder = new pg.Client({ connectionString });
  await holder.connect();
  defer(() => holder.end());
  const isRefused = { code: 'migration-waits', status: 503, message: /^Somebody else holds what/ };
  await holder.query('select pg_advisory_lock($1)', [migrationLock]);
  let waited = 0;
  const waits = { turnMs: 50, tableMs: 50, onWait: () => waited++ };
  await assert.rejects(migrate(connectionString, set, waits), isRefused);
  assert.equal(waited, 1);
  await holder.query('select pg_advisory_unlock($1)', [migrationLock]);
  await migrate(connectionString, set);
  const later = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
  defer(() => rm(later, { recursive: true, force: true }));
  await cp(folder, later, { recursive: true });
  const [name, sql] = ['29990101000000_later', 'alter table task add column later text'];
  await mkdir(join(later, 'migrations', name));
  await writeFile(join(later, 'migrations', name, 'migration.sql'), sql);
  await holder.query('begin; lock table bulkhead.task in access share mode');
  const next = { ...set, folder: later };
  await assert.rejects(migrate(connectionString, next, waits), isRefused);
  assert.deepEqual(await pendingMigrations(connectionString, next), [name]);
  await holder.query('rollback');
  assert.deepEqual(await migrate(connectionString, next), [name]);
});

test('a migration that stands still lets go of what it holds by itself', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const still = await mkdtemp(join(tmpdir(), 'bulkhead-migrations-'));
  defer(() => rm(still, { recursive: true, force: true }));
  await mkdir(join(still, 'migrations', '1_still'), { recursive: true });
  const sql = `create table asked as select current_setting('idle_in_transaction_session_timeout') as longest`;
  await writeFile(join(still, 'migrations', '1_still', 'migration.sql'), sql);
  await migrate(connectionString, { folder: still, schema: 'public' });
  const { rows } = await db.pages.query('select longest from public.asked');
  assert.deepEqual(rows, [{ longest: '1min' }]);
});

test('a Postgres schema with tables of somebody else is refused and left alone', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  await db.pages.query('create schema bulkhead; create table bulkhead.mine (id int)');
  await assert.rejects(
    migrate(connectionString, { folder, schema: 'bulkhead' }),
    /holds tables that are not Bulkhead's/,
  );
  await db.pages.query('drop schema bulkhead cascade');
  await migrate(connectionString, { folder: sample, schema: 'bulkhead' });
  await db.pages.query(
    `update bulkhead._prisma_migrations set migration_name = 'x' || migration_name`,
  );
  await assert.rejects(
    migrate(connectionString, { folder, schema: 'bulkhead' }),
    /holds tables that are not Bulkhead's/,
  );
});

test('a role without rights is told in a sentence what to grant, and starts once everything is there', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const role = `bulkhead_weak_${process.pid}`;
  await db.pages.query(`create role ${role} login password 'weak'`);
  defer(async () => {
    await db.pages.query(`drop owned by ${role}`);
    await db.pages.query(`drop role ${role}`);
  });
  const url = new URL(connectionString);
  url.username = role;
  url.password = 'weak';
  const set = { folder, schema: 'bulkhead' };
  await assert.rejects(
    migrate(url.href, set),
    new RegExp(
      `^AppError: The role "${role}" may not make .*GRANT CREATE ON DATABASE|The role "${role}" may not make`,
    ),
  );
  assert.equal(
    (await db.pages.query(`select 1 from pg_namespace where nspname = 'bulkhead'`)).rowCount,
    0,
  );
  await migrate(connectionString, set);
  await assert.rejects(
    migrate(url.href, set),
    new RegExp(`The role "${role}" may not use the Postgres schema "bulkhead"`),
  );
  await db.pages.query(
    `grant usage on schema bulkhead to ${role}; grant select on all tables in schema bulkhead to ${role}`,
  );
  assert.deepEqual(await migrate(url.href, set), []);
});
