import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf } from './code-of.ts';

const source = join(import.meta.dirname, '..');

interface Home {
  path: string;
  isExported: boolean;
}

function readTypes(path: string, text: string, homes: Map<string, Home[]>): void {
  for (const [, exported, name = ''] of codeOf(text).matchAll(
    /^(export )?(?:default )?(?:abstract )?(?:interface|type|class) (\w+)/gm,
  ))
    homes.set(name, [...(homes.get(name) ?? []), { path, isExported: exported !== undefined }]);
}

/** Types of one name where at least one of them is known outside its file. */
function doubled(homes: ReadonlyMap<string, readonly Home[]>): string[] {
  return [...homes]
    .filter(([, all]) => all.length > 1 && all.some(({ isExported }) => isExported))
    .map(([name, all]) => `${name}: ${all.map(({ path }) => path).join(', ')}`);
}

test('a type that is exported has its name to itself', async () => {
  const homes = new Map<string, Home[]>();
  for await (const path of glob('**/*.ts', { cwd: source }))
    if (!path.endsWith('.test.ts'))
      readTypes(path, await readFile(join(source, path), 'utf8'), homes);
  assert.ok(homes.size > 500);
  assert.deepEqual(doubled(homes), []);
});

test('two types of one name are found, unless both are known to their files alone', () => {
  const homes = new Map<string, Home[]>();
  readTypes('a.ts', 'export interface Place {}\ntype Row = string;', homes);
  readTypes('b.ts', 'interface Place {}\ntype Row = number;', homes);
  assert.deepEqual(doubled(homes), ['Place: a.ts, b.ts']);
});
