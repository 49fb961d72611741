import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
const commands: Record<string, string> = {
  test: 'scripts/check.ts',
  'run bench': 'bench/main.ts',
  'run fuzz': 'scripts/fuzz.ts',
  'run property': 'scripts/property.ts',
  'run chaos': 'scripts/chaos.ts',
  'run soak': 'scripts/soak.ts',
  'run bouncer': 'scripts/bouncer.ts',
  'run kill-starts': 'scripts/kill-starts.ts',
  'run hosts': 'scripts/hosts.ts',
  'run serve': 'src/cli/serve.ts',
};

test('--help of every command says how it is used, and is no error; an option that it has not is one', async () => {
  const shown = Object.entries(commands).map(async ([name, file]) => {
    const { stdout } = await run(process.execPath, [join(root, file), '--help'], { cwd: root });
    assert.match(stdout, new RegExp(`^Usage: npm ${name}\\b`));
  });
  const refused = run(process.execPath, [join(root, 'scripts/property.ts'), '--prot'], {
    cwd: root,
  });
  await assert.rejects(refused, { code: 1, stderr: /--prot[\s\S]*Usage: npm run property/ });
  await Promise.all(shown);
});
