import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`a bench that is ended by ${signal} leaves neither its server nor its folder behind`, {
    timeout: 60_000,
  }, async (t) => {
    const tmp = await mkdtemp(join(tmpdir(), 'bulkhead-benches-'));
    t.after(() => rm(tmp, { recursive: true, force: true }));
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'main.ts'), 'list', '--rows', '1000'],
      {
        env: { ...process.env, TMPDIR: tmp },
        stdio: 'ignore',
      },
    );
    const ended = once(child, 'exit');
    const { data, port } = await server(tmp);
    child.kill(signal);
    assert.deepEqual(await ended, [130, null]);
    assert.deepEqual(await readdir(tmp), []);
    await assert.rejects(access(data));
    await assert.rejects(once(connect(port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
  });
}

/** Where the data is of the server that runs below a folder, once it runs, and its port. */
async function server(tmp: string): Promise<{ data: string; port: number }> {
  for (;;) {
    const folders = await readdir(tmp);
    for (const folder of folders) {
      const elsewhere = await readFile(join(tmp, folder, 'database-path'), 'utf8').catch(
        () => null,
      );
      const data = join(elsewhere?.trim() ?? join(tmp, folder), 'postgres');
      const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split(
        '\n',
      );
      if (lines[7]?.startsWith('ready')) return { data, port: Number(lines[3]) };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
