import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrowser } from './find-browser.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { runJourneys } from './run-journeys.ts';
import { runProgram } from './run-program.ts';
import { runTests } from './run-tests.ts';
import { findTestFiles, type Kind, kinds, type TestFiles } from './test-files.ts';
import { TestTally } from './test-tally.ts';

/**
 * Everything that must hold: format, lint, import direction, types, all tests. Ends with one line
 * over all runners.
 */
const usage = `Usage: npm test -- [FILE …] [--only ${kinds.join('|')}]

Everything that must hold: format, lint, types, every test. With FILE, a file or folder of tests: those alone;
--only: those that need nothing (unit), a database (db), pages in a browser (browser).`;
const { positionals, values } = readOptions(usage, { only: { type: 'string' } }, true);
const only = values.only as Kind | undefined;
if (only && !kinds.includes(only)) wrongUsage(usage, `There is no kind of test "${only}".`);
const files = await findTestFiles(positionals).catch((error: Error) =>
  wrongUsage(usage, error.message),
);
if (only) for (const kind of kinds) if (kind !== only) files[kind] = [];
const isWhole = positionals.length === 0 && !only;
const tally = new TestTally();

if (isWhole) {
  await step('format and lint', 'biome', ['check', '--error-on-warnings', '.']);
  await step('types and templates', 'node', ['scripts/types.ts']);
}
const folder = await mkdtemp(join(tmpdir(), 'bulkhead-tests-'));
// Hundreds of processes compile the same files: they share what the first has made, for this run
// alone.
if (isWhole) process.env.NODE_COMPILE_CACHE = join(folder, 'compiled');
// Tests type commands of their own, wherever this one was typed.
delete process.env.INIT_CWD;
// Whoever generates a client would else start a process that asks Prisma for news.
process.env.CHECKPOINT_DISABLE = '1';
try {
  await (files.db.length + files.browser.length > 0 ? withServer(() => test(files)) : test(files));
} finally {
  await rm(folder, { recursive: true, force: true });
}
tally.print();
process.exit(tally.failed > 0 ? 1 : 0);

/** A check that has no count of its own counts as one. */
async function step(title: string, program: string, args: string[]): Promise<void> {
  console.log(`\n== ${title}`);
  tally.count(title, (await runProgram(program, args)) === 0);
}

/** One server for all processes of the run; whoever needs none waits for nothing of it. */
async function withServer(work: () => Promise<void>): Promise<void> {
  const { startTestServer } = await import('../src/testing/database.ts');
  const server = await startTestServer();
  process.env.BULKHEAD_TEST_SERVER = server.connectionString;
  try {
    await work();
  } finally {
    await server.stop();
  }
}

async function test({ unit, db, browser }: TestFiles): Promise<void> {
  // Where one must be fetched, it comes while the others run.
  const found = browser.length > 0 ? findBrowser() : null;
  found?.catch(() => undefined);
  const tests = [...db, ...unit];
  if (tests.length > 0)
    console.log(`\n== tests (${tests.length} ${tests.length === 1 ? 'file' : 'files'})`);
  if (tests.length > 0) await runTests(tests, { folder, tally });
  if (!found) return;
  console.log('\n== browser journeys');
  await runJourneys(browser, await found, folder, tally);
}
