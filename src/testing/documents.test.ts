import assert from 'node:assert/strict';
import { access, glob, readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

async function pages(): Promise<string[]> {
  const found = ['README.md'];
  for await (const path of glob('docs/**/*.md', { cwd: root })) found.push(path);
  return found.sort();
}

const isThere = (path: string) =>
  access(join(root, path)).then(
    () => true,
    () => false,
  );

test('the index of documents names every page once', async () => {
  const index = await read('docs/README.md');
  const named = [...index.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, name]) => name);
  const there = (await readdir(join(root, 'docs'))).filter(
    (name) => name.endsWith('.md') && name !== 'README.md',
  );
  assert.deepEqual(named.sort(), there.sort());
});

test('every link between documents leads to a file', async () => {
  const lost: string[] = [];
  for (const page of await pages())
    for (const [, target = ''] of (await read(page))
      .replace(/```.*?```|`[^`]*`/gs, '')
      .matchAll(/\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)/g))
      if (!(await isThere(join(dirname(page), target)))) lost.push(`${page}: ${target}`);
  assert.deepEqual(lost, []);
});

test('every file that a document names is there', async () => {
  const lost: string[] = [];
  for (const page of await pages())
    for (const [, path = ''] of (await read(page)).matchAll(
      /`((?:src|views|public|bench|scripts|prisma|e2e)\/[\w./-]*)`/g,
    ))
      if (!(await isThere(path))) lost.push(`${page}: ${path}`);
  assert.deepEqual(lost, []);
});

test('decisions are numbered from one, each with its date and its four parts', async () => {
  const names = (await readdir(join(root, 'docs/decisions'))).sort();
  for (const [index, name] of names.entries()) {
    assert.ok(name.startsWith(`${String(index + 1).padStart(3, '0')}-`), name);
    const text = await read(join('docs/decisions', name));
    assert.match(
      text,
      new RegExp(`^# ${index + 1}\\. .+\\n\\n20\\d\\d-\\d\\d-\\d\\d\\n\\n\\*\\*Context\\.\\*\\* `),
      name,
    );
    for (const part of ['Also possible', 'Decision', 'Consequence'])
      assert.ok(text.includes(`\n\n**${part}.** `), `${name}: ${part}`);
  }
  assert.ok(names.length > 30);
});
