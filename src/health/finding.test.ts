import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { findingNames } from './finding.ts';

test('the docs name everything that is found, and nothing else', async () => {
  const text = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const [, table = ''] = /^\| finding \|.*\n([\s\S]*?)\n\n/m.exec(text) ?? [];
  const said = table
    .split('\n')
    .slice(1)
    .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([a-z:-]+)(?:<\w+>)?`/g)])
    .map(([, name]) => name);
  assert.deepEqual(said.toSorted(), [...findingNames].sort());
});
