import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import pg from 'pg';
import { migrationLock } from '../db/migrations.ts';
import { finished, insertPrincipals, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { makeKeeper } from '../testing/keeper.ts';
import { insertPlaces } from '../testing/places.ts';
import { runProgram, startProgram } from '../testing/program.ts';

const migrate = { args: ['migrate'] };

test('two migrations, a worker and pages started at once on an empty database: all go well, and one says what it applied', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-migrations-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { connectionString, defer } = await testDatabase(t, { content: 'nothing' });
  const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  const [one, other, worker, pages] = await Promise.all([
    runProgram('main', env, migrate),
    runProgram('main', env, migrate),
    startProgram('work', env),
    startProgram('serve', env),
  ]);
  defer(() => Promise.all([worker.stop(), pages.stop()]));
  assert.deepEqual([one.status, other.status], [0, 0], [...one.errors, ...other.errors].join('\n'));
  const said = [one.out, other.out].map((text) => text.trim());
  for (const text of said)
    assert.match(text, /^(Applied: .*|The tables of Bulkhead were up to date)\.$/m);
  assert.ok(said.filter((text) => /^Applied/m.test(text)).length <= 1, said.join('\n'));
  assert.equal((await fetch(`${pages.address}/sign-in`)).status, 200);
});

test('whoever waits for a migration under way says so, and goes on when that is done', async (t) => {
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  const env = { DATABASE_URL: connectionString };
  const other = new pg.Client({ connectionString });
  await other.connect();
  await other.query('select pg_advisory_lock($1)', [migrationLock]);
  const running = runProgram('main', env, migrate);
  // Ours waits by then.
  for (let waits = false; !waits; ) {
    const { rowCount } = await other.query(
      `select from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`,
    );
    waits = rowCount === 1;
  }
  await other.end();
  const { status, errors, out } = await running;
  assert.equal(status, 0);
  assert.deepEqual(errors, [
    'Another process brings the tables of Bulkhead up to date: this one waits for it, at most ten minutes.',
  ]);
  assert.match(out, /^Applied: /);
});

test('a worker by a role that may not make its tables says in a sentence who is to do what, and begins when it is done', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-migrations-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString: asOwner, defer } = await testDatabase(t);
  const connectionString = await makeKeeper(db.pages, asOwner, ['gazetteer']);
  const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  // As it was two migrations ago.
  await db.pages.query('alter schema bulkhead rename to put_aside');
  const early = await runProgram('work', env);
  assert.equal(early.status, 1);
  assert.equal(early.errors.length, 1, early.errors.join('\n'));
  assert.match(
    early.errors[0] ?? '',
    /^The role "bulkhead_keeper" may not make or change the tables of the Postgres schema "bulkhead" .* run "npm run bulkhead -- migrate --sql"/,
  );
  await db.pages.query('alter schema put_aside rename to bulkhead');
  const worker = await startProgram('work', env);
  defer(() => worker.stop());
  assert.deepEqual(worker.errors, []);
});

test('a database that is newer than the code: a worker runs what it knows', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPrincipals(db);
  await insertPlaces(db, 100);
  await db.pages.query(`
    alter table ${db.t.task} add column later text not null default 'x';
    insert into bulkhead._prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count) values ('later', '', '29990101000000_later', now(), 1)`);
  const env = { DATABASE_URL: connectionString };
  const again = await runProgram('main', env, migrate);
  assert.deepEqual(
    [again.status, again.out.trim(), again.errors],
    [0, 'The tables of Bulkhead were up to date.', []],
  );
  const worker = await startProgram('work', env);
  defer(() => worker.stop());
  const context = testContext(db);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'x' },
  );
  const done = await finished(db, task.id);
  assert.deepEqual([done.state, done.changed], ['succeeded', 100]);
});
