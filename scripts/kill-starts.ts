import { startTestServer } from '../src/testing/database.ts';
import { killStarts } from '../src/testing/kill-starts.ts';
import { readOptions, wrongUsage } from './read-options.ts';

/**
 * `npm run kill-starts [-- --count N --seed N]`: ends a start at each of its statements, and starts
 * again.
 */
const usage =
  'Usage: npm run kill-starts -- [--count N] [--seed N]\n\nEvery statement, before and after it; or N of each kind of start, drawn by the seed.';
const { values } = readOptions(usage, {
  count: { type: 'string' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
});
const [count, seed] = [Number(values.count ?? 1), Number(values.seed)];
if (!Number.isInteger(count) || count < 1 || !Number.isInteger(seed)) wrongUsage(usage);

console.log(`Seed ${seed}`);
const server = process.env.BULKHEAD_TEST_SERVER ? null : await startTestServer();
if (server) process.env.BULKHEAD_TEST_SERVER = server.connectionString;
const draws =
  values.count === undefined
    ? {}
    : { draws: { tables: count, pooled: count, push: count, seed: count } };
const { killed, broken } = await killStarts({ seed, ...draws, say: console.log }).finally(() =>
  server?.stop(),
);
for (const text of broken) console.log(`\n${text}`);
console.log(
  `\n${killed} starts were ended; ${broken.length === 0 ? 'every next one was as if nothing had been' : `${broken.length} broken (seed ${seed})`}`,
);
process.exit(broken.length === 0 ? 0 : 1);
