import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { until } from '../testing/until.ts';
import { insertUsers, testPassword } from '../testing/users.ts';
import {
  type Act,
  activateUser,
  addUser,
  changeUser,
  deactivateUser,
  setPassword,
} from './change-users.ts';
import { findUserId, getUser, listUsers } from './find-users.ts';
import { ourPeople } from './our-people.ts';
import type { Principal } from './principal.ts';
import { systemPrincipal } from './system-principal.ts';
import { valuesOf } from './users.ts';

async function setUp(t: TestContext) {
  const { db } = await testDatabase(t);
  const people = await insertUsers(db, (role) => ({
    email: `${role}@x.example`,
    name: `The ${role}`,
  }));
  const of = (role: 'admin' | 'editor' | 'viewer') => people.get(role) as Principal;
  const act: Act = { db, by: systemPrincipal('test') };
  return { db, act, of, admin: of('admin'), editor: of('editor'), people: ourPeople(db) };
}

const lastAdmin = { code: 'last-admin', status: 409 };

test('name, email, roles and claims are changed, each alone or together, and count at once', async (t) => {
  const { act, editor, people } = await setUp(t);
  const changed = await changeUser(act, editor.id, {
    name: ' Eva ',
    email: 'EVA@x.example',
    roles: ['viewer', 'editor', 'viewer'],
    claims: { countries: ['ESP'] },
  });
  const now = {
    id: editor.id,
    name: 'Eva',
    email: 'eva@x.example',
    roles: ['editor', 'viewer'],
    claims: { countries: ['ESP'] },
  };
  assert.deepEqual({ id: changed.id, ...valuesOf(changed) }, now);
  assert.deepEqual(await people.findUser(editor.id, editor), now);
  await changeUser(act, editor.id, { claims: {} });
  const launched = { ...editor, claims: { countries: ['ESP'] } };
  assert.deepEqual(
    (await people.findUser(editor.id, launched))?.claims,
    {},
    'claims that were taken away do not come back with a task',
  );
});

test('what cannot be is refused by its field, and nothing is written', async (t) => {
  const { act, db, editor } = await setUp(t);
  const before = await getUser(db, editor.id);
  const refused = (changes: object) =>
    assert.rejects(changeUser(act, editor.id, changes), ({ code, status, details }) => {
      assert.deepEqual(
        [code, status, Object.keys(details.fieldErrors)],
        ['invalid-user', 422, Object.keys(changes)],
      );
      return true;
    });
  await refused({ name: ' ' });
  await refused({ email: 'nobody' });
  await refused({ roles: [] });
  await refused({ roles: ['owner'] });
  await refused({ claims: ['ESP'] });
  await assert.rejects(changeUser(act, editor.id, { email: 'Admin@x.example' }), {
    code: 'email-taken',
    status: 409,
  });
  const nobody = '00000000-0000-4000-8000-000000000000';
  for (const id of [nobody, 'x'])
    await assert.rejects(changeUser(act, id, { name: 'Eva' }), { code: 'not-found', status: 404 });
  assert.deepEqual(await getUser(db, editor.id), before);
  await assert.rejects(
    db.pages.query(`update ${db.t.user} set claims = '[]'`),
    /user_claims_object/,
    'the table itself keeps objects alone',
  );
});

test('somebody who was changed meanwhile is not written over: both values are told', async (t) => {
  const { act, db, editor } = await setUp(t);
  const shown = valuesOf(await getUser(db, editor.id));
  await changeUser(act, editor.id, { claims: { b: 1, a: 2 } }, shown);
  const now = { ...shown, claims: { a: 2, b: 1 } };
  await assert.rejects(changeUser(act, editor.id, { name: 'Mine' }, shown), {
    code: 'user-changed',
    status: 409,
    details: { now },
  });
  assert.equal((await changeUser(act, editor.id, { name: 'Mine' }, now)).name, 'Mine');
});

test('the last admin who may sign in stays one', async (t) => {
  const { act, db, admin, editor } = await setUp(t);
  await assert.rejects(deactivateUser(act, admin.id), lastAdmin);
  await assert.rejects(changeUser(act, admin.id, { roles: ['editor'] }), lastAdmin);
  await changeUser(act, editor.id, { roles: ['admin', 'editor'] });
  await deactivateUser(act, editor.id);
  await assert.rejects(deactivateUser(act, admin.id), lastAdmin, 'the other may not sign in');
  await activateUser(act, editor.id);
  await changeUser(act, admin.id, { roles: ['viewer'] });
  await assert.rejects(changeUser(act, editor.id, { roles: ['editor'] }), lastAdmin);
  assert.deepEqual((await getUser(db, admin.id)).roles, ['viewer']);
});

