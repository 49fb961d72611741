import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withLineEnds } from './line-ends.ts';

test('a typed text keeps the line ends that it had', () => {
  assert.equal(withLineEnds('a\nb!\nc', 'a\rb\rc'), 'a\rb!\rc');
  assert.equal(withLineEnds('a\nnew\nb', 'a\r\nb'), 'a\r\nnew\r\nb');
  assert.equal(withLineEnds('a\nb\nc\nd!', 'a\r\nb\nc\rd'), 'a\r\nb\nc\rd!', 'each line its own');
  assert.equal(withLineEnds('!a\nb\nc\nd', 'a\r\nb\nc\rd'), '!a\r\nb\nc\rd');
  assert.equal(withLineEnds('a\nb', 'x'), 'a\nb', 'there were none');
  assert.equal(withLineEnds('', 'a\r\n'), '');
});
