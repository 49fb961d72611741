import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronTimes } from './cron-times.ts';

function timesBetween(line: string, from: string, to: string, zone = 'Europe/Berlin'): string[] {
  const times = cronTimes(line, zone);
  const found: string[] = [];
  for (let at = times.after(new Date(from)); at && at < new Date(to); at = times.after(at))
    found.push(at.toISOString().slice(0, 16));
  return found;
}

/** The days of summer time in Berlin, from midnight to midnight of its clocks. */
const forward = ['2026-03-28T22:59:59Z', '2026-03-29T22:00:00Z'] as const;
const back = ['2026-10-24T21:59:59Z', '2026-10-25T23:00:00Z'] as const;

for (const [line, onForward, onBack] of [
  ['30 1 * * *', ['2026-03-29T00:30'], ['2026-10-24T23:30']],
  // It is left out: the first time that there is after it.
  ['30 2 * * *', ['2026-03-29T01:00'], ['2026-10-25T00:30']],
  ['0 2 * * *', ['2026-03-29T01:00'], ['2026-10-25T00:00']],
  ['30 3 * * *', ['2026-03-29T01:30'], ['2026-10-25T02:30']],
  [
    '15 2,3 * * *',
    ['2026-03-29T01:00', '2026-03-29T01:15'],
    ['2026-10-25T00:15', '2026-10-25T02:15'],
  ],
  [
    '30 1-3 * * *',
    ['2026-03-29T00:30', '2026-03-29T01:00', '2026-03-29T01:30'],
    ['2026-10-24T23:30', '2026-10-25T00:30', '2026-10-25T02:30'],
  ],
  // The same moment is one time.
  ['0 2,3 * * *', ['2026-03-29T01:00'], ['2026-10-25T00:00', '2026-10-25T02:00']],
] as const)
  test(`fixed hours run once on the days of summer time: ${line}`, () => {
    assert.deepEqual(timesBetween(line, ...forward), onForward);
    assert.deepEqual(timesBetween(line, ...back), onBack);
  });

test('every hour, and steps of minutes, run by the hours that pass', () => {
  assert.equal(timesBetween('0 * * * *', ...forward).length, 23);
  assert.equal(timesBetween('0 * * * *', ...back).length, 25);
  assert.equal(timesBetween('30 */1 * * *', ...back).length, 25);
  assert.equal(timesBetween('*/30 * * * *', ...forward).length, 46);
  assert.equal(timesBetween('*/30 * * * *', ...back).length, 50);
});

test('a line may have six fields, seconds first', () => {
  const three = timesBetween(
    '*/20 * * * * *',
    '2026-06-01T00:00:00Z',
    '2026-06-01T00:01:01Z',
    'UTC',
  );
  assert.equal(three.length, 3);
});

for (const [line, why] of [
  ['* * *', /five fields, or six/],
  ['61 * * * *', /61/],
  ['0 24 * * *', /24.*no hour/],
  ['0 5-3 * * *', /5-3.*no hour/],
  ['x * * * *', /./],
] as const)
  test(`a line is refused: ${line}`, () => {
    assert.throws(() => cronTimes(line, 'UTC').after(new Date()), why);
  });

test('a zone that there is not is refused', () => {
  assert.throws(() => cronTimes('0 0 * * *', 'Europe/Atlantis').after(new Date()), /Atlantis/);
});

test('a line of which no time comes has none', () => {
  assert.equal(cronTimes('0 0 30 2 *', 'UTC').after(new Date('2026-01-01T00:00:00Z')), null);
});
