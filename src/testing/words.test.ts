import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const house = 'docs/architecture.md';

/**
 * The queue's jobs are its own, models are guessed by words of other people's; the house page and
 * this test name what is not said.
 */
const others = ['src/queue/', 'src/resources/guesses.ts', house, 'src/testing/words.test.ts'];

interface Word {
  word: string;
  /** What is not said instead. */
  not: readonly string[];
}

async function readWords(): Promise<Word[]> {
  const text = await readFile(join(root, house), 'utf8');
  const [, table = ''] = /^## Words\n([^#]+)/m.exec(text) ?? [];
  const rows = [...table.matchAll(/^\| (?!word |---)(.+?) \| .+? \| ?(.*?) ?\|$/gm)];
  return rows.map(([, word = '', not = '']) => ({ word, not: not.split(', ').filter(Boolean) }));
}

/**
 * The parts that names and sentences are made of, in lower case: `chunkTransaction` is chunk and
 * transaction.
 */
function partsOf(text: string): Set<string> {
  const spaced = text.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return new Set(spaced.split(/[^a-z]+/));
}

/** Lines that hold one of the words, alone, in a name, or as a plural. */
function findWords(text: string, words: readonly string[]): string[] {
  return text.split('\n').flatMap((line, index) => {
    const parts = partsOf(line);
    const found = words.filter((word) => parts.has(word) || parts.has(`${word}s`));
    return found.map((word) => `${index + 1}: ${word}`);
  });
}

/** Product, tests and documents, less what is not ours to name: the queue library's own tables. */
async function readFiles(patterns: readonly string[]): Promise<Map<string, string>> {
  const texts = new Map<string, string>();
  for (const pattern of patterns)
    for await (const path of glob(pattern, { cwd: root }))
      texts.set(
        path,
        (await readFile(join(root, path), 'utf8')).replace(/\b_private_jobs\b|\.jobs\b/g, ''),
      );
  return texts;
}

test('each word of the glossary is used', async () => {
  const parts = new Set<string>();
  for (const text of (await readFiles(['src/**/*.ts'])).values())
    for (const part of partsOf(text)) parts.add(part);
  const words = await readWords();
  assert.ok(words.length > 20, 'the table is read');
  const unused = words.filter(
    ({ word }) => !word.split(' ').every((part) => parts.has(part) || parts.has(`${part}s`)),
  );
  assert.deepEqual(
    unused.map(({ word }) => word),
    [],
  );
});

test('no word is used that has another in the glossary', async () => {
  // One in code signs is banned in names alone: `names.test.ts`.
  const banned = (await readWords()).flatMap(({ not }) =>
    not.filter((word) => !word.startsWith('`')),
  );
  assert.ok(banned.length > 0);
  const texts = await readFiles(['src/**/*.ts', 'views/**/*.eta', 'docs/*.md', 'README.md']);
  const found = [...texts]
    .filter(([path]) => !others.some((other) => path.startsWith(other)))
    .flatMap(([path, text]) => findWords(text, banned).map((line) => `${path}:${line}`));
  assert.deepEqual(found, []);
});

test('a word is found alone, in names and as a plural, and not within another', () => {
  assert.deepEqual(findWords('two jobs\nconst nextJob = 1;\njobless', ['job']), [
    '1: job',
    '2: job',
  ]);
});
