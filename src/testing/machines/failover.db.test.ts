import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failover } from './failover.ts';

test('the primary is killed under tasks and saves: what was acknowledged is on the synchronous standby, and tasks go on by themselves', {
  timeout: 240_000,
}, async (t) => {
  const found = await failover({ isSynchronous: true, say: (line) => t.diagnostic(line) });
  assert.deepEqual(found.broken, []);
  assert.deepEqual([found.lostSaves, found.lostTasks], [0, 0]);
  assert.ok(found.saves > 5);
  // Whoever saved meanwhile was asked to come again.
  assert.deepEqual([...found.answers.keys()].sort(), ['303', '503']);
});
