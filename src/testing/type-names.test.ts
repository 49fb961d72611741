import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from './code-of.ts';
import { readTexts } from './read-texts.ts';

interface Home {
  path: string;
  isExported: boolean;
}

function readTypes(path: string, text: string, homes: Map<string, Home[]>): void {
  const code = codeOf(text);
  const add = (name: string, isExported: boolean) =>
    homes.set(name, [...(homes.get(name) ?? []), { path, isExported }]);
  for (const [, exported, name = ''] of code.matchAll(
    /^(export )?(?:default )?(?:declare )?(?:abstract )?(?:interface|type|class|enum) (\w+)/gm,
  ))
    add(name, exported !== undefined);
  // What is handed on under another name is known by it.
  for (const [, isOfTypes, list = ''] of code.matchAll(/^export (type )?\{([^}]*)\}/gm))
    for (const [, isType, name = ''] of list.matchAll(/(\btype\s+)?\w+\s+as\s+(\w+)/g))
      if (isOfTypes || isType) add(name, true);
}

/** Types of one name where at least one of them is known outside its file. */
function doubled(homes: ReadonlyMap<string, readonly Home[]>): string[] {
  return [...homes]
    .filter(([, all]) => all.length > 1 && all.some(({ isExported }) => isExported))
    .map(([name, all]) => `${name}: ${all.map(({ path }) => path).join(', ')}`);
}

test('a type that is exported has its name to itself', async () => {
  const homes = new Map<string, Home[]>();
  for (const [path, text] of await readTexts('{src,scripts,bench,e2e}/**/*.ts'))
    if (!/\.(?:test|spec)\.ts$/.test(path)) readTypes(path, text, homes);
  assert.ok(homes.size > 500);
  assert.deepEqual(doubled(homes), []);
});

test('two types of one name are found, unless both are known to their files alone', () => {
  const homes = new Map<string, Home[]>();
  readTypes('a.ts', 'export interface Place {}\ntype Row = string;', homes);
  readTypes('b.ts', 'interface Place {}\ntype Row = number;', homes);
  assert.deepEqual(doubled(homes), ['Place: a.ts, b.ts']);
  readTypes('c.ts', 'export declare class Row {}\nexport type { Where as Filter } from;', homes);
  readTypes('d.ts', 'export { read, type Given as Filter };\nexport { a as Filter };', homes);
  assert.deepEqual(doubled(homes), [
    'Place: a.ts, b.ts',
    'Row: a.ts, b.ts, c.ts',
    'Filter: c.ts, d.ts',
  ]);
});
