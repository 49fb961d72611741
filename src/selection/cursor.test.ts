import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cursorText, endCursor, parseCursor } from './cursor.ts';

test('any values come back from their cursor', () => {
  const value = fc.oneof(
    fc.constant(null),
    fc.string({ unit: fc.constantFrom('!', '~', '-', '0', 'a', 'é', ' ', '&') }),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 4 }), (values) => {
      fc.pre(!values.some((one) => one?.includes('\0')));
      const text = cursorText(values);
      assert.notEqual(text, endCursor);
      const nullable = values.map(() => true);
      assert.deepEqual(parseCursor(text, nullable, '_after'), values);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('a cursor reads like its values', () => {
  assert.equal(cursorText(['3255944', '1042']), '3255944~1042');
  assert.equal(cursorText([null, 'a~b!c']), '!0~a!-b!!c');
});

test('what cannot be a cursor of the order is named', () => {
  for (const text of ['', '1', '1~2~3', '!0~2', '1~!x', '1~!', '!end', '\0~1']) {
    assert.throws(
      () => parseCursor(text, [false, true], '_before'),
      { code: 'invalid-cursor', details: { field: '_before' } },
      text,
    );
  }
});
