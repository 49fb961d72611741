import assert from 'node:assert/strict';
import { test } from 'node:test';
import vm from 'node:vm';
import { leaveOutQueueTraces } from './queue-traces.ts';

test('what the queue traces is left out, and nothing of anybody else', (t) => {
  const { trace } = console;
  const traced: unknown[] = [];
  console.trace = (...given) => void traced.push(...given);
  t.after(() => {
    console.trace = trace;
  });
  leaveOutQueueTraces();
  const from = (filename: string) =>
    vm.runInThisContext('(said) => console.trace(said)', { filename });
  from('/app/node_modules/graphile-worker/dist/main.js')('of the queue');
  from('/app/src/mine.js')('of mine');
  console.trace('of this');
  assert.deepEqual(traced, ['of mine', 'of this']);
});
