import assert from 'node:assert/strict';
import { access, glob, readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { readTexts } from './read-texts.ts';

const root = join(import.meta.dirname, '../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

const pages = () => readTexts('{README,CHANGELOG}.md', 'docs/**/*.md');

const isThere = (path: string) =>
  access(join(root, path)).then(
    () => true,
    () => false,
  );

test('the index of documents names every page once', async () => {
  const index = await read('docs/README.md');
  const named = [...index.matchAll(/\]\(([\w/-]+\.md)\)/g)].map(([, name]) => name);
  // Decisions are many, and have a folder.
  const there = [...(await pages()).keys()].filter((path) =>
    /^docs\/(?!README|decisions\/)/.test(path),
  );
  assert.deepEqual(
    named.sort(),
    there.map((path) => path.replace('docs/', '')),
  );
});

test('every picture and example is shown by a page', async () => {
  const texts = [...(await pages()).values()].join('\n');
  const found: string[] = [];
  for await (const path of glob('docs/{images,examples}/**/*.*', { cwd: root }))
    if (!texts.includes(path.replace('docs/', ''))) found.push(path);
  assert.deepEqual(found, []);
});

interface Link {
  page: string;
  path: string;
  /** Empty: to the page as a whole. */
  heading: string;
}

function linksOf(page: string, text: string): Link[] {
  const links = text
    .replace(/```.*?```|`[^`]*`/gs, '')
    .matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)/g);
  return [...links].map(([, target = '', heading = '']) => ({
    page,
    path: target === '' ? page : normalize(join(dirname(page), target)),
    heading,
  }));
}

/** As GitHub makes addresses of headings. */
function headingsOf(text: string): Set<string> {
  const headings = text.replace(/```.*?```/gs, '').matchAll(/^#+ (.+)$/gm);
  const found = new Set<string>();
  for (const [, heading = ''] of headings) {
    const name = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-');
    let [one, count] = [name, 0];
    while (found.has(one)) one = `${name}-${++count}`;
    found.add(one);
  }
  return found;
}

test('every link between documents leads to a file, and to a heading of it', async () => {
  const texts = await pages();
  const lost: string[] = [];
  for (const { page, path, heading } of [...texts].flatMap(([page, text]) => linksOf(page, text))) {
    const isLost = heading
      ? !headingsOf(texts.get(path) ?? '').has(heading)
      : !(await isThere(path));
    if (isLost) lost.push(`${page}: ${path}${heading && `#${heading}`}`);
  }
  assert.deepEqual(lost, []);
});

test('links are found with their headings, and headings by their addresses', () => {
  const text = 'See [a](b.md#c-d), [e](#f) and `[g](h)`.';
  assert.deepEqual(linksOf('docs/x.md', text), [
    { page: 'docs/x.md', path: 'docs/b.md', heading: 'c-d' },
    { page: 'docs/x.md', path: 'docs/x.md', heading: 'f' },
  ]);
  const headings = headingsOf("# What it's `for`\n## Twice\n## Twice\n```sh\n# no\n```");
  assert.deepEqual([...headings], ['what-its-for', 'twice', 'twice-1']);
});

test('every file that a document names is there', async () => {
  const lost: string[] = [];
  for (const [page, text] of await pages())
    for (const [, path = ''] of (page === 'CHANGELOG.md' ? '' : text).matchAll(
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
