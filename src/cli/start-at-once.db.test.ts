import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCommand, stopCommands } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';

test('three web processes started at once on an empty database all serve', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-at-once-'));
  const { connectionString } = await testDatabase(t, { content: 'nothing' });
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  try {
    const env = { DATABASE_URL: connectionString, BULKHEAD_FOLDER: folder, PORT: '0' };
    const started = await Promise.all([1, 2, 3].map(() => startCommand(['serve'], env)));
    for (const { address } of started)
      assert.equal((await fetch(`${address}/healthz`)).status, 200);
  } finally {
    await stopCommands();
  }
});
