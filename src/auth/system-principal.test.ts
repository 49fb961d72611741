import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import { ourPeople } from './our-people.ts';
import { isSystem, systemPrincipal } from './system-principal.ts';
import type { Users } from './users.ts';

test('the system has an id that no user has, a name of its own, and no role', () => {
  assert.deepEqual(systemPrincipal('nightly-2.sh'), {
    id: 'system:nightly-2.sh',
    name: 'system: nightly-2.sh',
    roles: [],
  });
  for (const name of ['', 'two words', 'a'.repeat(61), 'x:y'])
    assert.throws(() => systemPrincipal(name), /is no name/);
  assert.equal(isSystem(systemPrincipal('nightly')), true);
  assert.equal(isSystem({ id: '00000000-0000-4000-8000-00000000000a' }), false);
});

test('a session that says it is the system’s is nobody’s', async () => {
  const of = (id: string | null) => {
    const user = id === null ? null : { id, name: 'Ada', roles: ['admin'] };
    return ourPeople({ t: {} } as Users).getUser({
      session: { user },
    } as unknown as FastifyRequest);
  };
  await assert.rejects(of('system:nightly'), { code: 'system-principal', status: 403 });
  assert.equal((await of('0001'))?.id, '0001');
  assert.equal(await of(null), null);
});
