import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { webAddress } from '../../docs/examples/web-address.ts';
import { fieldOptionShapes } from '../resources/option-shapes.ts';
import { testField } from '../testing/field.ts';
import { fieldKinds, getFieldKind } from './field-kinds.ts';

const docs = join(import.meta.dirname, '../../docs');
const guide = await readFile(join(docs, 'fields.md'), 'utf8');

/** First cells of the table under a heading: the names in backticks. */
function namesUnder(heading: string): string[] {
  const table = guide.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const cells = table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|')[1] ?? '');
  return cells.flatMap((cell) =>
    [...cell.matchAll(/`([\w-]+)(?:\([^`]*)?`/g)].map(([, name]) => name as string),
  );
}

test('the guide names every field kind there is, and no other', () => {
  assert.deepEqual(namesUnder('The kinds').sort(), fieldKinds.map(({ name }) => name).sort());
});

test('the guide names every member of a kind', () => {
  assert.deepEqual(namesUnder('Adding a kind').sort(), Object.keys(webAddress).sort());
});

test('the guide names every option of a field', () => {
  const refining = `${guide.split('## Refining a field')[1]?.split('\n## ')[0]} \`kind\``;
  for (const name of Object.keys(fieldOptionShapes))
    assert.match(refining, new RegExp(`\`${name}\``));
});

test("the guide's kind is the one that is compiled here", async () => {
  const code = await readFile(join(docs, 'examples/web-address.ts'), 'utf8');
  const shown = /<!-- docs\/examples\/web-address\.ts -->\n```ts\n([\s\S]*?)```/.exec(guide)?.[1];
  assert.equal(shown, code.replace("'../../src/index.ts'", "'bulkhead'"));
});

test("the guide's money, with its control and its cell, is that of the sample", async () => {
  for (const file of ['money.ts', 'money.eta', 'money-cell.eta']) {
    const code = await readFile(join(docs, '../src/sample', file), 'utf8');
    const shown = guide
      .split(`<!-- src/sample/${file} -->\n`)[1]
      ?.split('\n')
      .slice(1)
      .join('\n')
      .split('```')[0];
    assert.equal(shown, code.replace("'../index.ts'", "'bulkhead'"), file);
  }
});

test("the guide's kind shows, reads and filters as the guide says", () => {
  const field = { ...testField('String', 'text'), kind: webAddress };
  const kind = getFieldKind(field);
  assert.equal(kind.format('https://example.com/a', field).text, 'example.com/a');
  assert.deepEqual(kind.parse('https://Example.com', field), { value: 'https://example.com/' });
  assert.deepEqual(kind.parse('', field), { value: null });
  assert.ok('error' in kind.parse('javascript:alert(1)', field));
  const [host] = kind.operators(field);
  assert.deepEqual(host?.where(['example.com'], field, null as never), {
    value: {
      OR: [
        { value: { startsWith: 'http://example.com/' } },
        { value: { startsWith: 'https://example.com/' } },
      ],
    },
  });
});
