import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codeOf } from './code-of.ts';
import { pluralsOf, readGlossary } from './glossary.ts';
import { readTexts } from './read-texts.ts';

/**
 * Keys of JSON that is kept, answered or printed, of addresses and of our tables: others hold on to
 * them.
 */
const keysOfOthers = [
  'register',
  'registers',
  'along',
  'told',
  'along_with',
  'kept_along',
  'ofLeast',
];

/**
 * Names in code that are made of one of the words, but for questions (`isTold`, `hasTold`); what is asked of
 * somebody else has its name from there.
 */
function findNames(source: string, banned: readonly string[]): string[] {
  const names = codeOf(source).matchAll(/(?<![\w$])(?<!(?<!\.\.)\.)([A-Za-z_$][\w$]*)(\??:)?/g);
  const isBanned = (name: string) => {
    if (/^(?:is|has)[A-Z]/.test(name)) return false;
    const parts = name
      .replace(/([a-z\d])([A-Z])/g, '$1 $2')
      .toLowerCase()
      .split(/[^a-z]+/);
    return banned.some((word) => pluralsOf(word).some((one) => parts.includes(one)));
  };
  return [...names].flatMap(([, name = '', colon]) =>
    isBanned(name) && !(colon && keysOfOthers.includes(name)) ? [name] : [],
  );
}

/** Of a template what is between its signs. */
function scriptOf(path: string, text: string): string {
  if (!path.endsWith('.eta')) return text;
  return [...text.matchAll(/<%[-_]?[=~]?([\s\S]*?)[-_]?%>/g)].map(([, code]) => code).join(';\n');
}

test('no name, of a file neither, is made of a word that has another in the glossary', async () => {
  const banned = (await readGlossary()).flatMap(({ notInNames }) => notInNames);
  assert.ok(banned.length > 0);
  const texts = await readTexts(
    '{src,e2e,scripts,bench,prisma/sample}/**/*.{ts,mjs}',
    'views/**/*.eta',
    'public/*.js',
  );
  assert.ok(texts.size > 700);
  const found = [...texts].flatMap(([path, text]) => {
    const ofFile = path.replace(/\W+/g, '_');
    return findNames(`${ofFile}; ${scriptOf(path, text)}`, banned).map(
      (name) => `${path}: ${name}`,
    );
  });
  assert.deepEqual(found, []);
});

test('a word is found in names, and not in sentences, texts and names of others', () => {
  const source = [
    `const register = listRegisters(\`the register \${ofRegister({ a: 1 })} of one\`); // a register`,
    "app.register('register'); const pattern = /register/; const registration = 1;",
    'const row: { along?: string } = { along: 1 }; const isAlong = true;',
    scriptOf('a.eta', '<p>moment</p><% const moments = 1; %><%= ctx.name %>'),
  ].join('\n');
  assert.deepEqual(findNames(source, ['register', 'along', 'moment', 'ctx']), [
    'register',
    'listRegisters',
    'ofRegister',
    'moments',
    'ctx',
  ]);
});

/** What a part of a statement is not called: it says no noun. */
const participles = ['told', 'given', 'found', 'wanted', 'kept', 'own'];

function findParts(source: string): string[] {
  const parts = source.matchAll(/\b(\w+) as (?:not )?(?:materialized )?\(/g);
  return [...parts].flatMap(([, name = '']) => (participles.includes(name) ? [name] : []));
}

test('parts of statements are called by nouns', async () => {
  const found = [...(await readTexts('src/**/*.ts', 'src/testing/golden/*.sql'))]
    .filter(([path]) => !path.endsWith('.test.ts'))
    .flatMap(([path, text]) => findParts(text).map((name) => `${path}: ${name}`));
  assert.deepEqual(found, []);
  assert.deepEqual(
    findParts('with found as materialized (select 1), kept as (select 2) select known as (given)'),
    ['found', 'kept'],
  );
});
