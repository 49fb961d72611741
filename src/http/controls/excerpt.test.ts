import assert from 'node:assert/strict';
import { test } from 'node:test';
import { excerpt } from './excerpt.ts';

test('short texts stand as they are', () => {
  assert.deepEqual(excerpt({ before: 'draft', after: 'published' }), {
    before: 'draft',
    after: 'published',
  });
  assert.deepEqual(excerpt({ before: '', after: null }), { before: '', after: null });
});

test('long texts are shown about the place where they begin to differ', () => {
  const { before, after } = excerpt({
    before: `${'a'.repeat(500)}old${'b'.repeat(500)}`,
    after: `${'a'.repeat(500)}new${'b'.repeat(500)}`,
  });
  assert.match(before, /^…a{40}oldb+…$/);
  assert.match(after ?? '', /^…a{40}newb+…$/);
  assert.equal(before.length, 202);
});

test('a long text that stays as it is, or is new, is shown from its beginning', () => {
  assert.equal(excerpt({ before: 'x'.repeat(1_000), after: null }).before, `${'x'.repeat(200)}…`);
  assert.deepEqual(excerpt({ before: '', after: 'x'.repeat(201) }), {
    before: '',
    after: `${'x'.repeat(200)}…`,
  });
});

test('no half of a character is shown', () => {
  assert.ok(excerpt({ before: `x${'😀'.repeat(300)}`, after: null }).before.isWellFormed());
});
