import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readTemplates } from '../../../scripts/check-templates.ts';
import { style } from '../../../scripts/style.mjs';
import { assertGolden } from '../../testing/golden.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string) => readFile(join(root, path), 'utf8');

/** `btn-{xs,sm}`: `btn-xs` and `btn-sm`. */
function expand(word: string): string[] {
  const [whole, before = '', inner = '', after = ''] = /^(.*?)\{([^{}]*)\}(.*)$/.exec(word) ?? [];
  return whole === undefined
    ? [word]
    : inner.split(',').flatMap((one) => expand(`${before}${one}${after}`));
}

/** What stands in code signs between two headings, or what comes before a sentence. */
const wordsIn = (text: string) =>
  [...text.matchAll(/`([^`]+)`/g)].flatMap(([, word = '']) => expand(word));

/** The rows of the table whose head begins so, the first cell of each. */
function rowsOf(guide: string, head: string): string[][] {
  const lines = guide.split('\n');
  const start = lines.findIndex((line) => line.startsWith(`| ${head} |`));
  assert.ok(start >= 0, head);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end < 0 ? undefined : end).map((line) => line.split(/(?<!\\) \| /));
}

const source = (await read('views/styles.css')).replaceAll(/\/\*[\s\S]*?\*\//g, '');
const guide = await read('docs/look.md');

const classesIn = (css: string) =>
  new Set(
    [...css.matchAll(/\.((?:[a-zA-Z_-]|\\.)(?:[\w-]|\\.)*)/g)].map(([, name = '']) =>
      name.replaceAll('\\', ''),
    ),
  );

test('every class that the guide offers is in the style sheet as it is built', async () => {
  assert.equal(style(), null);
  const built = classesIn(await read('public/build/styles.css'));
  const offered = rowsOf(guide, 'of').flatMap(([, words = '']) =>
    wordsIn(words).flatMap((one) => one.split(' ')),
  );
  const ours = rowsOf(guide, 'class').flatMap((cells) => wordsIn(cells[0] ?? ''));
  assert.ok(offered.length > 300 && ours.length > 10);
  // It stands beside others, and is a sign of its own.
  const unstyled = ['group', 'h1', 'h2', 'dl', 'small', 'label', 'charts', 'icon'];
  const lost = [...offered, ...ours].filter((name) => !built.has(name) && !unstyled.includes(name));
  assert.deepEqual(lost, []);
});

test('the guide has every class of our own, and every one that is shipped', () => {
  const inline = [...source.matchAll(/@source inline\("([^"]*)"\)/g)].flatMap(([, text = '']) =>
    text.split(' ').flatMap(expand),
  );
  const plain = source.replaceAll(/@source[^;]*;|@import[^;]*;|"[^"]*"|\d\.\d+/g, '');
  const wanted = new Set([...classesIn(plain), ...inline]);
  const said = new Set([
    ...rowsOf(guide, 'of').flatMap(([, words = '']) => wordsIn(words)),
    ...rowsOf(guide, 'class').flatMap((cells) => wordsIn(cells.join(' '))),
    ...wordsIn(/Classes of our own pages[^:]*:\n\n([\s\S]*?)\.\n/.exec(guide)?.[1] ?? ''),
  ]);
  assert.deepEqual([...wanted].filter((name) => !said.has(name)).sort(), []);
  const others = ['h1', 'h2', 'small', 'label', 'table', 'dl', 'chart', 'aria-invalid', 'ICON'];
  assert.deepEqual(
    [...said].filter((name) => !wanted.has(name) && !others.includes(name)).sort(),
    [],
  );
});

test('the guide has every variable of the theme, and no other', () => {
  const there = new Set([...source.matchAll(/^\s+(--[\w-]+):/gm)].map(([, name]) => name));
  const said = rowsOf(guide, 'variable').flatMap((cells) => wordsIn(cells[0] ?? ''));
  assert.deepEqual(said.sort(), [...there].sort());
});

test('the guide has every template of ours, with what it reads', async () => {
  const there = (await readTemplates()).map(({ path, text }) => {
    const [, type = ''] = /^<% \/\* it: ([\s\S]+?)(?:\.\s[\s\S]*?)?\.? ?\*\//.exec(text) ?? [];
    return `| \`${path.slice(1)}\` | \`${type.replaceAll(/\s+/g, ' ').replaceAll('|', '\\|')}\` |`;
  });
  const head = '| template | reads |\n| --- | --- |\n';
  const [before = ''] = guide.split(head);
  await assertGolden(join(root, 'docs/look.md'), `${before}${head}${there.join('\n')}\n`);
});
