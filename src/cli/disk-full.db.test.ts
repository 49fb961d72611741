import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { finished, insertPrincipals, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { fillDisk, makeRoomOnDisk } from '../testing/full-disk.ts';
import { launchAs, openAs, selectAs } from '../testing/launch-as.ts';
import { signInOver } from '../testing/network-visitor.ts';
import { countWrites, insertPlaces } from '../testing/places.ts';
import { runProgram, startProgram } from '../testing/program.ts';
import { until } from '../testing/until.ts';
import { insertUsers, testPassword } from '../testing/users.ts';

const noRoom = /No space left on device/;

test('a disk that is full: the task waits and says why in the log, pages say to try again, and with room all goes on', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-full-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db);
  await insertPrincipals(db);
  await insertUsers(db, (role) => ({ email: `${role}@example.test`, name: role }));
  await insertPlaces(db, 3_000);
  await countWrites(db);
  await fillDisk(db.pages, 'gazetteer.city', { condition: 'new.id > 1500' });
  const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  const worker = await startProgram('work', env);
  defer(() => worker.stop());
  const pages = await startProgram('serve', env);
  defer(() => pages.stop());
  const { task } = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'x' },
  );
  const waits = () =>
    worker.logged().filter(({ message, taskId }) => taskId === task.id && /later/.test(message));
  const read = async () => {
    const { rows } = await db.pages.query(
      `select state, deaths, failed, attempts from ${db.t.task} where id = $1`,
      [task.id],
    );
    return rows[0];
  };
  await until(async () => waits().length > 0 && (await read()).attempts >= 4);
  const { attempts: _, ...meanwhile } = await read();
  assert.deepEqual(meanwhile, { state: 'running', deaths: 0, failed: 0 });
  // Tried again and again, it is said once a minute.
  assert.equal(waits().length, 1);
  assert.match(String(waits()[0]?.error), noRoom);

  const visitor = await signInOver(pages.address, 'admin@example.test', testPassword);
  assert.equal((await visitor.get(`/tasks/${task.id}`)).statusCode, 200);
  assert.equal((await visitor.get('/cities')).statusCode, 200);
  await fillDisk(db.pages, db.t.change);
  const saved = await visitor.post('/tags/new', { name: 'typed' });
  assert.equal(saved.statusCode, 503);
  assert.match(saved.body, /Try again in a moment/);
  assert.match(saved.body, /value="typed"/);
  await fillDisk(db.pages, db.t.task, { on: 'insert' });
  const path = `/cities/bulk-edit?_s=${await selectAs(visitor, 40)}`;
  const edit = { field: 'status', 'value.status': 'published' };
  const launched = await visitor.post(path, { _op: await openAs(visitor, path), ...edit });
  assert.equal(launched.statusCode, 503);
  const { rows: said } = await db.pages.query(
    `select (select count(*)::int from ${db.t.task}) as tasks, (select count(*)::int from gazetteer.tag where name = 'typed') as tags`,
  );
  assert.deepEqual(said, [{ tasks: 1, tags: 0 }]);

  await makeRoomOnDisk(db.pages);
  const done = await finished(db, task.id);
  assert.deepEqual([done.state, done.changed, done.failed], ['succeeded', 3_000, 0]);
  const { rows } = await db.pages.query(
    'select min(writes) as min, max(writes) as max from gazetteer.city',
  );
  assert.deepEqual(rows, [{ min: 1, max: 1 }]);
  assert.equal((await visitor.post('/tags/new', { name: 'typed' })).statusCode, 303);
  const next = await launchAs(visitor, 40);
  assert.equal((await finished(db, next)).state, 'succeeded');
  assert.deepEqual([worker, pages].flatMap(({ errors }) => errors).filter(isNoLine), []);
});

test('a migration that finds no room is one sentence, leaves nothing, and is made when there is some', async (t) => {
  const { db, connectionString } = await testDatabase(t, { content: 'nothing' });
  const env = { DATABASE_URL: connectionString };
  await db.pages.query(`
    create function public.write_full() returns event_trigger language plpgsql as $$ begin
      execute $copy$copy (select repeat('x', 1000000)) to '/dev/full'$copy$;
    end $$;
    create event trigger full_disk on ddl_command_end when tag in ('CREATE INDEX') execute function public.write_full()`);
  const refused = await runProgram('main', env, { args: ['migrate'] });
  assert.equal(refused.status, 1);
  assert.equal(refused.errors.length, 1);
  assert.match(
    refused.errors[0] ?? '',
    /^There is no room left on the disk \(.*No space left on device\)\.$/,
  );
  const { rows } = await db.pages.query(
    `select count(*)::int as count from pg_namespace where nspname like 'bulkhead%'`,
  );
  assert.deepEqual(rows, [{ count: 0 }]);
  await db.pages.query('drop event trigger full_disk');
  assert.equal((await runProgram('main', env, { args: ['migrate'] })).status, 0);
});

/** Everything that a process says is a line of its log. */
function isNoLine(line: string): boolean {
  return !line.startsWith('{');
}
