import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterTrouble, nextPace, type Pace, startPace } from './pace.ts';

const chunk = (rows: number, perRowMs: number, fixedMs = 1) => ({
  rows,
  tookMs: rows * perRowMs + fixedMs,
  isWaitedFor: false,
  wasRefused: false,
});

function settle(perRowMs: number, fixedMs = 1): Pace {
  let pace = startPace(1_000);
  for (let round = 0; round < 30; round++)
    pace = nextPace(pace, chunk(pace.rows, perRowMs, fixedMs), 15, 1_000);
  return pace;
}

test('the number of records follows the time that they take', () => {
  assert.equal(settle(0.005).rows, 1_000);
  const { rows } = settle(0.1);
  assert.ok(rows > 120 && rows < 160, String(rows));
  assert.equal(settle(50).rows, 10);
});

test('where the commit or the round trips alone take longer than the target, chunks do not vanish', () => {
  const { rows } = settle(0.05, 40);
  assert.ok(rows > 350 && rows < 450, String(rows));
  const dear = settle(0.5, 60).rows;
  assert.ok(dear > 50 && dear < 70, String(dear));
});

test('a chunk that somebody waits for makes the next one smaller, and so does trouble', () => {
  const pace = { ...settle(0.01), rows: 400 };
  assert.equal(nextPace(pace, { ...chunk(400, 0.01), isWaitedFor: true }, 15, 1_000).rows, 280);
  assert.equal(afterTrouble(pace, { isTooSlow: false }).rows, 200);
});

test('a last piece that is small says little about the pace', () => {
  const pace = settle(0.02);
  const { rows } = nextPace(pace, chunk(20, 0.02), 15, 1_000);
  assert.ok(rows > 0.8 * pace.rows, `${pace.rows} ${rows}`);
});

test('only statements that take too long make chunks smaller than ten records, and those stay so while records are as dear', () => {
  let pace: Pace = { ...settle(50), rows: 10 };
  assert.equal(afterTrouble(pace, { isTooSlow: false }).rows, 10);
  for (const rows of [5, 2, 1, 1]) {
    pace = afterTrouble(pace, { isTooSlow: true });
    assert.equal(pace.rows, rows);
  }
  assert.equal(afterTrouble(pace, { isTooSlow: false }).rows, 1);
  assert.equal(nextPace({ ...startPace(1_000), rows: 1 }, chunk(1, 10_000), 15, 1_000).rows, 1);
  assert.equal(nextPace({ ...settle(0.01), rows: 1 }, chunk(1, 0.01), 15, 1_000).rows, 2);
});

test('a slice goes on at the pace of the chunks before, and after slices in trouble far below it', () => {
  assert.equal(startPace(1_000).rows, 250);
  const chunks = [700, 800, 3].map((rows) => chunk(rows, 0.02));
  assert.equal(startPace(1_000, { chunks, deaths: 0 }).rows, 800);
  assert.equal(startPace(1_000, { chunks, deaths: 1 }).rows, 25);
  assert.equal(startPace(1_000, { chunks: [], deaths: 1 }).rows, 7);
  assert.equal(startPace(1_000, { chunks: [], deaths: 4 }).rows, 1);
  const pace = nextPace(startPace(1_000, { chunks, deaths: 0 }), chunk(800, 0.02), 15, 1_000);
  assert.ok(pace.rows > 600 && pace.rows < 900, String(pace.rows));
});
