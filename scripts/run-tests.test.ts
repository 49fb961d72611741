import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { findTestFiles, isLong, root } from './test-files.ts';

const first = `import assert from 'node:assert/strict'; import { test } from 'node:test';`;
const passing = `${first} globalThis.read = (globalThis.read ?? 0) + 1; test('passes', (t) => t.diagnostic(\`\${process.pid} has read \${globalThis.read}\`));`;

/** What is said of such files, run in so many processes. */
async function outcomeOf(
  t: TestContext,
  files: Record<string, string>,
  processes: number,
): Promise<{ status: number; text: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-files-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const paths = Object.keys(files).map((name) => join(folder, `${name}.test.ts`));
  await Promise.all(
    Object.values(files).map((text, index) => writeFile(paths[index] as string, text)),
  );
  const program = `
    import { runTests } from ${JSON.stringify(join(root, 'scripts/run-tests.ts'))};
    import { TestTally } from ${JSON.stringify(join(root, 'scripts/test-tally.ts'))};
    const tally = new TestTally();
    await runTests(${JSON.stringify(paths)}, { folder: ${JSON.stringify(folder)}, tally, processes: ${processes} });
    tally.print();
    process.exit(tally.failed > 0 ? 1 : 0);`;
  // Node's runner does not begin inside of one of its own.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  await writeFile(join(folder, 'main.ts'), program);
  return new Promise((done) => {
    execFile(process.execPath, [join(folder, 'main.ts')], { cwd: root, env }, (error, stdout) =>
      done({ status: Number(error?.code ?? 0), text: stdout }),
    );
  });
}

test('files of tests share a few processes, and each test counts once', async (t) => {
  const files = Object.fromEntries(
    Array.from({ length: 6 }, (_, index) => [`file-${index}`, passing]),
  );
  const { status, text } = await outcomeOf(t, files, 2);
  assert.equal(status, 0, text);
  assert.match(text, /\n6 passed, 0 failed\n$/);
  const processes = new Map(
    [...text.matchAll(/(\d+) has read (\d+)/g)].map(([, pid, count]) => [pid, Number(count)]),
  );
  assert.ok(processes.size <= 2 && Math.max(...processes.values()) >= 3, text);
});

test('in a process that many share, what is wrong is told with its file and its test, and the others go on', async (t) => {
  const wrong = {
    fails: `${first} test('one and one', () => assert.equal(1 + 1, 3));`,
    unread: `import './nowhere.ts';`,
    unawaited: `${first} test('lets go', async () => { setTimeout(() => { throw new Error('late') }, 10); await new Promise((done) => setTimeout(done, 50)); });`,
    leaves: `${first} test('leaves a server', async () => { const { createServer } = await import('node:net'); createServer().listen(0); });`,
    changes: `${first} test('changes the environment', () => { process.env.CHANGED = 'yes'; });`,
    ends: `${first} test('goes well', () => undefined); test('ends it all', async () => { await new Promise((done) => setTimeout(done, 50)); process.exit(0); });`,
  };
  const { status, text } = await outcomeOf(
    t,
    { ...wrong, ...Object.fromEntries([1, 2, 3].map((n) => [`passes-${n}`, passing])) },
    2,
  );
  assert.equal(status, 1);
  assert.match(text, /✖ one and one/);
  assert.match(text, /✖ \S*unread\.test\.ts[\s\S]*nowhere\.ts/);
  assert.match(text, /✖ lets go[\s\S]*late/);
  assert.match(text, /✖ \S*leaves\.test\.ts[\s\S]*nothing is left open/);
  assert.match(text, /✖ \S*changes\.test\.ts[\s\S]*the environment is as it was found/);
  assert.match(text, /ends\.test\.ts ended its process in the middle of: ends it all/);
  const end = text.slice(text.lastIndexOf('\nFailed:\n'));
  assert.match(end, /\n {2}one and one\n +\S*fails\.test\.ts:1\n +AssertionError[\s\S]*2 !== 3/);
  assert.match(end, /\n\d+ passed, 6 failed\n$/);
  assert.equal(text.split('✔ passes').length, 4, 'the others ran');
});

test('a file that does something before or after all of its tests has a process of its own', async () => {
  const { unit, db } = await findTestFiles();
  const around = [];
  for (const file of [...unit, ...db])
    if (/^(test\.)?(before|after)(Each)?\(/m.test(await readFile(join(root, file), 'utf8')))
      around.push(file);
  assert.ok(around.length > 0);
  assert.deepEqual(
    around.filter((file) => !isLong(file)),
    [],
  );
});
