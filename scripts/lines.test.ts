import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTemplates } from './check-templates.ts';

const maxLineLength = 180;

test(`no line of a template is longer than ${maxLineLength} characters`, async () => {
  const long = (await readTemplates()).flatMap(({ file, text }) =>
    text
      .split('\n')
      .flatMap((line, index) =>
        line.length > maxLineLength ? [`${file}:${index + 1} (${line.length})`] : [],
      ),
  );
  assert.deepEqual(long, []);
});

test('what differs on small screens by more than two classes has a class of its own', async () => {
  const chains = (await readTemplates()).flatMap(({ file, text }) =>
    [...text.matchAll(/\bclass="([^"]*)"/g)].flatMap(([, classes = '']) => {
      const small = classes.match(/\bmax-(?:sm|md):\S+/g) ?? [];
      return small.length > 2 ? [`${file}: ${small.join(' ')}`] : [];
    }),
  );
  assert.deepEqual(chains, []);
});
