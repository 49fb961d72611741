import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseInWords } from './open-project.ts';

const url = 'postgresql://me:se%23cret@db.example:5433/shop%20one?schema=a';

test('a start says which database it is on and which variable said so, and never a password', () => {
  const cases: [Parameters<typeof databaseInWords>[1], string | null, string][] = [
    [{ DATABASE_URL: url }, null, 'Database: shop one at db.example:5433, from DATABASE_URL.'],
    [
      { DATABASE_URL: url },
      'DATABASE_URL',
      'Database: shop one at db.example:5433, from DATABASE_URL.',
    ],
    [
      { DATABASE_URL: url },
      'POSTGRES_URL',
      'Database: shop one at db.example:5433, from DATABASE_URL (the schema names POSTGRES_URL).',
    ],
    [
      { DATABASE_URL: url, DIRECT_DATABASE_URL: url },
      null,
      'Database: shop one at db.example:5433, from DIRECT_DATABASE_URL.',
    ],
    [{}, null, 'Database: an embedded one, since DATABASE_URL is not set.'],
    [
      {},
      'POSTGRES_URL',
      'Database: an embedded one; the schema names POSTGRES_URL, and Bulkhead reads DATABASE_URL.',
    ],
  ];
  for (const [config, variable, said] of cases)
    assert.equal(databaseInWords(url, config, variable), said);
});
