import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const root = join(import.meta.dirname, '..');
const run = promisify(execFile);
// Node's runner does not begin inside of one of its own.
const { NODE_TEST_CONTEXT: _, ...env } = process.env;
const npm = (...args: string[]) => run('npm', ['--silent', ...args], { cwd: root, env });

test('npm test -- FILE runs the tests of that file and nothing else, and fails where one does', async () => {
  const { stdout } = await npm('test', '--', 'src/tasks/running/pace.test.ts');
  assert.match(stdout, /== tests \(1 file\)/);
  assert.match(stdout, /\n\d+ passed, 0 failed\n$/);
  assert.doesNotMatch(stdout, /== (types|format|browser)/);
  await assert.rejects(npm('test', '--', 'src/nowhere'), {
    code: 1,
    stderr: /There is no test in src\/nowhere/,
  });
  await assert.rejects(npm('test', '--', '--only', 'slow'), {
    code: 1,
    stderr: /no kind of test "slow"/,
  });
});

test('--inspect reaches the program, and only that', async () => {
  const { stdout, stderr } = await npm('run', 'work', '--', '--inspect=0', '--help');
  assert.equal(stderr.split('Debugger listening').length, 2, stderr);
  assert.match(stdout, /^Usage: npm run work/);
});

test('what has gone since it was listed is passed over, as an editor’s drafts are', async () => {
  const { hash } = (await import('./stamps.mjs' as string)) as { hash(paths: string[]): string };
  const here = import.meta.filename;
  assert.equal(hash([here, `${here}~gone`]), hash([here]));
});
