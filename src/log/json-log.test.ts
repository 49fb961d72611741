import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carefulLog } from './careful-log.ts';
import { withIds } from './ids.ts';
import { jsonLog } from './json-log.ts';
import { auditMessage } from './log.ts';

type Level = Parameters<typeof jsonLog>[0];

function logged(level: Level, work: (log: ReturnType<typeof carefulLog>) => void) {
  const lines: string[] = [];
  work(carefulLog(jsonLog(level, { write: (line: string) => void lines.push(line) })));
  return lines.map((line) => JSON.parse(line));
}

test('a line is one object of JSON, with its time, its level and what it is about', () => {
  const [line] = logged('info', (log) =>
    withIds({ requestId: 'r', taskId: 7 }, () =>
      withIds({ chunk: 3 }, () => log('warning', 'odd', { taskId: 8, error: new Error('why') })),
    ),
  );
  assert.ok(!Number.isNaN(Date.parse(line.time)));
  const { time: _, error, ...rest } = line;
  const ids = { requestId: 'r', taskId: 8, chunk: 3 };
  assert.deepEqual(rest, { level: 'warn', pid: process.pid, message: 'odd', ...ids });
  assert.match(error, /^Error: why\n {4}at /);
});

test('lines below the level are left out, and entries of the audit below error alone', () => {
  const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
  const seen = levels.map((level) =>
    logged(level, (log) => {
      for (const one of ['debug', 'info', 'warning', 'error'] as const) log(one, one);
      log('info', auditMessage);
    }).map(({ message }) => message),
  );
  assert.deepEqual(seen, [
    ['debug', 'info', 'warning', 'error', 'audit'],
    ['info', 'warning', 'error', 'audit'],
    ['warning', 'error', 'audit'],
    ['error'],
    [],
  ]);
});
