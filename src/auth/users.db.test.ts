import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testDatabase } from '../testing/database.ts';
import { testPassword } from '../testing/users.ts';
import { createUser } from './users.ts';

test('no user is called as the system is', async (t) => {
  const { db } = await testDatabase(t);
  const message = 'A name that begins with “system:” is the system’s own.';
  const create = (name: string) =>
    createUser(db, { name, email: 'ada@example.test', password: testPassword, roles: ['viewer'] });
  for (const name of [
    'system: nightly',
    ' System:x',
    's\u200cystem: x',
    'ｓystem：x',
    'system : x',
  ])
    await assert.rejects(create(name), {
      code: 'invalid-user',
      status: 422,
      details: { fieldErrors: { name: message } },
    });
  const { rowCount } = await db.pages.query(`select 1 from ${db.t.user}`);
  assert.equal(rowCount, 0);
  assert.equal((await create('Systema')).name, 'Systema');
});

test('a name is one line, and nothing in it is unseen or turns the writing around', async (t) => {
  const { db } = await testDatabase(t);
  const create = (name: string) =>
    createUser(db, { name, email: 'ada@example.test', password: testPassword, roles: ['viewer'] });
  for (const name of ['Ada\r\nsystem: x', '\u001b[31mAda', 'Ada\u202exe', 'A\u200bda', 'A\u2028da'])
    await assert.rejects(create(name), {
      details: { fieldErrors: { name: 'A name is one line, of characters that are seen.' } },
    });
  assert.equal((await create('می‌خواهم Łukasz 👩‍💻')).name, 'می‌خواهم Łukasz 👩‍💻');
});
