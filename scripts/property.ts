import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { startTestServer } from '../src/testing/database.ts';
import { readOptions, wrongUsage } from './read-options.ts';

/**
 * `npm run property -- [--runs 2000] [--seed N]`: random tables, selections and changes against a
 * model, as often as asked, by a new seed each time.
 */
const root = join(import.meta.dirname, '..');
const files = [
  'src/tasks/journeys/change-model.db.test.ts',
  'src/tasks/journeys/model.db.test.ts',
  'src/tasks/follow-ups/undo-cascade-model.db.test.ts',
];
const usage = 'Usage: npm run property -- [--runs N] [--seed N]';
const { values } = readOptions(usage, {
  runs: { type: 'string', default: '2000' },
  seed: { type: 'string' },
});
if (![values.runs, values.seed ?? '0'].every((given) => /^-?\d+$/.test(given))) wrongUsage(usage);
const seed = values.seed ?? String(randomInt(2 ** 31));
console.log(`Seed ${seed}`);
const server = process.env.BULKHEAD_TEST_SERVER ? null : await startTestServer();
const child = spawn(
  process.execPath,
  ['--test', '--test-concurrency=2', ...files.map((file) => join(root, file))],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      BULKHEAD_TEST_SERVER: server?.connectionString ?? process.env.BULKHEAD_TEST_SERVER,
      BULKHEAD_TEST_RUNS: values.runs,
      BULKHEAD_TEST_SEED: seed,
    },
  },
);
const code = await new Promise<number>((done) => child.on('exit', (given) => done(given ?? 1)));
await server?.stop();
process.exit(code);
