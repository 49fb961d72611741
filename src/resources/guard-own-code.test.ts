import assert from 'node:assert/strict';
import { test } from 'node:test';
import { guardComputed, guardOf } from './guard-own-code.ts';

test('what the project’s own code throws is told once for a column, however many records it is thrown for', () => {
  const logLines: string[] = [];
  const guard = guardOf('Cities', (message, { why }) => void logLines.push(`${message}: ${why}`));
  const fails = () => {
    throw new Error('no such thing');
  };
  const { value, link } = guardComputed('Size', { needs: [], value: fails, link: fails }, guard);
  for (let record = 0; record < 100; record++)
    assert.equal(value({ record }), '“Size” cannot be shown');
  assert.equal(link({}), null);
  assert.deepEqual(logLines, [
    'Cities: computed.value of “Size” failed, so an error stands in its place: no such thing',
    'Cities: computed.link of “Size” failed, so an error stands in its place: no such thing',
  ]);
});

test('a promise, and what has no text, are no values of a column', () => {
  const guard = guardOf('Cities', () => undefined);
  const made = (answer: unknown) =>
    guardComputed(
      'Size',
      { needs: [], value: () => answer as string, link: () => null },
      guard,
    ).value({});
  assert.equal(made(Promise.reject(new Error('late'))), '“Size” cannot be shown');
  assert.equal(made(Object.create(null)), '“Size” cannot be shown');
  assert.equal(made(undefined), null);
  assert.equal(made(12n), 12n);
});
