import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnyNull, DbNull, Decimal, JsonNull } from '@prisma/client/runtime/client';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import { delegateOf } from './delegate.ts';

/** Where a client of this Prisma puts what it is asked. */
function asked(version: string) {
  const args: unknown[] = [];
  const country = { findMany: async (given: unknown) => void args.push(given) };
  return { args, client: { _clientVersion: version, country } as never };
}

const { Country } = metadata.models;

test('a client before Prisma 7 is told what the nulls of JSON say, and all else as it is', async () => {
  const { args, client } = asked('6.19.3');
  const at = new Date();
  const area = new Decimal('1.5');
  const own = { constructor: { name: 'DbNull' } };
  await delegateOf(client, Country).findMany({
    where: { OR: [{ a: { equals: AnyNull } }, { b: JsonNull }], at, area },
    data: { c: DbNull, own },
  });
  const [given] = args as [{ where: { at: Date; area: Decimal }; data: { own: object } }];
  assert.equal(given.where.at, at);
  assert.equal(given.where.area, area);
  assert.deepEqual(given.data.own, own);
  assert.deepEqual(JSON.parse(JSON.stringify(given)), {
    where: {
      OR: [
        { a: { equals: { $type: 'Enum', value: 'AnyNull' } } },
        { b: { $type: 'Enum', value: 'JsonNull' } },
      ],
      at: at.toJSON(),
      area: '1.5',
    },
    data: { c: { $type: 'Enum', value: 'DbNull' }, own },
  });
});

test('a client of Prisma 7 is asked by its own words', async () => {
  const { args, client } = asked('7.10.0');
  const question = { where: { a: DbNull } };
  await delegateOf(client, Country).findMany(question);
  assert.equal(args[0], question);
});
