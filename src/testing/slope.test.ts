import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slopeInTenMinutes } from './slope.ts';

const minute = 60_000;
const every = (value: (minutes: number) => number) =>
  Array.from({ length: 21 }, (_, index) => ({ ms: index * minute, value: value(index) }));

test('a slope is the share of the mean by which a measure rises in ten minutes', () => {
  assert.equal(slopeInTenMinutes(every(() => 7)), 0);
  assert.equal(slopeInTenMinutes(every(() => 0)), 0);
  // From 90 to 110 in twenty minutes: 10 of 100 in ten.
  assert.ok(Math.abs(slopeInTenMinutes(every((at) => 90 + at)) - 0.1) < 1e-9);
  assert.ok(Math.abs(slopeInTenMinutes(every((at) => 110 - at)) + 0.1) < 1e-9);
});

test('what goes up and down has no slope', () => {
  assert.ok(Math.abs(slopeInTenMinutes(every((at) => 100 + 20 * (at % 2)))) < 0.01);
});
