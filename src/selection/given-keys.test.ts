import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { buildRegistry } from '../resources/registry.ts';
import { tortureAdmin } from '../testing/torture.ts';
import { type GivenKey, keysGiven } from './given-keys.ts';

const defaults = { minAsyncRecords: 20, parallelism: 1, chunkSize: 1_000, countLimit: 10_000 };
const { list } = buildRegistry(
  tortureAdmin.resources,
  (() => ({})) as never,
  {} as never,
  defaults,
);

function keysOf(model: string, ...given: GivenKey[]): string[] {
  const resource = list.find((one) => one.model.name === model);
  return keysGiven(resource ?? assert.fail(model), given);
}

test('an id is read as its key, as an address has it, and as Prisma has it', () => {
  const uuid = '6f9619ff-8b86-4011-b42d-00cf4fc964ff';
  assert.deepEqual(keysOf('IdBigInt', '7', 7, 7n, { id: 7n }, '00000000000000000007'), [
    '00000000000000000007',
  ]);
  assert.deepEqual(keysOf('IdUuid', uuid.toUpperCase(), { id: uuid }), [uuid]);
  assert.deepEqual(keysOf('IdText', 'a', '~new', ''.padEnd(3)), ['   ', 'a', '~new']);
  assert.deepEqual(keysOf('IdDate', new Date('2026-02-28'), '2026-02-28'), ['2026-02-28']);
  assert.deepEqual(keysOf('IdDecimal', new Decimal('1.50'), '1.5'), ['1.5']);
  assert.deepEqual(keysOf('IdBoolean', true, 'true'), ['true']);
  const composite = ['["00000000000000000001","00000000000000000002"]'];
  assert.deepEqual(keysOf('CompositeInt', { a: 1, b: 2 }, '["1","2"]', ...composite), composite);
});

test('a text that may be two records is refused, where a number is not', () => {
  const lowest = '-9223372036854775808';
  assert.throws(() => keysOf('IdSnowflake', 1n, lowest), {
    code: 'invalid-key',
    status: 422,
    message:
      'keys.1 may be the key of one record and the id of another: give a number. Nothing was selected.',
    details: { field: 'keys.1' },
  });
  assert.deepEqual(keysOf('IdSnowflake', BigInt(lowest)), ['-0776627963145224192']);
});

const none: readonly [model: string, given: unknown][] = [
  ['IdText', null],
  ['IdText', undefined],
  ['IdText', Number.NaN],
  ['IdText', {}],
  ['IdText', ['a']],
  ['IdBigInt', 2 ** 60],
  ['IdBigInt', 'x'],
  ['IdSmallInt', 40_000],
  ['IdUuid', 'x'],
  ['IdDate', new Date('soon')],
  ['CompositeInt', 1],
  ['CompositeInt', { a: 1 }],
  ['CompositeInt', { a: 1, b: 2, c: 3 }],
  ['CompositeInt', { a: 1, b: null }],
];

for (const [model, given] of none)
  test(`${String(JSON.stringify(given) ?? given)} is no key of ${model}`, () => {
    assert.throws(() => keysOf(model, given as GivenKey), {
      code: 'invalid-key',
      status: 422,
      details: { field: 'keys.0' },
    });
  });
