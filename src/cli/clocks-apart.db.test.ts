import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { taskManagerOf } from '../create-task-manager.ts';
import { csrfOf } from '../testing/app.ts';
import { openBrowser } from '../testing/browse.ts';
import { ada, finished, insertPrincipals, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';
import { startProgram } from '../testing/program.ts';
import { sleeping, sleepingAdmin } from '../testing/sleeping-admin.ts';
import { insertUsers, testPassword } from '../testing/users.ts';
import { startWorkerProcess } from '../testing/worker-process.ts';

/** Longer than a session lasts that nobody uses, and less than a browser keeps its cookie. */
const offMs = 3 * 24 * 3_600_000;

test('whoever signs in stays signed in on processes whose clocks are days apart', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-clocks-'));
  const { db, connectionString, defer } = await testDatabase(t);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  await insertUsers(db, (role) => ({ email: `${role}@example.test`, name: role }));
  const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder };
  const [behind, ahead] = await Promise.all(
    [-offMs, offMs].map((clockMs) => startProgram('serve', env, { clockMs })),
  );
  for (const one of [behind, ahead]) defer(() => one?.stop());
  for (const [on, other] of [
    [behind, ahead],
    [ahead, behind],
  ]) {
    const browser = openBrowser(on?.address ?? '');
    const form = await browser.get('/sign-in');
    const person = { email: 'admin@example.test', password: testPassword };
    const answer = await browser.post('/sign-in', { ...person, _csrf: csrfOf(form.text) });
    assert.equal(answer.status, 303);
    assert.equal((await browser.get('/')).status, 200);
    const elsewhere = openBrowser(other?.address ?? '');
    elsewhere.setCookie('bulkhead_session', browser.cookie('bulkhead_session') ?? '', '/');
    assert.equal((await elsewhere.get('/')).status, 200);
  }
  const { rows } = await db.pages.query<{ hours: number }>(
    `select round(extract(epoch from expire - now()) / 3600)::int as hours from ${db.t.session} where sess ->> 'userId' is not null`,
  );
  assert.deepEqual(
    rows.map(({ hours }) => hours),
    [12, 12],
  );
});

test('workers whose clocks are days apart begin and end what is due, when it is due', async (t) => {
  const { db, connectionString, defer } = await testDatabase(t);
  const context = testContext(db, {}, {}, sleepingAdmin);
  const tasks = taskManagerOf(sleepingAdmin, context).as(ada);
  await insertPrincipals(db);
  await insertPlaces(db, 2_000);
  const [ahead, behind] = await Promise.all(
    [offMs, -offMs].map((clockMs) =>
      startWorkerProcess(
        connectionString,
        { NODE_OPTIONS: shifting, BULKHEAD_TEST_CLOCK_SHIFT_MS: String(clockMs) },
        join(import.meta.dirname, '../testing/sleeping-admin.ts'),
      ),
    ),
  );
  for (const one of [ahead, behind]) defer(() => one?.kill('SIGTERM'));
  const later = await tasks.launch(sleeping, { ms: 0 }, { delayMs: 3_600_000 });
  const asleep = await tasks.launchMany(
    sleeping,
    Array.from({ length: 12 }, (_, index) => ({ ms: index % 2 ? 100 : 1_500 })),
  );
  const bulk = await launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'matching', filter: '' },
    'update',
    { field: 'notes', 'value.notes': 'x' },
  );
  for (const [index, { id }] of asleep.entries()) {
    const slept = await finished(db, id);
    assert.equal(slept.state, 'succeeded');
    const ranMs = Number(slept.finishedAt) - Number(slept.startedAt);
    assert.ok(ranMs >= (index % 2 ? 100 : 1_500), `it slept ${ranMs} ms`);
  }
  const changed = await finished(db, bulk.task.id);
  assert.deepEqual([changed.state, changed.changed], ['succeeded', 2_000]);
  assert.equal((await tasks.get(later.id)).state, 'scheduled');
  // What is kept for a year is kept, and no time of the schedule was missed or begun early.
  const { rows } = await db.pages.query<{ changes: number; runs: number; isNext: boolean }>(
    `select (select count(*)::int from ${db.t.change}) as changes, (select count(*)::int from ${db.t.schedule_run}) as runs,
       (select next_at between now() and now() + interval '1 hour 1 minute' from ${db.t.schedule}) as "isNext"`,
  );
  assert.ok((rows[0]?.changes ?? 0) > 0);
  assert.equal(rows[0]?.isNext, true);
  assert.ok((rows[0]?.runs ?? 0) <= 1);
  // Neither takes the other for dead.
  const { rows: workers } = await db.pages.query<{ pid: number }>(
    `select pid from ${db.t.worker} order by started_at`,
  );
  assert.deepEqual(
    workers.map(({ pid }) => pid).sort(),
    [ahead?.child.pid, behind?.child.pid].sort(),
  );
});

const shifting = `--import ${join(import.meta.dirname, '../testing/shift-clock.ts')}`;

test('what is to begin at a time begins by the clock of the database', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, {}, sleepingAdmin);
  const tasks = taskManagerOf(sleepingAdmin, context).as(ada);
  const { rows } = await db.pages.query<{ at: Date }>(
    `select clock_timestamp() + interval '1 hour' as at`,
  );
  const startAt = rows[0]?.at as Date;
  const real = Date.now;
  t.after(() => {
    Date.now = real;
  });
  for (const shiftMs of [offMs, -offMs]) {
    Date.now = () => real() + shiftMs;
    const { id } = await tasks.launch(sleeping, { ms: 0 }, { startAt });
    const { rows: due } = await db.pages.query<{ due_at: Date }>(
      `select due_at from ${db.t.task} where id = $1`,
      [id],
    );
    const lateMs = (due[0]?.due_at.getTime() ?? 0) - startAt.getTime();
    assert.ok(lateMs >= 0 && lateMs < 60_000, `it is due ${lateMs} ms late`);
  }
});
