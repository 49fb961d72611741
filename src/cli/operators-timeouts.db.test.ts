import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { finished, insertPrincipals, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { makeKeeper } from '../testing/keeper.ts';
import { signInOver } from '../testing/network-visitor.ts';
import { countWrites, insertPlaces } from '../testing/places.ts';
import { startProgram } from '../testing/program.ts';
import { insertUsers, testPassword } from '../testing/users.ts';

/** A worker, pages and somebody signed in, by a role for which somebody has set a limit. */
async function setUp(t: TestContext, settings: Record<string, string>) {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-limits-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString: asOwner, defer } = await testDatabase(t);
  const name = new URL(asOwner).pathname.slice(1);
  const connectionString = await makeKeeper(db.pages, asOwner, ['gazetteer']);
  for (const [setting, value] of Object.entries(settings))
    await db.pages.query(
      `alter role bulkhead_keeper in database ${name} set ${setting} = '${value}'`,
    );
  const context = testContext(db);
  await insertPrincipals(db);
  await insertUsers(db, (role) => ({ email: `${role}@example.test`, name: role }));
  await insertPlaces(db, 2_000);
  await countWrites(db);
  const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  const [worker, pages] = await Promise.all([
    startProgram('work', env),
    startProgram('serve', env),
  ]);
  defer(() => Promise.all([worker.stop(), pages.stop()]));
  const visitor = await signInOver(pages.address, 'admin@example.test', testPassword);
  const editAll = () =>
    launchOn(context, context.registry.get('cities'), { kind: 'matching', filter: '' }, 'update', {
      field: 'notes',
      'value.notes': 'x',
    });
  return { db, worker, pages, visitor, editAll };
}

test('a role whose statements may not take as long as ours: tasks take what time our settings give, a page says to try again', async (t) => {
  const { db, worker, visitor, editAll } = await setUp(t, { statement_timeout: '1s' });
  // A server that is slow when a task is made ready, and slow for one record of its chunks.
  await db.pages.query(`
    create function public.slow() returns trigger language plpgsql as $$ begin
      perform pg_sleep(1.5);
      return new;
    end $$;
    create trigger slow after insert on ${db.t.chunk} for each statement execute function public.slow();
    create trigger slow before update on gazetteer.city for each row when (new.id = 1000) execute function public.slow();
    create trigger slow before insert on gazetteer.tag for each row execute function public.slow()`);
  const { task } = await editAll();
  const done = await finished(db, task.id);
  assert.deepEqual(
    [done.state, done.changed, done.deaths, done.reason],
    ['succeeded', 2_000, 0, null],
  );
  assert.deepEqual(
    worker.logged().filter(({ level }) => level !== 'info'),
    [],
  );
  const { rows } = await db.pages.query(
    'select min(writes) as min, max(writes) as max from gazetteer.city',
  );
  assert.deepEqual(rows, [{ min: 1, max: 1 }]);
  // A form has a limit of ours as well; a page that has none is stopped by the operator's.
  assert.equal((await visitor.post('/tags/new', { name: 'slow' })).statusCode, 303);
  await db.pages.query(`
    create function public.slow_row() returns boolean language plpgsql as $$ begin
      perform pg_sleep(1.5);
      return true;
    end $$;
    alter table gazetteer.tag enable row level security;
    create policy slow on gazetteer.tag using (public.slow_row())`);
  const page = await visitor.get('/tags');
  assert.equal(page.statusCode, 503);
  assert.match(page.body, /The server is busy or cannot reach its database\. Try again/);
  assert.equal((await visitor.get('/countries')).statusCode, 200);
});

test('a role whose sessions may not be idle for long: workers listen on, pages answer, and what comes is done', async (t) => {
  const { db, worker, pages, visitor, editAll } = await setUp(t, {
    idle_session_timeout: '1s',
    idle_in_transaction_session_timeout: '1s',
  });
  const workersOf = async () => {
    const { rows } = await db.pages.query<{ id: string }>(`select id from ${db.t.worker}`);
    return rows;
  };
  const before = await workersOf();
  // Longer than any may be.
  await wait(4_000);
  const { task } = await editAll();
  const done = await finished(db, task.id);
  assert.deepEqual([done.state, done.changed, done.deaths], ['succeeded', 2_000, 0]);
  assert.deepEqual(await workersOf(), before);
  assert.equal((await visitor.get('/cities')).statusCode, 200);
  const said = [...worker.logged(), ...pages.logged()];
  assert.deepEqual(
    said.filter(({ level }) => level !== 'info'),
    [],
  );
});
