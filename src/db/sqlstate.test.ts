import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { sqlstate } from './sqlstate.ts';

test('errors of the database are asked for by their names', async () => {
  const root = join(import.meta.dirname, '..');
  const literals: string[] = [];
  for await (const path of glob('**/*.ts', { cwd: root })) {
    if (/\.test\.ts$|^testing\/|^db\/sqlstate\.ts$/.test(path)) continue;
    const text = await readFile(join(root, path), 'utf8');
    for (const [found] of text.matchAll(
      /'(?:08|22|23|25(?=[0P])|28|3D|3F|40|42|44|53|55|57)[0-9A-Z]{3}'/g,
    ))
      literals.push(`${path}: ${found}`);
  }
  assert.deepEqual(literals, []);
  assert.equal(new Set(Object.values(sqlstate)).size, Object.keys(sqlstate).length);
});
