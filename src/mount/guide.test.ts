import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const docs = join(import.meta.dirname, '../../docs');

test('the examples of the guide are those that are compiled and run', async () => {
  const guide = await readFile(join(docs, 'plugin.md'), 'utf8');
  const examples = [...guide.matchAll(/<!-- docs\/examples\/([\w.-]+) -->\n```ts\n([\s\S]*?)```/g)];
  assert.equal(examples.length, [...guide.matchAll(/```ts/g)].length);
  for (const [, name = '', code] of examples) {
    const there = await readFile(join(docs, 'examples', name), 'utf8');
    assert.equal(code, there.replaceAll("'../../src/index.ts'", "'bulkhead'"), name);
  }
});
