import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('of several processes one at a time has the lock, and whoever is killed has it no longer', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'bulkhead-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [lock, log, program] = ['generated/.lock', 'log', 'holder.mjs'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  writeFileSync(log, '');
  writeFileSync(
    program,
    `import { appendFileSync } from 'node:fs';
     import { takeLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.mjs'))};
     const [name, ms] = process.argv.slice(2);
     const note = (what) => appendFileSync(${JSON.stringify(log)}, what + ' ' + name + '\\n');
     const giveBack = takeLock(${JSON.stringify(lock)}, () => console.log('waits'));
     note('in');
     console.log('in');
     await new Promise((done) => setTimeout(done, Number(ms)));
     note('out');
     if (name !== 'forgetful') giveBack();`,
  );
  const start = (name: string, ms: number) =>
    spawn(process.execPath, [program, name, String(ms)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const killed = start('killed', 60_000);
  assert.equal(String(await once(killed.stdout, 'data')).trim(), 'in');
  const others = ['one', 'two', 'forgetful', 'four'].map((name) => start(name, 30));
  const ended = others.map((other) => once(other, 'close'));
  assert.match(String(await once(others[0]?.stdout as NodeJS.ReadableStream, 'data')), /waits/);
  assert.equal(readFileSync(log, 'utf8'), 'in killed\n');
  killed.kill('SIGKILL');
  for (const end of ended) assert.deepEqual(await end, [0, null]);
  const [, ...lines] = readFileSync(log, 'utf8').trim().split('\n');
  assert.equal(lines.length, 8);
  for (let index = 0; index < lines.length; index += 2) {
    assert.equal(lines[index], String(lines[index + 1]).replace('out', 'in'), lines.join(', '));
  }
});
