import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statesBefore, taskMoves, taskStates, unfinishedStates } from './states.ts';

test('no move leads out of a finished state, and every move has a reason', () => {
  for (const { from, because } of taskMoves) {
    assert.equal(taskStates[from].isFinished, false, from);
    assert.ok(because.length > 0);
  }
});

test('every unfinished state can come to an end', () => {
  for (const start of unfinishedStates) {
    const seen = new Set([start]);
    for (const state of seen)
      for (const move of taskMoves) if (move.from === state) seen.add(move.to);
    assert.ok(
      [...seen].some((state) => taskStates[state].isFinished),
      start,
    );
  }
});

test('what has succeeded cannot be cancelled', () => {
  assert.equal(statesBefore('cancelled').includes('succeeded'), false);
  assert.equal(statesBefore('cancelling').includes('running'), true);
});
