import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pluralsOf, readGlossary } from './glossary.ts';
import { readTexts } from './read-texts.ts';

const house = 'docs/architecture.md';

/**
 * The queue's jobs are its own, models are guessed by words of other people's; the house page and
 * this test name what is not said.
 */
const others = [
  'src/queue/',
  'bench/bare-queue.ts',
  'src/resources/guesses.ts',
  'docs/decisions/042-own-tasks-are-taken-from-their-table.md',
  house,
  'src/testing/words.test.ts',
];

/** Everything that is written here, less what others are called. */
async function readAll(): Promise<Map<string, string>> {
  const texts = await readTexts(
    '{src,e2e,scripts,bench,prisma/sample}/**/*.{ts,mjs,sh}',
    'views/**/*.{eta,css}',
    'public/*.js',
    'docs/**/*.md',
    '{README,CHANGELOG}.md',
  );
  return new Map([...texts].map(([path, text]) => [path, lessOthers(path, text)]));
}

/**
 * Without the tables of the queue's library, the cases of a measurement, and, of the changelog, what
 * was published and what something was called before.
 */
function lessOthers(path: string, text: string): string {
  if (path.startsWith('bench/')) return text.replace(/'[^'\n]*\b(?:one|two) drains?'/g, '');
  if (path !== 'CHANGELOG.md') return text.replace(/\b_private_jobs\b|\.jobs\b/g, '');
  const entries = text.split(/\n(?=- |## )/);
  const published = entries.findLastIndex((entry) => entry.startsWith('## Unreleased'));
  const next = entries.findIndex((entry, at) => at > published && entry.startsWith('## '));
  return entries
    .slice(published, next < 0 ? undefined : next)
    .filter((entry) => !/\bwas called\b/.test(entry))
    .join('\n')
    .replace(/`[^`]*`/g, '');
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
    const found = words.filter((word) => pluralsOf(word).some((one) => parts.has(one)));
    return found.map((word) => `${index + 1}: ${word}`);
  });
}

test('each word of the glossary is used', async () => {
  const parts = new Set<string>();
  for (const text of (await readTexts('src/**/*.ts')).values())
    for (const part of partsOf(text)) parts.add(part);
  const words = await readGlossary();
  assert.ok(words.length > 20, 'the table is read');
  const unused = words.filter(
    ({ word }) => !word.split(' ').every((part) => pluralsOf(part).some((one) => parts.has(one))),
  );
  assert.deepEqual(
    unused.map(({ word }) => word),
    [],
  );
});

test('no word is used that has another in the glossary, in no text and no name of a file', async () => {
  const banned = (await readGlossary()).flatMap(({ not }) => not);
  assert.ok(banned.length > 0);
  const texts = await readAll();
  assert.ok(texts.size > 800);
  const found = [...texts]
    .filter(([path]) => !others.some((other) => path.startsWith(other)))
    .flatMap(([path, text]) =>
      findWords(`${path}\n${text}`, banned).map((line) => `${path}:${line}`),
    );
  assert.deepEqual(found, []);
});

test('a word is found alone, in names and as a plural, and not within another', () => {
  assert.deepEqual(findWords('two jobs\nconst nextJob = 1;\njobless', ['job']), [
    '1: job',
    '2: job',
  ]);
  assert.deepEqual(findWords('in batches\nof families', ['batch', 'family']), [
    '1: batch',
    '2: family',
  ]);
});

test('of the changelog, what is not published yet is looked at, but for what something was called', () => {
  const entries = ['- A job.', '- What was called a job is a task.', '- Now `job` is `task`.'];
  const text = `# Changelog\n\n## Unreleased\n\n${entries.join('\n')}\n\n## 0.1.0\n\n- A job.`;
  assert.deepEqual(findWords(lessOthers('CHANGELOG.md', text), ['job']).length, 1);
});
