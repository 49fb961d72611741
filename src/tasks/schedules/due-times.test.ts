import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cronTimes } from '../../task-definitions/cron-times.ts';
import { dueTimes } from './due-times.ts';

const hourly = cronTimes('0 * * * *', 'UTC');
const at = (time: string) => new Date(`2026-06-01T${time}Z`);

test('a time that is met runs, whatever the rule', () => {
  for (const catchUp of ['none', 'once', 'each'] as const)
    assert.deepEqual(dueTimes(hourly, at('10:00:00'), at('10:00:02'), catchUp), {
      run: [at('10:00:00')],
      missed: null,
      next: at('11:00:00'),
    });
});

test('times that passed are left out, run once, or each', () => {
  const of = (catchUp: 'none' | 'once' | 'each') =>
    dueTimes(hourly, at('06:00:00'), at('10:30:00'), catchUp);
  assert.deepEqual(of('none'), {
    run: [],
    missed: { count: 5, last: at('10:00:00') },
    next: at('11:00:00'),
  });
  assert.deepEqual(of('once'), {
    run: [at('10:00:00')],
    missed: { count: 4, last: at('09:00:00') },
    next: at('11:00:00'),
  });
  assert.deepEqual(
    of('each').run.map((time) => time.getUTCHours()),
    [6, 7, 8, 9, 10],
  );
});

test('the latest is met although others before it were missed', () => {
  assert.deepEqual(dueTimes(hourly, at('08:00:00'), at('10:00:30'), 'none'), {
    run: [at('10:00:00')],
    missed: { count: 2, last: at('09:00:00') },
    next: at('11:00:00'),
  });
});

test('a line of every second that nobody followed for a year gives its latest time', () => {
  const seconds = cronTimes('* * * * * *', 'UTC');
  const { run, next } = dueTimes(seconds, new Date('2025-06-01T00:00:00Z'), at('10:00:00'), 'once');
  assert.deepEqual([run, next], [[at('10:00:00')], at('10:00:01')]);
});

test('each of very many times has its turn over several looks', () => {
  const seconds = cronTimes('* * * * * *', 'UTC');
  const { run, next } = dueTimes(seconds, at('00:00:00'), at('10:00:00'), 'each');
  assert.deepEqual([run.length, next], [1_000, at('00:16:40')]);
});
