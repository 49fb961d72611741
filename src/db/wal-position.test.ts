import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  endBefore,
  endOfAll,
  isReached,
  laterOf,
  parseLsn,
  parsePosition,
  positionText,
} from './wal-position.ts';

test('a position comes back from its text, and what is none is none', () => {
  for (const position of [{ timeline: 1, lsn: 0x3_43_6a_18n }, { timeline: 0, lsn: 0n }, endOfAll])
    assert.deepEqual(parsePosition(positionText(position)), position);
  for (const text of [
    '',
    '1',
    '1.',
    '.1',
    '1.1.1',
    '-1.1',
    '1.1 ',
    'g.1',
    '1.g',
    '100000000.1',
    `1.1${'0'.repeat(16)}`,
  ])
    assert.equal(parsePosition(text), null, text);
});

test('positions are read as PostgreSQL writes them', () => {
  assert.equal(parseLsn('0/3436A18'), 0x3436a18n);
  assert.equal(parseLsn('16/B374D848'), 0x16_b374_d848n);
});

test('what was written is there once as much is replayed, on its timeline or a later one', () => {
  const at = (timeline: number, lsn: number) => ({ timeline, lsn: BigInt(lsn) });
  assert.equal(isReached(at(1, 5), at(1, 5)), true);
  assert.equal(isReached(at(1, 5), at(1, 6)), false);
  // A standby that still follows a primary that is gone has what never came to the new one.
  assert.equal(isReached(at(1, 9), at(2, 6)), false);
  assert.equal(isReached(at(2, 9), at(1, 6)), true);
  assert.deepEqual(laterOf(at(1, 9), at(2, 6)), at(2, 9));
});

test('where the next record goes behind the head of a page, the last one has ended before that page', () => {
  const sizes = { page: 8_192, segment: 16 * 1_024 * 1_024 };
  const file = 16n * 1_024n * 1_024n;
  assert.equal(endBefore(file * 5n + 40n, sizes), file * 5n);
  assert.equal(endBefore(file * 5n + 24n, sizes), file * 5n + 24n);
  assert.equal(endBefore(file * 5n + 8_192n + 24n, sizes), file * 5n + 8_192n);
  // There a record can end.
  for (const within of [8n, 32n, 40n, 4_096n])
    assert.equal(endBefore(8_192n + within, sizes), 8_192n + within);
});
