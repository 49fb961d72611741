import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readProduct } from '../testing/read-texts.ts';
import { sqlstate } from './sqlstate.ts';

test('errors of the database are asked for by their names', async () => {
  const literals: string[] = [];
  for (const [path, text] of await readProduct()) {
    if (path === 'src/db/sqlstate.ts') continue;
    for (const [found] of text.matchAll(
      /'(?:08|22|23|25(?=[0P])|28|3D|3F|40|42|44|53|55|57)[0-9A-Z]{3}'/g,
    ))
      literals.push(`${path}: ${found}`);
  }
  assert.deepEqual(literals, []);
  assert.equal(new Set(Object.values(sqlstate)).size, Object.keys(sqlstate).length);
});
