import { chaos } from '../src/testing/chaos.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { endWith, inWords } from './say-broken.ts';

/**
 * `npm run chaos [-- --minutes 10 --seed N --places 5000]`: random tasks, random trouble, and then
 * what must hold, asked with SQL.
 */
const usage = 'Usage: npm run chaos -- [--minutes N] [--seed N] [--places N] [--bouncer]';
const { values } = readOptions(usage, {
  minutes: { type: 'string', default: '10' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
  places: { type: 'string', default: '5000' },
  bouncer: { type: 'boolean', default: false },
});
const [minutes, seed, places] = [values.minutes, values.seed, values.places].map(Number) as [
  number,
  number,
  number,
];
if (!(minutes > 0) || ![seed, places].every((given) => Number.isInteger(given) && given > 0))
  wrongUsage(usage);

console.log(`Seed ${seed}, ${minutes} minutes, ${places} places`);
const { done, refused, troubles, drawn, broken } = await chaos({
  seed,
  ms: minutes * 60_000,
  places,
  isBehindBouncer: values.bouncer,
  say: (line) => console.log(line),
});
console.log(`\nDone: ${inWords(done)}`);
console.log(`Refused: ${inWords(refused)}`);
console.log(`Troubles: ${inWords(troubles)}`);
console.log(drawn.inWords());
// A short run need not come to everything.
const never = minutes >= 5 ? drawn.never().map((cause) => `NEVER DRAWN: ${cause}`) : [];
endWith([...broken, ...never], seed);
