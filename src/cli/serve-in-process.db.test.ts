import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import admin from '../admin.ts';
import { createTaskManager } from '../create-task-manager.ts';
import { recount } from '../sample/recount.ts';
import { startCommand, stopCommands } from '../testing/command.ts';
import { testDatabase } from '../testing/database.ts';
import { insertPlaces } from '../testing/places.ts';

test('a process that serves pages runs tasks itself where that is chosen, and the next one waits for it', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-in-process-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { db, connectionString, defer } = await testDatabase(t);
  await insertPlaces(db, 5);
  const tasks = await createTaskManager({
    admin: { ...admin, settings: { backend: 'in-process' } },
    databaseUrl: connectionString,
  });
  defer(() => tasks.close());
  const run = async () => {
    const task = await tasks.launch(recount, { country: 'ESP' });
    await tasks.wait(task, { timeoutMs: 60_000 });
    const [one] = (await tasks.health()).workers;
    return one?.id;
  };
  const env = {
    DATABASE_URL: connectionString,
    BULKHEAD_FOLDER: folder,
    BULKHEAD_BACKEND: 'in-process',
    PORT: '0',
  };
  try {
    const first = await startCommand(['serve'], env);
    const worker = await run();
    assert.ok(worker, 'no worker runs it');
    assert.deepEqual(
      (await tasks.backends()).find(({ isAvailable }) => isAvailable)?.name,
      'in-process',
    );
    const second = startCommand(['serve'], env);
    assert.equal(await Promise.race([second.then(() => 'serves'), wait(3_000, 'waits')]), 'waits');
    await first.stop();
    await second;
    assert.notEqual(await run(), worker);
  } finally {
    await stopCommands();
  }
});
