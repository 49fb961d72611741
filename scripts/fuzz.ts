import sample from '../src/admin.ts';
import { startTestServer } from '../src/testing/database.ts';
import { fuzz, type FuzzResult } from '../src/testing/fuzz.ts';
import { insertPlaces } from '../src/testing/places.ts';
import { tortureAdmin } from '../src/testing/torture.ts';
import { readOptions, wrongUsage } from './read-options.ts';

/** `npm run fuzz [-- --count 20000 --seed N --schema sample|torture --only I]`: odd requests to every route, half of them to each schema. */
const schemas = {
  sample: { admin: sample, content: 'empty' as const, fill: ({ db }: { db: Parameters<typeof insertPlaces>[0] }) => insertPlaces(db, 200) },
  torture: { admin: tortureAdmin, content: 'torture' as const },
};

const usage = 'Usage: npm run fuzz -- [--count N] [--seed N] [--schema sample|torture] [--only I]';
const { values } = readOptions(usage, {
  count: { type: 'string', default: '20000' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
  schema: { type: 'string' },
  only: { type: 'string' },
});
const names = Object.keys(schemas).filter((name) => !values.schema || name === values.schema) as (keyof typeof schemas)[];
const count = Math.ceil(Number(values.count) / names.length);
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
if (names.length === 0 || ![count, seed, only ?? 0].every(Number.isInteger)) wrongUsage(usage);

const server = process.env.BULKHEAD_TEST_SERVER ? null : await startTestServer();
if (server) process.env.BULKHEAD_TEST_SERVER = server.connectionString;
let failed = 0;
try {
  for (const name of names) failed += report(name, await run(name));
} finally {
  await server?.stop();
}
process.exit(failed > 0 ? 1 : 0);

async function run(name: keyof typeof schemas): Promise<FuzzResult> {
  const undoes: (() => unknown)[] = [];
  const after = (undo: () => unknown) => void undoes.push(undo);
  const onProgress = (sent: number) => console.log(`${name}: ${sent} of ${count}`);
  try {
    // One that is sent again is of the same list, so the list must be as long as it was.
    const asked = { name, seed, count: only === undefined ? count : Math.max(count, only + 1), ...(only === undefined ? {} : { only }) };
    return await fuzz({ after: after as never }, { ...asked, ...schemas[name], onProgress });
  } finally {
    for (const undo of undoes.reverse()) await undo();
  }
}

function report(name: string, { sent, statuses, routes, failures }: FuzzResult): number {
  const answers = Object.entries(statuses).map(([status, times]) => `${times} × ${status}`);
  console.log(`${name}: seed ${seed}, ${sent} requests to ${routes} routes (${answers.join(', ')}), ${failures.length} failures`);
  for (const failure of failures) console.log(`\n${failure}`);
  return failures.length;
}
