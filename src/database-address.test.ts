import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressProblem, hostUrls, readAddress } from './database-address.ts';

test('an address of one host is left as it is', () => {
  for (const text of [
    'postgresql://a:b@db.example.com:5433/shop?schema=x',
    'postgres://db/shop',
    'postgresql:///shop?host=/var/run/postgresql',
    'postgresql://a:p,w@db/shop',
    'postgresql://a:p,w@%2Fvar%2Frun/shop',
  ])
    assert.deepEqual([hostUrls(text), addressProblem(text)], [[text], null]);
  const { hosts, user, database, parameters } = readAddress(
    'postgresql://a%40b:c@db:5433/my%20shop?schema=x',
  );
  assert.deepEqual(
    [hosts.map(({ name }) => name), user, database, parameters.get('schema')],
    [['db:5433'], 'a@b', 'my shop', 'x'],
  );
  assert.deepEqual(readAddress('postgresql:///shop?host=/run/pg').hosts[0]?.name, '/run/pg');
});

test('an address of several hosts is one address for each, with user, database and parameters', () => {
  const { hosts, user, database } = readAddress(
    'postgresql://u:p,@w@a:5432,[::1]:5433,c/shop?sslmode=verify-full',
  );
  assert.deepEqual(hosts, [
    { name: 'a:5432', url: 'postgresql://u:p,@w@a:5432/shop?sslmode=verify-full' },
    { name: '[::1]:5433', url: 'postgresql://u:p,@w@[::1]:5433/shop?sslmode=verify-full' },
    { name: 'c', url: 'postgresql://u:p,@w@c/shop?sslmode=verify-full' },
  ]);
  assert.deepEqual([user, database], ['u', 'shop']);
  assert.deepEqual(hostUrls('postgresql://u:p@/shop?host=a,b&port=5432,5433&schema=x'), [
    'postgresql://u:p@a:5432/shop?schema=x',
    'postgresql://u:p@b:5433/shop?schema=x',
  ]);
  assert.deepEqual(hostUrls('postgresql://u:p@/shop?host=a,::1&port=6000'), [
    'postgresql://u:p@a:6000/shop',
    'postgresql://u:p@[::1]:6000/shop',
  ]);
});

test('what several hosts cannot be is said', () => {
  for (const text of [
    'postgresql://a,,b/shop',
    'postgresql://a,b:0/shop',
    'postgresql://a,b:70000/shop',
    'postgresql://a:x,b/shop',
    'postgresql://a,/shop',
    'postgresql://u:p@a,u:p@b/shop?host=a b,c',
  ])
    assert.match(String(addressProblem(text)), /must name each host/, text);
  assert.match(
    String(addressProblem('postgresql://a,b/shop?target_session_attrs=prefer-standby')),
    /target_session_attrs/,
  );
  assert.equal(addressProblem('postgresql://a,b/shop?target_session_attrs=read-write'), null);
  assert.equal(addressProblem('postgresql://a,b/shop?target_session_attrs=standby', true), null);
});
