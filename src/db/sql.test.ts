import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProduct } from '../testing/read-texts.ts';
import { fragmentOf, join, raw, reworded, shared, sql, statementOf, withHead } from './sql.ts';

test('values are numbered in the order in which they stand, however deep they are nested', () => {
  const condition = join(
    [sql`a = ${1}`, sql`b in (${join([2, 3].map((value) => sql`${value}::int`))})`],
    ' and ',
  );
  const statement = statementOf(
    sql`select ${raw('"a"')}, ${'first'}::text from t where ${condition} limit ${4}`,
  );
  assert.deepEqual(statement, {
    text: 'select "a", $1::text from t where a = $2 and b in ($3::int, $4::int) limit $5',
    values: ['first', 1, 2, 3, 4],
  });
});

test('of nothing there is nothing, and text without values has no numbers', () => {
  assert.deepEqual(statementOf(sql`a${join([])}b`), { text: 'ab', values: [] });
  assert.deepEqual(statementOf(withHead(fragmentOf(['x = ', ''], [1]), 'y = ')), {
    text: 'y = $1',
    values: [1],
  });
});

test('a shared fragment’s values are sent once, wherever it stands and however it is worded', () => {
  const keys = ['1', '2'];
  const given = shared(sql`${keys}::text[]`);
  const next = shared(sql`t.n + ${5}::int`);
  const statement = statementOf(
    sql`${given} ${5} ${next} ${shared(given)} ${reworded(next, sql`c.n + ${5}::int`)}`,
  );
  assert.deepEqual(statement, {
    text: '$1::text[] $2 t.n + $3::int $1::text[] c.n + $3::int',
    values: [keys, 5, 5],
  });
  assert.throws(() => reworded(next, sql`c.n`), TypeError, 'a wording has the same values');
});

/** Prisma's own text is taken apart in the first, and fragments get their numbers in the second. */
const numbering = ['src/resources/where-sql.ts', 'src/db/sql.ts'];

const byHand: Readonly<Record<string, RegExp>> = {
  'a number worked out': /\$\$\{/,
  'a number handed on': /(?<!replace\(.*)(['"`])\$\d+(?:::[\w[\]]+)?\1/,
  'text numbered anew': /\\\$\(?\\d.*=>/,
  'the library of the tag': /'sql-template-tag'/,
};

test('nobody else numbers values', async () => {
  const found: string[] = [];
  const sources = await readProduct();
  for (const [path, text] of sources) {
    if (numbering.includes(path)) continue;
    for (const [index, line] of text.split('\n').entries())
      for (const [what, pattern] of Object.entries(byHand))
        if (pattern.test(line)) found.push(`${path}:${index + 1}: ${what}`);
  }
  assert.ok(sources.size > 300);
  assert.deepEqual(found, []);
});
