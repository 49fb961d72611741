import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { deactivateUser } from './change-users.ts';
import { ourPeople } from './our-people.ts';
import { systemPrincipal } from './system-principal.ts';
import { createUser } from './users.ts';

test('people of ours are found by id as they are now, and by role, while they may sign in', async (t) => {
  const { db } = await testDatabase(t);
  const people = ourPeople(db);
  const add = (name: string, roles: string[]) =>
    createUser(db, { name, email: `${name}@x.example`, password: 'long enough', roles });
  const mia = await add('Mia', ['editor', 'admin']);
  await add('Ada', ['admin']);
  const names = async (role: string) =>
    ((await people.usersWithRole?.(role)) ?? []).map(({ name }) => name);
  assert.deepEqual([await names('admin'), await names('viewer')], [['Ada', 'Mia'], []]);
  const launched = { ...mia, name: 'Of old', roles: ['viewer'], timeZone: 'Europe/Rome' };
  assert.deepEqual(await people.findUser(mia.id, launched), { ...mia, timeZone: 'Europe/Rome' });
  for (const id of ['cleo', '00000000-0000-4000-8000-000000000000', ''])
    assert.equal(await people.findUser(id, launched), null);
  await deactivateUser({ db, by: systemPrincipal('test') }, mia.id);
  assert.equal(await people.findUser(mia.id, launched), null);
  assert.deepEqual(await names('admin'), ['Ada']);
});
