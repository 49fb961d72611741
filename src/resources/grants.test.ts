import assert from 'node:assert/strict';
import test from 'node:test';
import { DbNull, Decimal, skip } from '@prisma/client/runtime/client';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import type { Principal } from '../auth/principal.ts';
import type { Where } from './client.ts';
import { grantsOf } from './grants.ts';

const ada: Principal = { id: '1', name: 'Ada', roles: ['admin'] };
const model = metadata.models.City;

function grants(rules: object) {
  const logLines: string[] = [];
  const onUnreadable = (_: string, details: Record<string, unknown>) =>
    void logLines.push(`${details.rule}: ${details.why}`);
  const given = grantsOf(
    { permissions: () => ['list'], ...rules },
    { label: 'Cities', model, onUnreadable },
  );
  return { ...given, logLines };
}

test('a scope that is no plain answer denies, and is named in the log', () => {
  const answers: [unknown, RegExp][] = [
    [undefined, /undefined/],
    [null, /null/],
    [Promise.resolve({}), /promise/],
    [[], /list/],
    [[{ id: 1 }], /list/],
    [() => ({}), /function/],
    ['', /string/],
    [true, /boolean/],
    [{ countryCode: undefined }, /countryCode is undefined/],
    [
      { AND: [{ OR: [{ id: 1 }, { countryCode: { in: ['a', undefined] } }] }] },
      /AND.OR.countryCode.in is undefined/,
    ],
    [{ country: { is: { name: undefined } } }, /country.is.name is undefined/],
    [{ AND: [] }, /AND is empty/],
    [{ NOT: [] }, /NOT is empty/],
    [{ AND: undefined }, /not a plain object/],
    [{ id: { notIn: [] } }, /id.notIn is empty/],
    [{ country: { is: { AND: [] } } }, /AND is empty/],
    [{ id: {} }, /id is empty/],
    [{ id: skip }, /not a plain value/],
    [{ id: Number.NaN }, /id is NaN/],
    [{ createdAt: new Date('never') }, /no date/],
    [{ id: Promise.resolve(1) }, /not a plain value/],
    [{ tenantId: 1 }, /no field "tenantId"/],
    [new Map([['id', 1]]), /plain object/],
  ];
  for (const [answer, why] of answers) {
    const { scope, logLines } = grants({ scope: () => answer });
    assert.throws(() => scope(ada), { code: 'scope-unreadable', status: 403 }, String(why));
    assert.match(logLines.join(), why);
  }
});

test('a scope that throws denies, and what it threw is not shown', () => {
  const { scope, logLines } = grants({
    scope: () => {
      throw new Error('no such tenant: 4711');
    },
  });
  assert.throws(
    () => scope(ada),
    (error: Error) => !error.message.includes('4711'),
  );
  assert.deepEqual(logLines, ['scope: no such tenant: 4711']);
});

test('a scope that is a where is taken as it is; {} is every record', () => {
  assert.equal(grants({ scope: () => ({}) }).scope(ada), null);
  assert.equal(grants({}).scope(ada), null);
  const scopes: Where[] = [
    { countryCode: 'ESP' },
    { id: { in: [] } },
    { OR: [] },
    { rating: { gt: new Decimal('1.5') }, createdAt: { lt: new Date() } },
    { tags: { some: {} }, country: { is: { languages: { some: { code: 'spa' } } } } },
    { notes: null },
    { NOT: { AND: [{ id: 1n }, { tags: { none: { name: { equals: DbNull } } } }] } },
  ];
  for (const scope of scopes) assert.equal(grants({ scope: () => scope }).scope(ada), scope);
});

test('permissions that are no list of actions grant nothing', () => {
  for (const answer of [undefined, null, 'list', { list: true }, Promise.resolve(['list']), true]) {
    const { actions, logLines } = grants({ permissions: () => answer });
    assert.deepEqual(actions(ada), []);
    assert.equal(logLines.length, 1);
  }
  assert.deepEqual(grants({ permissions: () => ['delete', 'list', 'fly'] }).actions(ada), [
    'list',
    'delete',
  ]);
  const thrown = grants({
    permissions: () => {
      throw new Error('down');
    },
  });
  assert.deepEqual(thrown.actions(ada), []);
  assert.deepEqual(thrown.logLines, ['permissions: down']);
});

test('a field is granted by true alone, and what may not be seen may not be changed', () => {
  for (const answer of [undefined, null, 1, 'yes', {}, Promise.resolve(true)]) {
    const { canSee, logLines } = grants({ fields: { name: { see: () => answer } } });
    assert.equal(canSee(ada, 'name'), false);
    assert.equal(logLines.length, 1);
  }
  const { canSee, canChange } = grants({
    fields: { notes: { see: () => false, change: () => true } },
  });
  assert.deepEqual(
    [canSee(ada, 'notes'), canChange(ada, 'notes'), canSee(ada, 'name'), canChange(ada, 'name')],
    [false, false, true, true],
  );
  const fixed = grants({ fields: { notes: { change: () => false } } });
  assert.deepEqual([fixed.canSee(ada, 'notes'), fixed.canChange(ada, 'notes')], [true, false]);
});
