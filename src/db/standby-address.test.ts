import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressesOf, hostsOf } from './standby-address.ts';

test('an address of several servers is one of each', () => {
  assert.deepEqual(addressesOf('postgresql://reader:a%40b@one:5433,two/shop?sslmode=verify-full'), [
    'postgresql://reader:a%40b@one:5433/shop?sslmode=verify-full',
    'postgresql://reader:a%40b@two/shop?sslmode=verify-full',
  ]);
  assert.deepEqual(addressesOf('postgres://one/shop'), ['postgres://one/shop']);
  assert.deepEqual(hostsOf('postgresql://a@[::1]:5432,b:1/shop'), ['[::1]:5432', 'b:1']);
});
