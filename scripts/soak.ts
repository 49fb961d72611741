import { percent, soak } from '../src/testing/soak.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { endWith, inWords } from './say-broken.ts';

/**
 * `npm run soak [-- --minutes 30 --seed N]`: pages and workers under moderate load, and whether
 * memory, connections and tables stay as they are.
 */
const usage =
  'Usage: npm run soak -- [--minutes N] [--seed N]\n\nThe first third is warming up; what rises by more than 1 % in ten minutes after it is broken.';
const { values } = readOptions(usage, {
  minutes: { type: 'string', default: '30' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
if (!(minutes > 0) || !Number.isInteger(seed) || seed < 1) wrongUsage(usage);

console.log(`Seed ${seed}, ${minutes} minutes`);
const ms = minutes * 60_000;
const { counts, courses, broken } = await soak({
  seed,
  ms,
  warmUpMs: ms / 3,
  turnMs: 20_000,
  say: (line) => console.log(line),
});
console.log(`\nDone: ${inWords(counts)}\n`);
const width = Math.max(...courses.map(({ name }) => name.length));
console.log(
  `${'after the warm-up'.padEnd(width)}  ${'first'.padStart(12)} ${'last'.padStart(12)}  slope in ten minutes`,
);
for (const { name, first, last, slope } of courses)
  console.log(
    `${name.padEnd(width)}  ${first.toFixed(2).padStart(12)} ${last.toFixed(2).padStart(12)}  ${percent(slope)}`,
  );
endWith(broken, seed);
