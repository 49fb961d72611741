import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { operationKinds } from './operations.ts';

const root = join(import.meta.dirname, '../..');

/** The members, and the file that lists them. */
const members = /^src\/operations\/(operations|update\/update|delete\/delete|undo\/undo)\.ts$/;

const names = operationKinds.join('|');
const askings: readonly [what: string, pattern: RegExp][] = [
  [
    'compares with a name',
    new RegExp(`(===|!==|==|!=)\\s*['"](${names})['"]|['"](${names})['"]\\s*(===|!==)`, 'g'),
  ],
  ['branches on a name', new RegExp(`case ['"](${names})['"]`, 'g')],
  [
    'looks a name up in a list',
    new RegExp(`\\[[^\\]\\n]*['"](${names})['"][^\\]\\n]*\\]\\.includes\\(`, 'g'),
  ],
  ['has a table by name', /\}\s*\[[\w.]*\b(operation|kind)\]/g],
];

test('nobody but an operation asks for its name', async () => {
  const found: string[] = [];
  for (const folder of ['src', 'views', 'bench']) {
    for (const entry of await readdir(join(root, folder), {
      recursive: true,
      withFileTypes: true,
    })) {
      const path = relative(root, join(entry.parentPath, entry.name));
      if (
        !entry.isFile() ||
        !/\.(ts|eta)$/.test(path) ||
        /\.test\.ts$/.test(path) ||
        members.test(path)
      )
        continue;
      const text = await readFile(join(root, path), 'utf8');
      for (const [what, pattern] of askings)
        for (const match of text.matchAll(pattern))
          found.push(
            `${path}:${text.slice(0, match.index).split('\n').length} ${what}: ${match[0].trim()}`,
          );
    }
  }
  assert.deepEqual(
    found,
    [],
    `Let the contract say it (src/operations/contract.ts):\n${found.join('\n')}`,
  );
});
