import type { Database } from '../db/database.ts';
import { openDatabase } from '../db/database.ts';
import { insertPrincipals, testContext } from './context.ts';
import { testAuditSecret } from './database.ts';
import { type Duel, duels, duelsSql, idsOf, type Ring } from './duels.ts';
import { insertPlaces } from './places.ts';
import { seededRandom } from './random.ts';
import { findBroken, invariantsAtRest } from './task-invariants.ts';
import { startWorkerProcess } from './worker-process.ts';
import { keepLedger, ledgerDifferences } from './write-ledger.ts';

export interface Duelled {
  /** How often a duel came to what end. */
  ends: ReadonlyMap<string, number>;
  broken: string[];
}

const env = {
  BULKHEAD_CHUNK_SIZE: '5',
  BULKHEAD_MAX_DEATHS: '100',
  BULKHEAD_LOG_LEVEL: 'error',
};

/** Each duel so often, one after the other, over an empty database of its own; then what must hold. */
export async function runDuels(
  { connectionString, owner }: { connectionString: string; owner: Database['pages'] },
  { times, seed, say = () => undefined }: { times: number; seed: number; say?(line: string): void },
): Promise<Duelled> {
  const names = Object.keys(duels);
  await insertPlaces({ pages: owner }, idsOf(names.length * times).at(-1) ?? 0);
  await keepLedger(owner);
  await owner.query(duelsSql);
  const open = () => openDatabase({ connectionString, auditSecrets: [testAuditSecret] });
  const dbs = [await open(), await open()];
  const [one, other] = dbs as [Database, Database];
  await insertPrincipals(one);
  const contexts = [one, other].map((db) => testContext(db, {}, { minAsyncRecords: 0 }));
  const workers = [
    await startWorkerProcess(connectionString, env),
    await startWorkerProcess(connectionString, env),
  ];
  const random = seededRandom(seed);
  const ring: Ring = {
    contexts: contexts as unknown as Ring['contexts'],
    owner,
    random,
    async crash() {
      const index = Math.floor(random() * workers.length);
      await workers[index]?.kill('SIGKILL');
      workers[index] = await startWorkerProcess(connectionString, env);
    },
  };
  const ends = new Map<string, number>();
  const broken: string[] = [];
  try {
    for (const [index, [name, duel]] of Object.entries(duels).entries()) {
      for (let time = 0; time < times; time++) await judge(name, duel, idsOf(index * times + time));
      say(`${name}: ${times} times`);
    }
    broken.push(...(await findBroken(one, invariantsAtRest(one))));
    const differences = await ledgerDifferences(owner, one.t.change, 10);
    if (differences.length > 0)
      broken.push(['BROKEN: every write is told once, as it was', ...differences].join('\n  '));
  } finally {
    for (const worker of workers) await worker.kill('SIGTERM');
    for (const db of dbs) await db.close();
  }
  return { ends, broken };

  async function judge(name: string, duel: Duel, ids: readonly number[]): Promise<void> {
    try {
      const end = `${name}: ${await duel(ring, ids)}`;
      ends.set(end, (ends.get(end) ?? 0) + 1);
    } catch (error) {
      broken.push(`BROKEN: ${name}: ${error instanceof Error ? error.stack : String(error)}`);
    }
  }
}
