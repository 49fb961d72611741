import { openPool } from '../db/pool.ts';
import { createDatabase, startTestServer } from './database.ts';
import { runDuels } from './ring.ts';
import { runRaces } from './run-races.ts';

export interface AllRaces {
  launches: number;
  /** Of each duel. */
  times: number;
  seed: number;
}

/** Races and duels on a server of their own; says how often each came to what end, and ends the process. */
export async function runAllRaces({ launches, times, seed }: AllRaces): Promise<never> {
  console.log(`Seed ${seed}, ${launches} launches, each duel ${times} times`);
  const server = await startTestServer();
  process.env.BULKHEAD_TEST_SERVER = server.connectionString;
  const broken: string[] = [];
  const on = async <T>(work: (site: Parameters<typeof runRaces>[0]) => Promise<T>): Promise<T> => {
    const { connectionString } = await createDatabase('empty');
    const owner = openPool({ connectionString, name: 'owner', max: 2 });
    return work({ connectionString, owner }).finally(() => owner.end());
  };
  try {
    const raced = await on((site) => runRaces(site, { launches, seed }));
    broken.push(...raced.broken);
    console.log('\nOf launches, saves and asserts at once:');
    for (const [name, count] of sumOf(raced.outcomes)) console.log(`  ${name} ${count}`);
    console.log('\nOf their tasks:');
    for (const { name, state, reason, count } of raced.ended)
      console.log(`  ${name}: ${state}${reason === null ? '' : `, ${reason}`} ${count}`);
    const duelled = await on((site) => runDuels(site, { times, seed, say: console.log }));
    broken.push(...duelled.broken);
    console.log('\nOf two who act on one task at the same time:');
    for (const [end, count] of [...duelled.ends].sort()) console.log(`  ${end} ${count}`);
  } finally {
    await server.stop();
  }
  for (const text of broken) console.log(`\n${text}`);
  console.log(
    `\nSeed ${seed}: ${broken.length === 0 ? 'one legal end each' : `${broken.length} broken`}`,
  );
  process.exit(broken.length === 0 ? 0 : 1);
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const outcomes of all)
    for (const [name, count] of Object.entries(outcomes))
      sums.set(name, (sums.get(name) ?? 0) + count);
  return [...sums].sort();
}
