import { brokenInWords } from '../src/testing/broken-in-words.ts';
import { chaos } from '../src/testing/chaos.ts';
import { timesInWords } from '../src/testing/resume-times.ts';
import { runAllRaces } from '../src/testing/run-all-races.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { inWords } from './say-broken.ts';

/**
 * `npm run chaos [-- --minutes 10 --seed N --places 5000]`: random tasks, random trouble, and then
 * what must hold, asked with SQL. `npm run chaos -- races`: many at once, and two who act on one task
 * at the same time.
 */
const usage = [
  'Usage: npm run chaos -- [--minutes N] [--seed N] [--places N] [--stale-after MS] [--bouncer] [--durable]',
  '       npm run chaos -- races [--launches N] [--times N] [--seed N]',
].join('\n');
const { values, positionals } = readOptions(
  usage,
  {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
    places: { type: 'string', default: '5000' },
    'stale-after': { type: 'string', default: '15000' },
    launches: { type: 'string', default: '1000' },
    times: { type: 'string', default: '25' },
    bouncer: { type: 'boolean', default: false },
    durable: { type: 'boolean', default: false },
  },
  true,
);
const [minutes, seed, places, staleAfterMs, launches, times] = [
  ...[values.minutes, values.seed, values.places, values['stale-after']],
  ...[values.launches, values.times],
].map(Number) as [number, number, number, number, number, number];
const whole = [seed, places, staleAfterMs, launches, times];
if (!(minutes > 0) || !whole.every((given) => Number.isInteger(given) && given > 0))
  wrongUsage(usage);
if (positionals.join(' ') === 'races') await runAllRaces({ launches, times, seed });
else if (positionals.length > 0) wrongUsage(usage);

console.log(`Seed ${seed}, ${minutes} minutes, ${places} places`);
const { done, refused, troubles, drawn, broken, resumed, acknowledged } = await chaos({
  seed,
  ms: minutes * 60_000,
  places,
  isBehindBouncer: values.bouncer,
  isDurable: values.durable,
  staleAfterMs,
  say: (line) => console.log(line),
});
console.log(`\nDone: ${inWords(done)}`);
console.log(`Refused: ${inWords(refused)}`);
console.log(`Troubles: ${inWords(troubles)}`);
console.log(acknowledged);
console.log(drawn.inWords());
const waysToStop = { SIGKILL: resumed.killed, SIGSTOP: resumed.frozen };
for (const [signal, times] of Object.entries(waysToStop)) {
  console.log(`Went on elsewhere after ${signal}: ${timesInWords(times.map(({ onMs }) => onMs))}`);
  console.log(`  free of its worker: ${timesInWords(times.map(({ freeMs }) => freeMs))}`);
}
console.log(`A worker is taken for dead after ${staleAfterMs / 1_000} s of silence.`);
// A short run need not come to everything.
const never = minutes >= 5 ? drawn.never().map((cause) => `NEVER DRAWN: ${cause}`) : [];
const all = [...broken, ...never];
for (const text of all) console.log(`\n${text}`);
console.log(`\nSeed ${seed}: ${brokenInWords(broken)}`);
process.exit(all.length === 0 ? 0 : 1);