test('of two admins who are taken away at the same time, one stays', async (t) => {
  const { act, db, admin, editor } = await setUp(t);
  await changeUser(act, editor.id, { roles: ['admin'] });
  // Whoever comes second is held where the first has not decided yet.
  const holder = await db.pages.connect();
  await holder.query('begin');
  await holder.query(`select from ${db.t.user} for update`);
  const both = [
    deactivateUser(act, admin.id),
    changeUser(act, editor.id, { roles: ['viewer'] }),
  ].map((one) =>
    one.then(
      () => 'done',
      ({ code }) => code,
    ),
  );
  const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await until(async () => (await db.pages.query(waiting)).rowCount === 2);
  await holder.query('rollback');
  holder.release();
  assert.deepEqual((await Promise.all(both)).sort(), ['done', 'last-admin']);
  const any = { text: '', role: 'admin', state: 'active' } as const;
  assert.equal((await listUsers(db, any, { page: 1, limit: 10 })).users.length, 1);
});

test('nobody deactivates themselves', async (t) => {
  const { act, admin, editor } = await setUp(t);
  await changeUser(act, editor.id, { roles: ['admin'] });
  await assert.rejects(deactivateUser({ ...act, by: admin }, admin.id), {
    code: 'own-account',
    status: 409,
  });
});

test('people are found by name and email, role and state, a page at a time', async (t) => {
  const { act, db, admin, editor } = await setUp(t);
  await addUser(act, {
    email: 'per%cent@y.example',
    name: 'ada',
    roles: ['viewer', 'editor'],
    password: testPassword,
  });
  await deactivateUser(act, editor.id);
  const names = async (search: object, page = 1, limit = 10) => {
    const any = { text: '', role: null, state: null };
    const found = await listUsers(db, { ...any, ...search }, { page, limit });
    return [...found.users.map(({ name }) => name), ...(found.hasMore ? ['…'] : [])];
  };
  assert.deepEqual(await names({}), ['ada', 'The admin', 'The editor', 'The viewer']);
  assert.deepEqual(await names({}, 1, 3), ['ada', 'The admin', 'The editor', '…']);
  assert.deepEqual(await names({}, 2, 3), ['The viewer']);
  assert.deepEqual(await names({ text: ' ADM' }), ['The admin']);
  assert.deepEqual(await names({ text: '%' }), ['ada'], 'a sign of patterns is a letter');
  assert.deepEqual(await names({ role: 'editor' }), ['ada', 'The editor']);
  assert.deepEqual(await names({ state: 'deactivated' }), ['The editor']);
  assert.deepEqual(await names({ state: 'active', role: 'editor' }), ['ada']);
  assert.equal(await findUserId(db, 'admin@x.example'), admin.id);
  assert.equal(await findUserId(db, 'nobody@x.example'), null);
  await assert.rejects(setPassword(act, admin.id, 'short'), { code: 'invalid-user', status: 422 });
});

test('whoever is deactivated, or let in again, a second time leaves no second entry, and no session comes back', async (t) => {
  const { act, db, editor } = await setUp(t);
  const entries = async () =>
    (
      await db.pages.query<{ act: string }>(`select act from ${db.t.audit_entry} order by id`)
    ).rows.map((entry) => entry.act);
  await activateUser(act, editor.id);
  assert.deepEqual(await entries(), []);
  await deactivateUser(act, editor.id);
  const { deactivatedAt } = await getUser(db, editor.id);
  await deactivateUser(act, editor.id);
  assert.deepEqual((await getUser(db, editor.id)).deactivatedAt, deactivatedAt);
  // One that began while they were deactivated.
  await db.pages.query(
    `insert into ${db.t.session} (sid, sess, expire) values ('late', jsonb_build_object('userId', $1::text), now() + interval '1 hour')`,
    [editor.id],
  );
  await activateUser(act, editor.id);
  await activateUser(act, editor.id);
  assert.deepEqual(await entries(), ['user-deactivated', 'user-activated']);
  assert.equal((await db.pages.query(`select from ${db.t.session}`)).rowCount, 0);
});
