import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfOpen } from './half-open.ts';
import { relayedLine } from './relayed-line.ts';

test('the line to a worker loses everything, twice: its task goes on elsewhere, its other one is cancelled, and nothing is done twice', {
  timeout: 240_000,
}, async (t) => {
  const undoes: (() => unknown)[] = [];
  t.after(async () => {
    for (const undo of undoes.reverse()) await undo();
  });
  const after = (undo: () => unknown) => void undoes.push(undo);
  const { wentOnMs, cancelledMs, broken } = await halfOpen(
    after,
    (connectionString) => relayedLine(connectionString, after),
    { ms: 6_000, times: 2, staleAfterMs: 3_000, say: (line) => t.diagnostic(line) },
  );
  assert.deepEqual(broken, []);
  assert.deepEqual([wentOnMs.length, cancelledMs.length], [2, 2]);
});
