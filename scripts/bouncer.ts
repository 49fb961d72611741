import { behindBouncer } from '../src/testing/behind-bouncer.ts';
import { findBouncer } from '../src/testing/pgbouncer.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { endWith, inWords } from './say-broken.ts';

/**
 * `npm run bouncer [-- --minutes 3 --seed N]`: two web processes behind PgBouncer in transaction
 * mode, and a ledger of what was really written.
 */
const usage = 'Usage: npm run bouncer -- [--minutes N] [--seed N]';
const { values } = readOptions(usage, {
  minutes: { type: 'string', default: '3' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
});
const [minutes, seed] = [values.minutes, values.seed].map(Number) as [number, number];
if (!(minutes > 0) || !Number.isInteger(seed)) wrongUsage(usage);
if (!findBouncer()) wrongUsage(usage, 'There is no PgBouncer here: apt-get install pgbouncer');

console.log(`Seed ${seed}, ${minutes} minutes`);
const { routes, asked, answers, tasks, writes, broken } = await behindBouncer({
  seed,
  ms: minutes * 60_000,
  say: console.log,
});
console.log(
  `\nRoutes: ${asked} of ${routes}\nAnswers: ${inWords(answers)}\nTasks: ${inWords(tasks)}\nWrites: ${writes}`,
);
endWith(broken, seed);
