import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { finished, insertPrincipals, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { makeKeeper } from '../testing/keeper.ts';
import { signInOver } from '../testing/network-visitor.ts';
import { countWrites, insertPlaces } from '../testing/places.ts';
import { runProgram, startProgram } from '../testing/program.ts';
import { until } from '../testing/until.ts';
import { insertUsers, testPassword } from '../testing/users.ts';

test('a database that takes no more connections: pages say so, workers wait and go on, and nothing has failed', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-exhausted-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString: asOwner, defer } = await testDatabase(t);
  const name = new URL(asOwner).pathname.slice(1);
  const connectionString = await makeKeeper(db.pages, asOwner, ['gazetteer']);
  const context = testContext(db);
  await insertPrincipals(db);
  await insertUsers(db, (role) => ({ email: `${role}@example.test`, name: role }));
  await insertPlaces(db, 20_000);
  await countWrites(db);
  const env = {
    DATABASE_URL: connectionString,
    BULKHEAD_FOLDER: folder,
    BULKHEAD_CHUNK_SIZE: '100',
  };
  const worker = await startProgram('work', env);
  defer(() => worker.stop());
  const pages = await startProgram('serve', env);
  defer(() => pages.stop());
  const visitor = await signInOver(pages.address, 'admin@example.test', testPassword);
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'x' },
  );
  const doneOf = async () => {
    const { rows } = await db.pages.query<{ done: number }>(
      `select done from ${db.t.task} where id = $1`,
      [task.id],
    );
    return rows[0]?.done ?? 0;
  };
  await until(async () => (await doneOf()) > 0);
  // Others have all of them: whoever loses one gets none again.
  await db.pages.query(`alter database ${name} connection limit 0`);
  await db.pages.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'bulkhead_keeper'`,
  );
  for (const path of ['/', '/cities', '/tasks']) {
    const page = await visitor.get(path);
    assert.equal(page.statusCode, 503);
    assert.match(page.body, /The server is busy or cannot reach its database\. Try again/);
  }
  await until(() => worker.errors.some((line) => /too many connections/.test(line)));
  await until(() =>
    worker.logged().some(({ message }) => message === 'the worker cannot start yet'),
  );
  const third = await runProgram('work', env);
  assert.equal(third.status, 1);
  assert.equal(third.errors.length, 1);
  assert.match(
    third.errors[0] ?? '',
    /^The database of DATABASE_URL takes no more connections \(.*\): allow more there, or set smaller pools/,
  );

  await db.pages.query(`alter database ${name} connection limit -1`);
  const done = await finished(db, task.id);
  assert.deepEqual([done.state, done.changed, done.failed], ['succeeded', 20_000, 0]);
  const { rows } = await db.pages.query(
    'select min(writes) as min, max(writes) as max from gazetteer.city',
  );
  assert.deepEqual(rows, [{ min: 1, max: 1 }]);
  assert.equal((await visitor.get('/cities')).statusCode, 200);
  // Of each second of trouble a few lines, and no stack.
  assert.deepEqual([worker, pages].flatMap(({ errors }) => errors).filter(isNoLine), []);
});

/** Everything that a process says is a line of its log. */
function isNoLine(line: string): boolean {
  return !line.startsWith('{');
}
