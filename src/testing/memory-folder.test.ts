import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { memoryFolder } from './memory-folder.ts';

test('a folder in memory is free of what a killed run has left there, and leaves what another one has', async (t) => {
  const folder = await memoryFolder();
  if (folder === null) return t.skip('there is no room in /dev/shm');
  const { pid: gone } = spawnSync('true');
  const [left, others] = [
    `/dev/shm/bulkhead-test-${gone}-left`,
    `/dev/shm/bulkhead-test-${process.ppid}-others`,
  ];
  const made = [folder, left, others];
  t.after(() => {
    for (const path of made) rmSync(path, { recursive: true, force: true });
  });
  for (const path of [left, others]) mkdirSync(`${path}/postgres`, { recursive: true });
  made.push((await memoryFolder()) ?? '');
  assert.equal(existsSync(left), false);
  assert.ok(existsSync(others));
  assert.ok(statSync(folder).isDirectory());
});
