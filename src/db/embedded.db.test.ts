import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import pg from 'pg';
import { type Embedded, removeEmbedded, startEmbedded } from './embedded.ts';
import { databaseAccount } from './embedded-account.ts';

async function setUp(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-embedded-'));
  let latest: Embedded | null = null;
  const start = async () => {
    latest = await startEmbedded({ folder });
    return latest;
  };
  t.after(async () => {
    await latest?.stop();
    await removeEmbedded(folder);
  });
  const first = await start();
  const { rows } = await ask(first.connectionString, 'show data_directory');
  return { start, first, pidFile: join(rows[0].data_directory, 'postmaster.pid') };
}

async function ask(connectionString: string, sql: string) {
  const client = new pg.Client({ connectionString });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end().catch(() => undefined);
  }
}

test('a server that was killed is started again at once, with what it had committed', async (t) => {
  const { start, first, pidFile } = await setUp(t);
  await ask(first.connectionString, 'create table kept as select 1 as one');
  process.kill(Number((await readFile(pidFile, 'utf8')).split('\n')[0]), 'SIGKILL');
  const second = await start();
  assert.equal((await ask(second.connectionString, 'select one from kept')).rows[0].one, 1);
});

test('a server that only looks alive, as a killed one does until somebody has noticed, is waited for', async (t) => {
  const { start, first, pidFile } = await setUp(t);
  const lines = (await readFile(pidFile, 'utf8')).split('\n');
  await first.stop();
  const account = await databaseAccount();
  const ghost = spawn('sleep', ['2'], { ...account, stdio: 'ignore' });
  await writeFile(pidFile, [ghost.pid, ...lines.slice(1)].join('\n'));
  const second = await start();
  assert.equal((await ask(second.connectionString, 'select 1 as one')).rows[0].one, 1);
});
