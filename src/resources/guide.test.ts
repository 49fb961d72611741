import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileExamples } from '../testing/compile-examples.ts';
import { operationShapes } from './check-operations.ts';
import {
  bulkShapes,
  computedShapes,
  fieldOptionShapes,
  hookShapes,
  optionShapes,
} from './option-shapes.ts';

const root = join(import.meta.dirname, '../..');

async function read(path: string): Promise<string> {
  return readFile(join(root, path), 'utf8');
}

/** Names in the first column of the table whose head begins so. */
function namesOf(guide: string, head: string): string[] {
  const lines = guide.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.ok(start >= 0, head);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end).map((line) => /^\| `(\w+)` \|/.exec(line)?.[1] ?? line);
}

const tables: [head: string, names: object, guide?: string][] = [
  ['option', optionShapes],
  ['field option', fieldOptionShapes],
  ['column option', computedShapes],
  ['hook', hookShapes],
  ['bulk option', bulkShapes],
  ['operation option', operationShapes, 'docs/operations.md'],
];

for (const [head, names, guide = 'docs/resources.md'] of tables) {
  test(`the guide has every ${head}, and no other`, async () => {
    assert.deepEqual(namesOf(await read(guide), head).sort(), Object.keys(names).sort());
  });
}

test('the examples of the guide and of the README compile', async () => {
  const examples: string[] = [];
  for (const path of ['docs/resources.md', 'docs/operations.md', 'README.md'])
    for (const [, code = ''] of (await read(path)).matchAll(/```ts\n(.*?)```/gs))
      examples.push(code);
  assert.ok(examples.length >= 3);
  assert.equal(await compileExamples(examples), '');
});
