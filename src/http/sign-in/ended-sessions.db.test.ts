import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Act, changeUser, endSessions, setPassword } from '../../auth/change-users.ts';
import { getUser } from '../../auth/find-users.ts';
import { systemPrincipal } from '../../auth/system-principal.ts';
import { listSessions } from '../../auth/user-sessions.ts';
import { testApp } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { insertPlaces } from '../../testing/places.ts';
import { until } from '../../testing/until.ts';

async function setUp(t: TestContext) {
  const site = await testApp(t);
  const act: Act = { db: site.db, by: systemPrincipal('test') };
  const [one, other] = [await site.signIn('editor'), await site.signIn('editor')];
  const { id } = one.principal;
  const sessions = () => listSessions(site.db, id, 10);
  const statuses = async () => [(await one.get('/')).statusCode, (await other.get('/')).statusCode];
  return { ...site, act, one, other, id, sessions, statuses };
}

test('sessions are listed with where they began, and end one by one or all together', async (t) => {
  const { db, act, signIn, id, sessions, statuses } = await setUp(t);
  const admin = await signIn('admin');
  const [latest, first, ...more] = await sessions();
  assert.ok(latest && first && more.length === 0);
  assert.ok((latest.startedAt as Date) >= (first.startedAt as Date));
  assert.ok(latest.endsAt > (latest.startedAt as Date));
  assert.deepEqual([latest.address, latest.browser], ['127.0.0.1', 'lightMyRequest']);
  const { rows } = await db.pages.query<{ sid: string }>(`select sid from ${db.t.session}`);
  for (const { sid } of rows) assert.ok(!JSON.stringify([latest, first]).includes(sid));
  assert.ok((await getUser(db, id)).signedInAt instanceof Date);

  assert.equal(
    await endSessions(act, admin.principal.id, { only: latest.id }),
    0,
    'it is another’s',
  );
  assert.equal(await endSessions(act, id, { only: latest.id }), 1);
  assert.deepEqual(await statuses(), [200, 303]);
  assert.deepEqual(
    (await sessions()).map((session) => session.id),
    [first.id],
  );
  assert.equal(await endSessions(act, id), 1);
  assert.deepEqual(await statuses(), [303, 303]);
  assert.equal((await admin.get('/')).statusCode, 200);
});

test('a new password ends sessions, and what was taken away is gone with the next request', async (t) => {
  const { act, one, id, sessions, statuses } = await setUp(t);
  await changeUser(act, id, { roles: ['viewer'] });
  assert.equal((await one.get('/cities/new')).statusCode, 403);
  await setPassword(act, id, 'another horse battery');
  assert.deepEqual([await statuses(), await sessions()], [[303, 303], []]);
});

test('a session that has ended does not come back with an answer that was on its way', async (t) => {
  const { db, act, one, id, sessions } = await setUp(t);
  await insertPlaces(db, 1);
  const form = formOf((await one.get('/cities/1/edit')).body, 'record-form');
  const holder = await db.pages.connect();
  await holder.query('begin');
  await holder.query('select from gazetteer.city where id = 1 for update');
  const saving = one.post('/cities/1/edit', { ...form, name: 'Changed' });
  const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await until(async () => (await db.pages.query(waiting)).rowCount === 1);
  await endSessions(act, id);
  await holder.query('rollback');
  holder.release();
  assert.equal((await saving).statusCode, 303);
  assert.deepEqual(await sessions(), []);
  assert.equal((await one.get('/')).statusCode, 303);
});
