import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from '@prisma/client/runtime/client';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { plainWhere } from './plain-where.ts';

const { City, Country } = metadata.models;
const ofCity = (where: unknown) => plainWhere(metadata, City, where);

test('dates and decimals become texts, and all else that JSON says stays', () => {
  const where = {
    reviewedAt: { lt: new Date('2026-01-01') },
    latitude: { gte: new Decimal('1.50') },
    population: 7n,
    notes: null,
    OR: [{ country: { region: 'Europe' } }, { tags: { some: {} } }],
    status: { in: ['draft', 'archived'] },
  };
  const plain = {
    reviewedAt: { lt: '2026-01-01T00:00:00.000Z' },
    latitude: { gte: '1.5' },
    population: 7,
    notes: null,
    OR: [{ country: { region: 'Europe' } }, { tags: { some: {} } }],
    status: { in: ['draft', 'archived'] },
  };
  assert.deepEqual(ofCity(where), plain);
  assert.deepEqual(ofCity(JSON.parse(JSON.stringify(plain))), plain);
  assert.deepEqual(ofCity({}), {});
});

const loop: Record<string, unknown> = {};
loop.NOT = loop;
const sparse: unknown[] = [];
sparse[1] = { name: 'x' };
const everyRecord = 'which would mean every record';

const refused: readonly [where: unknown, place: string, why: string][] = [
  [{ country: { code: undefined } }, 'where.country.code', 'is undefined'],
  [{ name: undefined }, 'where.name', 'is undefined'],
  [{ OR: sparse }, 'where.OR.0', 'is undefined'],
  [{ id: { in: [1, undefined] } }, 'where.id.in.1', 'is undefined'],
  [{ population: Number.NaN }, 'where.population', 'is NaN'],
  [{ population: { gt: Number.POSITIVE_INFINITY } }, 'where.population.gt', 'is Infinity'],
  [{ population: 2n ** 53n }, 'where.population', 'is a larger number than JSON can say exactly'],
  [{ reviewedAt: new Date('soon') }, 'where.reviewedAt', 'is no date'],
  [{ latitude: new Decimal('NaN') }, 'where.latitude', 'is NaN'],
  [{ name: () => 'x' }, 'where.name', 'is a function'],
  [{ name: Symbol('x') }, 'where.name', 'is a symbol'],
  [{ name: { [Symbol('x')]: 1, equals: 'x' } }, 'where.name', 'has a symbol for a name'],
  [{ name: Buffer.from('x') }, 'where.name', 'is bytes'],
  [{ name: new Map() }, 'where.name', 'is no plain object'],
  [{ name: 'a\0' }, 'where.name', 'has a character that cannot be stored'],
  [{ name: '\ud800' }, 'where.name', 'has a character that cannot be stored'],
  [null, 'where', 'is no condition'],
  ['draft', 'where', 'is no condition'],
  [[{ name: 'x' }], 'where', 'is no condition'],
  [{ AND: ['x'] }, 'where.AND.0', 'is no condition'],
  [{ AND: [] }, 'where.AND', `is empty, ${everyRecord}`],
  [{ AND: [{ name: 'x' }, {}] }, 'where.AND.1', `is empty, ${everyRecord}`],
  [{ OR: [{ name: 'x' }, { OR: [{}] }] }, 'where.OR.1.OR.0', `is empty, ${everyRecord}`],
  [{ NOT: {} }, 'where.NOT', `is empty, ${everyRecord}`],
  [{ name: {} }, 'where.name', `compares with nothing, ${everyRecord}`],
  [{ name: { mode: 'insensitive' } }, 'where.name', `compares with nothing, ${everyRecord}`],
  [{ name: { not: {} } }, 'where.name.not', `compares with nothing, ${everyRecord}`],
  [{ id: { notIn: [] } }, 'where.id.notIn', `is empty, ${everyRecord}`],
  [{ country: {} }, 'where.country', `is empty, ${everyRecord}`],
  [{ tags: { every: {} } }, 'where.tags.every', `is empty, ${everyRecord}`],
  [{ tags: { name: 'x' } }, 'where.tags', 'leads to many records: say some, every or none of them'],
  [{ statsu: 'draft' }, 'where.statsu', 'is no field of City (is it status?)'],
  [{ country: { cod: 'ESP' } }, 'where.country.cod', 'is no field of Country (is it code?)'],
  [{ NOT: [{ constructor: 1 }] }, 'where.NOT.0.constructor', 'is no field of City'],
  [{ _keysAmong: {} }, 'where._keysAmong', 'is no field of City'],
  [
    { tags: { some: { cities: { none: { x: 1 } } } } },
    'where.tags.some.cities.none.x',
    'is no field of City',
  ],
];

for (const [where, place, why] of refused)
  test(`${place} ${why}`, () => {
    assert.throws(() => ofCity(where), {
      code: 'invalid-selection',
      status: 422,
      details: { field: place },
      message: `${place} ${why}. Nothing was selected.`,
    });
  });

test('what leads back to itself is refused', () => {
  assert.throws(() => ofCity(loop), /^AppError: where\.NOT\.NOT\..* is nested too deeply/);
});

test('what JSON holds is a value, whatever it looks like', () => {
  const where = { currencies: { equals: { notIn: [], mode: {} } } };
  assert.deepEqual(plainWhere(metadata, Country, where), where);
  const not = { currencies: { not: {} } };
  assert.deepEqual(plainWhere(metadata, Country, not), not);
});
