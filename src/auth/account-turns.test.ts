import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../limits.ts';
import { AccountTurns } from './account-turns.ts';
import { knownDevices } from './known-devices.ts';

test('attempts take turns once some have failed, however many ask at once, and nobody waits for ever', () => {
  const turns = new AccountTurns();
  for (let failed = 0; failed < limits.signIn.freeAttempts; failed++) {
    assert.equal(turns.take('ada', 0), 0);
    turns.failed('ada', 0);
  }
  const waits = Array.from({ length: 300 }, () => turns.take('ada', 0));
  const served = waits.filter((wait) => wait !== null);
  assert.deepEqual(served, [0, 1_000, 2_000, 3_000, 4_000, 5_000]);
  assert.equal(turns.take('bo', 0), 0, 'another account');
  assert.equal(turns.take('ada', 6_000), 0, 'a moment later there is room again');
  assert.equal(turns.take('ada', limits.signIn.failuresKeptMs + 1), 0);
});

test('accounts that are watched are bounded, the oldest go', () => {
  const turns = new AccountTurns();
  for (let account = 0; account <= limits.signIn.watchedAccounts; account++)
    turns.failed(`account ${account}`, 0);
  assert.equal(turns.size, limits.signIn.watchedAccounts);
});

test('a device is known to the account that it signed in to, and to no other', () => {
  const devices = knownDevices('a secret');
  const issued = devices.issue('Ada@Example.test ');
  assert.notEqual(devices.find('ada@example.test', issued), null);
  for (const [email, given] of [
    ['bo@example.test', issued],
    ['ada@example.test', `x${issued}`],
    ['ada@example.test', undefined],
    ['ada@example.test', '.'],
  ] as const) {
    assert.equal(devices.find(email, given), null);
  }
  assert.equal(knownDevices('another secret').find('ada@example.test', issued), null);
});
