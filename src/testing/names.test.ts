import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { codeOf } from './code-of.ts';

const root = join(import.meta.dirname, '../..');

/**
 * Keys of JSON that is kept or answered, of addresses and of our tables: others hold on to them.
 */
const keysOfOthers = ['along', 'told', 'along_with', 'kept_along'];

/**
 * Words that the glossary has another for in names: `word` in code signs. They may stand in
 * sentences.
 */
async function readBanned(): Promise<string[]> {
  const text = await readFile(join(root, 'docs/architecture.md'), 'utf8');
  const [, table = ''] = /^## Words\n([^#]+)/m.exec(text) ?? [];
  return [...table.matchAll(/^\| .* \| (.*) \|$/gm)].flatMap(([, not = '']) =>
    [...not.matchAll(/`(\w+)`/g)].map(([, word = '']) => word),
  );
}

/**
 * Names in code that are made of one of the words, but for questions (`isTold`); what is asked of
 * somebody else has its name from there.
 */
function findNames(source: string, banned: readonly string[]): string[] {
  const names = codeOf(source).matchAll(/(?<![\w$])(?<!(?<!\.\.)\.)([A-Za-z_$][\w$]*)(\??:)?/g);
  const isBanned = (name: string) => {
    if (/^is[A-Z]/.test(name)) return false;
    const parts = name
      .replace(/([a-z\d])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z]+/);
    return banned.some((word) => parts.includes(word) || parts.includes(`${word}s`));
  };
  return [...names].flatMap(([, name = '', colon]) =>
    isBanned(name) && !(colon && keysOfOthers.includes(name)) ? [name] : [],
  );
}

test('no name is made of a word that has another in the glossary', async () => {
  const banned = await readBanned();
  assert.ok(banned.length > 0);
  const found: string[] = [];
  for await (const path of glob('src/**/*.ts', { cwd: root }))
    if (!path.endsWith('.test.ts'))
      found.push(
        ...findNames(await readFile(join(root, path), 'utf8'), banned).map(
          (name) => `${path}: ${name}`,
        ),
      );
  assert.deepEqual(found, []);
});

test('a word is found in names, and not in sentences, texts and names of others', () => {
  const source = [
    `const register = listRegisters(\`the register \${ofRegister({ a: 1 })} of one\`); // a register`,
    "app.register('register'); const pattern = /register/; const registration = 1;",
    'const row: { along?: string } = { along: 1 }; const isAlong = true;',
  ].join('\n');
  assert.deepEqual(findNames(source, ['register', 'along']), [
    'register',
    'listRegisters',
    'ofRegister',
  ]);
});

/** What a part of a statement is not called: it says no noun. */
const participles = ['told', 'given', 'found', 'wanted', 'kept', 'own'];

function findParts(source: string): string[] {
  const parts = source.matchAll(/\b(\w+) as (?:not )?(?:materialized )?\(/g);
  return [...parts].flatMap(([, name = '']) => (participles.includes(name) ? [name] : []));
}

test('parts of statements are called by nouns', async () => {
  const found: string[] = [];
  for (const pattern of ['src/**/*.ts', 'src/testing/golden/*.sql'])
    for await (const path of glob(pattern, { cwd: root }))
      if (!path.endsWith('.test.ts'))
        found.push(
          ...findParts(await readFile(join(root, path), 'utf8')).map((name) => `${path}: ${name}`),
        );
  assert.deepEqual(found, []);
  assert.deepEqual(
    findParts('with found as materialized (select 1), kept as (select 2) select known as (given)'),
    ['found', 'kept'],
  );
});
