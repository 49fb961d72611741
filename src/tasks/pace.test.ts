import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterTrouble, nextPace, type Pace, startPace } from './pace.ts';

const chunk = (pace: Pace, perRowMs: number, fixedMs = 1) => {
  const appliedMs = pace.rows * perRowMs;
  return { rows: pace.rows, appliedMs, tookMs: appliedMs + fixedMs, isWaitedFor: false, wasRefused: false };
};

function settle(perRowMs: number, fixedMs = 1): Pace {
  let pace = startPace(1_000);
  for (let round = 0; round < 20; round++) pace = nextPace(pace, chunk(pace, perRowMs, fixedMs), 15, 1_000);
  return pace;
}

test('the number of records follows the time that they take', () => {
  assert.equal(settle(0.005).rows, 1_000);
  const { rows } = settle(0.1);
  assert.ok(rows > 120 && rows < 160, String(rows));
  assert.equal(settle(50).rows, 10);
});

test('a commit that takes longer than the target does not make chunks vanish', () => {
  const { rows } = settle(0.05, 40);
  assert.ok(rows > 380 && rows < 420, String(rows));
});

test('a chunk that somebody waits for makes the next one smaller, and so does trouble', () => {
  const pace = { rows: 400, isCareful: false };
  assert.equal(nextPace(pace, { ...chunk(pace, 0.01), isWaitedFor: true }, 15, 1_000).rows, 280);
  assert.equal(afterTrouble(pace).rows, 200);
});

test('a last piece that is small says little about the pace', () => {
  const pace = { rows: 400, isCareful: false };
  assert.equal(nextPace(pace, { rows: 20, appliedMs: 1, tookMs: 2, isWaitedFor: false, wasRefused: false }, 15, 1_000).rows, 400);
});
