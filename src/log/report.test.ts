import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptLog } from '../testing/kept-log.ts';
import { until } from '../testing/until.ts';
import { carefulLog } from './careful-log.ts';
import { withIds } from './ids.ts';
import { reporter } from './report.ts';
import type { ErrorPlace, ReportError } from './watching.ts';

class Expected extends Error {}

function set(reportError: ReportError) {
  const lines: string[] = [];
  const plain = keptLog('warn', lines);
  const report = reporter(reportError, plain, (error) => error instanceof Expected);
  return { lines, log: carefulLog(plain, report) };
}

test('an unexpected error is reported once, with where it was met and the ids of its line, and none that is expected', async () => {
  const reported: [unknown, ErrorPlace][] = [];
  const { log } = set((error, place) => void reported.push([error, place]));
  const bug = new Error('bug');
  withIds({ requestId: 'r', taskId: 7 }, () => {
    log('error', 'a task failed', { error: bug, name: 'tidy' });
    log('error', 'and again', { error: bug });
    log('error', 'refused', { error: new Expected() });
    log('warning', 'later', { error: new Error('passes') });
    log('warning', 'a hook failed', { error: 'masked', thrown: 'no error', where: 'hook' });
  });
  const masked = new Error('secret');
  log('warning', 'a hook failed', { error: 'masked', thrown: masked, where: 'hook', taskId: 8 });
  await until(() => reported.length >= 2);
  assert.deepEqual(reported, [
    [bug, { where: 'task', message: 'a task failed', requestId: 'r', taskId: 7 }],
    [masked, { where: 'hook', message: 'a hook failed', taskId: 8 }],
  ]);
});

test('a reporter that fails, hangs or is behind is said in the log, and nothing waits for it', async () => {
  for (const failing of [
    () => {
      throw new Error('no network');
    },
    async () => Promise.reject(new Error('no network')),
  ]) {
    const { lines, log } = set(failing);
    log('error', 'one', { error: new Error('bug') });
    await until(() => lines.some((line) => line.includes('reportError failed')));
    assert.match(lines.join(), /no network/);
  }
  const hanging = set(() => new Promise(() => undefined));
  for (let count = 0; count < 60; count++) hanging.log('error', 'one', { error: new Error('bug') });
  assert.equal(hanging.lines.filter((line) => line.includes('reportError is behind')).length, 10);
});
