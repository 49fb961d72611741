import { spawn } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { glob } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestServer } from '../src/testing/database.ts';
import { findBrowser } from './find-browser.ts';
import { readOptions } from './read-options.ts';

/** Everything that must hold: format, lint, import direction, types, all tests. Ends with one line over all runners. */
const usage = 'Usage: npm test -- [FILE.test.ts …]\n\nEverything that must hold; or only the tests of these files.';
const { positionals: chosen } = readOptions(usage, {}, true);
const root = join(import.meta.dirname, '..');
const bin = (name: string) => join(root, 'node_modules/.bin', name);
const total = { passed: 0, failed: 0 };
const slowest: { title: string; ms: number }[] = [];
const notRun: string[] = [];

if (chosen.length === 0) {
  await step('format and lint', bin('biome'), ['check', '--error-on-warnings', '.']);
  await step('types', bin('tsc'), ['-p', '.']);
  await step('templates', process.execPath, ['scripts/check-templates.ts']);
}

const server = await startTestServer();
const env = { BULKHEAD_TEST_SERVER: server.connectionString };
try {
  await unit('tests', chosen.length > 0 ? chosen : await files('**/*.test.ts'), env);
  if (chosen.length === 0) await browser(env);
} finally {
  await server.stop();
}

slowest.sort((a, b) => b.ms - a.ms);
console.log('\nSlowest:');
for (const { title, ms } of slowest.slice(0, 10)) console.log(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${title}`);
if (notRun.length > 0) console.log(`\nDid not run: ${notRun.join('; ')}`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed > 0 ? 1 : 0);

async function files(pattern: string): Promise<string[]> {
  const found: string[] = [];
  for await (const path of glob(pattern, { cwd: root, exclude: (name) => name === 'node_modules' || name === 'generated' }))
    found.push(path);
  return found.sort();
}

function run(file: string, args: string[], env: Record<string, string>): Promise<number> {
  return new Promise((done, fail) => {
    const child = spawn(file, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'], env: { ...process.env, ...env } });
    child.on('error', fail);
    child.on('exit', (code) => done(code ?? 1));
  });
}

/** A check that has no count of its own counts as one. */
async function step(title: string, file: string, args: string[]): Promise<void> {
  console.log(`\n== ${title}`);
  const code = await run(file, args, {});
  total[code === 0 ? 'passed' : 'failed'] += 1;
}

/** node --test, two files at a time; its counts are read from a report of its own, not from what it prints. */
async function unit(title: string, paths: string[], env: Record<string, string>): Promise<void> {
  console.log(`\n== ${title} (${paths.length} files)`);
  const report = join(await mkdtemp(join(tmpdir(), 'bulkhead-report-')), 'tests.jsonl');
  const reporter = join(import.meta.dirname, 'test-reporter.mjs');
  const args = [
    '--test',
    '--test-concurrency=2',
    '--test-timeout=600000',
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${report}`,
  ];
  const code = await run(process.execPath, [...args, ...paths], env);
  const before = total.failed;
  let count = 0;
  for (const line of (await readFile(report, 'utf8')).split('\n').filter(Boolean)) {
    const { title: name, ms, isPassed, notRun: why } = JSON.parse(line) as Reported;
    if (why !== null) {
      notRun.push(`${name} (${why})`);
      continue;
    }
    total[isPassed ? 'passed' : 'failed'] += 1;
    slowest.push({ title: name, ms });
    count += 1;
  }
  if (count === 0 || (code !== 0 && total.failed === before)) total.failed += 1;
}

interface Reported {
  title: string;
  ms: number;
  isPassed: boolean;
  /** Why it could not run here. */
  notRun: string | null;
}

async function browser(env: Record<string, string>): Promise<void> {
  console.log('\n== browser journeys');
  const report = join(await mkdtemp(join(tmpdir(), 'bulkhead-report-')), 'journeys.json');
  const executable = await findBrowser();
  const code = await run(bin('playwright'), ['test'], { ...env, BULKHEAD_BROWSER: executable, PLAYWRIGHT_JSON_OUTPUT_NAME: report });
  const { suites = [], errors = [] } = JSON.parse(await readFile(report, 'utf8').catch(() => '{}')) as Report;
  const before = total.failed;
  let count = 0;
  for (const { title, isPassed, ms } of suites.flatMap((suite) => specsOf(suite))) {
    total[isPassed ? 'passed' : 'failed'] += 1;
    slowest.push({ title, ms });
    count += 1;
  }
  if (count === 0 || errors.length > 0 || (code !== 0 && total.failed === before)) total.failed += 1;
}

interface Suite {
  suites?: Suite[];
  specs?: { title: string; ok: boolean; tests: { results: { duration: number; status: string }[] }[] }[];
}

interface Report {
  suites?: Suite[];
  errors?: unknown[];
}

function specsOf(suite: Suite): { title: string; isPassed: boolean; ms: number }[] {
  const own = (suite.specs ?? []).map(({ title, ok, tests }) => {
    const results = tests.flatMap((test) => test.results);
    // Journeys are never skipped: one that did not run did not pass.
    const isRun = results.length > 0 && results.every((result) => result.status !== 'skipped');
    return { title, isPassed: ok && isRun, ms: results.reduce((sum, result) => sum + result.duration, 0) };
  });
  return [...own, ...(suite.suites ?? []).flatMap(specsOf)];
}
