import { brokenInWords } from '../src/testing/broken-in-words.ts';
import { chaos } from '../src/testing/chaos.ts';
import { timesInWords } from '../src/testing/resume-times.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { inWords } from './say-broken.ts';

/**
 * `npm run chaos [-- --minutes 10 --seed N --places 5000]`: random tasks, random trouble, and then
 * what must hold, asked with SQL.
 */
const usage =
  'Usage: npm run chaos -- [--minutes N] [--seed N] [--places N] [--stale-after MS] [--bouncer]';
const { values } = readOptions(usage, {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
  places: { type: 'string', default: '5000' },
  'stale-after': { type: 'string', default: '15000' },
  bouncer: { type: 'boolean', default: false },
});
const [minutes, seed, places, staleAfterMs] = [
  values.minutes,
  values.seed,
  values.places,
  values['stale-after'],
].map(Number) as [number, number, number, number];
if (
  !(minutes > 0) ||
  ![seed, places, staleAfterMs].every((given) => Number.isInteger(given) && given > 0)
)
  wrongUsage(usage);

console.log(`Seed ${seed}, ${minutes} minutes, ${places} places`);
const { done, refused, troubles, drawn, broken, resumed } = await chaos({
  seed,
  ms: minutes * 60_000,
  places,
  isBehindBouncer: values.bouncer,
  staleAfterMs,
  say: (line) => console.log(line),
});
console.log(`\nDone: ${inWords(done)}`);
console.log(`Refused: ${inWords(refused)}`);
console.log(`Troubles: ${inWords(troubles)}`);
console.log(drawn.inWords());
console.log(`Went on elsewhere after SIGKILL: ${timesInWords(resumed.killed)}`);
console.log(
  `Went on elsewhere after SIGSTOP: ${timesInWords(resumed.frozen)}, where a worker is taken for dead after ${staleAfterMs / 1_000} s`,
);
// A short run need not come to everything.
const never = minutes >= 5 ? drawn.never().map((cause) => `NEVER DRAWN: ${cause}`) : [];
const all = [...broken, ...never];
for (const text of all) console.log(`\n${text}`);
console.log(`\nSeed ${seed}: ${brokenInWords(broken)}`);
process.exit(all.length === 0 ? 0 : 1);
