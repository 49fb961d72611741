import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, isPassword } from './passwords.ts';

test('a password is found right, any other wrong', async () => {
  const hash = await hashPassword('correct horse battery');
  assert.equal(await isPassword('correct horse battery', hash), true);
  assert.equal(await isPassword('correct horse battery ', hash), false);
  assert.equal(await isPassword('', hash), false);
});

test('the same password is never written the same', async () => {
  const [one, other] = await Promise.all([
    hashPassword('correct horse battery'),
    hashPassword('correct horse battery'),
  ]);
  assert.notEqual(one, other);
});

test('a hash says what it cost and does not hold the password', async () => {
  const hash = await hashPassword('correct horse battery');
  assert.match(hash, /^scrypt\$15\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  assert.doesNotMatch(hash, /horse/);
});

test('letters that look alike in two encodings are the same password', async () => {
  assert.equal(
    await isPassword('cafe\u0301 au lait', await hashPassword('caf\u00e9 au lait')),
    true,
  );
});

test('a hash of another kind fits no password', async () => {
  for (const hash of ['', 'plain', 'scrypt$15$8$1$$', 'bcrypt$15$8$1$aaaa$aaaa'])
    assert.equal(await isPassword('', hash), false);
});
