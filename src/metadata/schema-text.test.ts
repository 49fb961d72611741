import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocksOf, fieldLines, textAttribute } from './schema-text.ts';

const text = `// model Commented { id Int }
generator client {
  provider = "prisma-client-js" // old } one
}
/* enum Gone {
} */
model Odd {
  id    Int    @id
  brace String @default("} // not \\" the end") /// a remark }
  @@schema("Odd \\"one\\"")
}

  enum Mood { happy }
`;

test('blocks are found whatever stands in strings and comments', () => {
  assert.deepEqual(
    blocksOf(text).map(({ kind, name }) => `${kind} ${name}`),
    ['generator client', 'model Odd', 'enum Mood'],
  );
  const [generator, odd] = blocksOf(text);
  assert.equal(
    text.slice(generator?.start, generator?.end),
    'generator client {\n  provider = "prisma-client-js" // old } one\n}',
  );
  assert.equal(odd && textAttribute(odd, '@@schema'), 'Odd "one"');
  assert.deepEqual(odd && fieldLines(odd).map(({ name }) => name), ['id', 'brace']);
});

test('a text that is no schema has no blocks, or unfinished ones', () => {
  assert.deepEqual(blocksOf(''), []);
  assert.deepEqual(
    blocksOf('model A {').map(({ name, body }) => [name, body]),
    [['A', '']],
  );
});

test('a comment ends where it does for Prisma: at a carriage return too, behind which a block is one', () => {
  const own = '/// Help\rgenerator hidden {\r  provider = "node evil.js"\r}\r';
  const [block] = blocksOf(`${own}model A {}`);
  assert.deepEqual([block?.kind, block?.name], ['generator', 'hidden']);
  assert.equal(own.slice(block?.start, block?.end), own.slice(own.indexOf('generator'), -1));
});
