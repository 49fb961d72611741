import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FastifyRequest } from 'fastify';
import sample from '../admin.ts';
import { checkAdmin } from '../admin-definition.ts';
import { blame } from '../db/sqlstate.ts';
import { askedPeople, type People, peopleForCode } from './people.ts';

const cleo = { id: 'cleo', name: 'Cleo', email: 'cleo@example.com', roles: ['admin'] };
const request = {} as FastifyRequest;

/** People of which one answers so, with what is logged of them. */
function asked(own: Partial<People>) {
  const logged: string[] = [];
  const people = { getUser: () => null, refreshUser: () => null, ...own };
  const log = (_: 'error', message: string) => void logged.push(message);
  return { logged, people: askedPeople(people, log, 50) };
}

test('of somebody that a project gives, what a principal is is taken, and nothing else', async () => {
  const row = { ...cleo, claims: { tenant: 7 }, timeZone: 'Europe/Rome', passwordHash: 'secret' };
  const { passwordHash: _, ...principal } = row;
  const { people } = asked({ getUser: () => row, refreshUser: async () => row });
  assert.deepEqual(await people.getUser(request), principal);
  assert.deepEqual(await people.findUser('cleo', cleo), principal);
  const without = asked({ getUser: () => undefined, refreshUser: () => undefined });
  assert.equal(await without.people.getUser(request), null);
  assert.equal(await without.people.findUser('cleo', cleo), null);
});

test('somebody as they are now keeps of the launch their time zone alone', async () => {
  const { people } = asked({ refreshUser: () => ({ id: 'cleo', name: 'Cleopatra', roles: [] }) });
  const launched = { ...cleo, timeZone: 'Africa/Cairo', claims: { tenant: 7 } };
  assert.deepEqual(await people.findUser('cleo', launched), {
    id: 'cleo',
    name: 'Cleopatra',
    roles: [],
    timeZone: 'Africa/Cairo',
  });
});

test('who is nobody, or the system, is not let in', async () => {
  for (const given of [
    { ...cleo, id: 7 },
    { ...cleo, roles: 'admin' },
    { ...cleo, name: '' },
    'cleo',
  ])
    await assert.rejects(
      asked({ getUser: () => given as never }).people.getUser(request),
      /people: getUser gives id and name, texts, and roles, a list of texts\./,
    );
  const system = { id: 'system:nightly', name: 'x', roles: [] };
  await assert.rejects(asked({ getUser: () => system }).people.getUser(request), { status: 403 });
});

test('where people cannot be asked, what asks waits, and the log says why', async () => {
  const never = () => new Promise<null>(() => undefined);
  for (const refreshUser of [() => assert.fail('down'), () => ({ id: 'cleo' }) as never, never]) {
    const { people, logged } = asked({ refreshUser });
    await assert.rejects(people.findUser('cleo', cleo), (error) => blame(error) === 'passing');
    assert.deepEqual(logged, ['people cannot be asked']);
  }
});

test('an answer about a task that is none shows nothing', () => {
  const task = { name: 'mail', principal: cleo };
  const yes = asked({ seesTask: () => true });
  assert.deepEqual([yes.people.seesTask?.(cleo, task), yes.logged], [true, []]);
  for (const seesTask of [() => assert.fail('down'), () => 'yes' as never]) {
    const { people, logged } = asked({ seesTask });
    assert.deepEqual([people.seesTask?.(cleo, task), logged.length], [false, 1]);
  }
});

test('code asks for people by their ids and roles, and never for the system', async () => {
  const ids: string[] = [];
  const { people } = asked({
    refreshUser: (id) => {
      ids.push(id);
      return cleo;
    },
    usersWithRole: (role) => [{ ...cleo, roles: [role] }],
  });
  const { findUser, usersWithRole } = peopleForCode(people);
  assert.deepEqual([await findUser('cleo'), await findUser('system:code')], [cleo, null]);
  assert.deepEqual(ids, ['cleo']);
  assert.deepEqual(await usersWithRole?.('boss'), [{ ...cleo, roles: ['boss'] }]);
  assert.equal(peopleForCode(asked({}).people).usersWithRole, undefined);
});

test('people that cannot be asked refuse the start in a sentence', () => {
  const refreshUser = () => null;
  const [getUser, seesTask] = [refreshUser, () => true];
  for (const [people, said] of [
    ['ours', /people must be an object of functions\./],
    [{ refreshUser }, /people: getUser must be a function\./],
    [{ getUser }, /people: refreshUser must be a function\./],
    [{ getUser, refreshUser, usersWithRole: [] }, /people: usersWithRole must be a function\./],
    [
      { getUser, refreshUser, seeTask: seesTask },
      /people: seeTask is no option\. Did you mean "seesTask"\?/,
    ],
    [
      { getUser, refreshUser, seesTask: async () => true },
      /seesTask must answer at once: it is async\./,
    ],
  ] as const)
    assert.throws(() => checkAdmin({ ...sample, schedules: [], people: people as never }), said);
  checkAdmin({ ...sample, schedules: [], people: { getUser, refreshUser, seesTask } });
});
