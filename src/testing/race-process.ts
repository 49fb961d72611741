import { race } from './race.ts';

/** Half of a race, in a process of its own: its outcomes are what it writes. */
const [connectionString = '', launches, seed] = process.argv.slice(2);
console.log(
  JSON.stringify(await race(connectionString, { launches: Number(launches), seed: Number(seed) })),
);
process.exit(0);
