import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startLanguageServer } from '../testing/language-server.ts';
import {
  bulkShapes,
  computedShapes,
  fieldOptionShapes,
  hookShapes,
  optionShapes,
} from './option-shapes.ts';

const root = join(import.meta.dirname, '../..');
/** What an editor shows before the sentence that says what something is. */
const longest = 200;

type Hover = (
  file: string,
  text: string,
  at: number,
) => Promise<{ types: string; comment: string }>;

async function begin(t: TestContext): Promise<Hover> {
  const server = await startLanguageServer(root);
  t.after(() => server.close());
  return (path, text, at) => server.hover(join(root, path), text, at);
}

/** What is shown over each word that the first group of the pattern finds. */
async function hovers(hover: Hover, path: string, text: string, pattern: RegExp) {
  const found: { word: string; types: string; comment: string }[] = [];
  for (const match of text.matchAll(pattern)) {
    const word = match[1] as string;
    const at = match.index + match[0].indexOf(word);
    found.push({ word, ...(await hover(path, text, at)) });
  }
  return found;
}

/** Computed columns are the project's own words: they come as they were written. */
function withoutColumns(types: string): string {
  return types.replace(/\{[^{}]*\}/g, '{ … }');
}

test('what an editor shows over the definitions of the sample is short, and says what it is', async (t) => {
  const hover = await begin(t);
  for (const name of [
    'admin',
    'sample/cities',
    'sample/countries',
    'sample/tags',
    'sample/languages',
  ]) {
    const path = `src/${name}.ts`;
    const text = await readFile(join(root, path), 'utf8');
    const all = [
      ...(await hovers(hover, path, text, /\b(defineResource|defineAdmin)\b/g)),
      ...(await hovers(hover, path, text, /^ {2}(?:async )?(\w+)[:(]/gm)),
    ];
    assert.ok(all.length >= 4, `${path} has ${all.length}`);
    for (const { word, types, comment } of all) {
      const shown = word === 'defineResource' ? withoutColumns(types) : types;
      assert.ok(shown !== '' && shown.length <= longest, `${word} of ${name}: ${types}`);
      assert.notEqual(comment, '', `${word} of ${name}`);
    }
  }
});

/** Every option of the five tables, as it may be written about a model of a schema of 65 models. */
const values: Readonly<Record<string, string>> = {
  fields: '{}',
  columns: "['code', 'ship', 'ship.name']",
  defaultSort: "['code', '-ship.name']",
  validate: '() => null',
  scope: "() => ({ ship: { name: 'Vasa' } })",
};
const tables: readonly [name: string, shapes: object, around: (option: string) => string][] = [
  ['resource', optionShapes, (option) => option],
  ['field', fieldOptionShapes, (option) => `fields: { code: {\n${option} } }`],
  ['column', computedShapes, (option) => `computed: { deep: {\n${option} } }`],
  ['bulk', bulkShapes, (option) => `bulk: {\n${option} }`],
  ['hook', hookShapes, (option) => `hooks: {\n${option} }`],
];

test('each option is shown shortly where it is written, with a sentence', async (t) => {
  const hover = await begin(t);
  for (const [name, shapes, around] of tables) {
    const definitions = Object.keys(shapes).map(
      (option) =>
        `defineResource(metadata, 'Cabin', { ${around(`\n  ${option}: ${values[option] ?? 'undefined as never'},\n`)} });\n`,
    );
    const text = `import { defineResource } from '../index.ts';
import { metadata } from '../../generated/torture-metadata/metadata.ts';
${definitions.join('')}`;
    const path = `src/resources/written-${name}.ts`;
    const all = await hovers(hover, path, text, /^ {2}(\w+):/gm);
    assert.deepEqual(
      all.map(({ word }) => word),
      Object.keys(shapes),
    );
    for (const { word, types, comment } of all) {
      assert.ok(types !== '' && types.length <= longest, `${word}: ${types}`);
      assert.notEqual(comment, '', word);
    }
  }
});
