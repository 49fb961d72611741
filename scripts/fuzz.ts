import { startTestServer } from '../src/testing/database.ts';
import { type Drawable, drawables } from '../src/testing/drawn-causes.ts';
import { type FuzzResult, fuzz } from '../src/testing/fuzz.ts';
import { fuzzSchemas } from '../src/testing/fuzz-schemas.ts';
import { readOptions, wrongUsage } from './read-options.ts';

/**
 * `npm run fuzz [-- --count 20000 --seed N --schema sample|torture --only I]`: odd requests to
 * every route, half of them to each schema.
 */
const usage = 'Usage: npm run fuzz -- [--count N] [--seed N] [--schema sample|torture] [--only I]';
const { values } = readOptions(usage, {
  count: { type: 'string', default: '20000' },
  seed: { type: 'string', default: String(Date.now() % 2_147_483_647) },
  schema: { type: 'string' },
  only: { type: 'string' },
});
const names = Object.keys(fuzzSchemas).filter(
  (name) => !values.schema || name === values.schema,
) as (keyof typeof fuzzSchemas)[];
const count = Math.ceil(Number(values.count) / names.length);
const seed = Number(values.seed);
const only = values.only === undefined ? undefined : Number(values.only);
if (names.length === 0 || ![count, seed, only ?? 0].every(Number.isInteger)) wrongUsage(usage);

const server = process.env.BULKHEAD_TEST_SERVER ? null : await startTestServer();
if (server) process.env.BULKHEAD_TEST_SERVER = server.connectionString;
let failed = 0;
let never: readonly Drawable[] = drawables;
try {
  for (const name of names) failed += report(name, await run(name));
} finally {
  await server?.stop();
}
// A short run, or one of a single schema, need not come to everything.
const isWhole = only === undefined && names.length > 1 && count >= 5_000;
if (isWhole) for (const cause of never) console.log(`Never drawn: ${cause}`);
process.exit(failed > 0 || (isWhole && never.length > 0) ? 1 : 0);

async function run(name: keyof typeof fuzzSchemas): Promise<FuzzResult> {
  const undoes: (() => unknown)[] = [];
  const after = (undo: () => unknown) => void undoes.push(undo);
  const onProgress = (sent: number) => console.log(`${name}: ${sent} of ${count}`);
  try {
    // One that is sent again is of the same list, so the list must be as long as it was.
    const asked = {
      name,
      seed,
      count: only === undefined ? count : Math.max(count, only + 1),
      ...(only === undefined ? {} : { only }),
    };
    return await fuzz({ after: after as never }, { ...asked, ...fuzzSchemas[name], onProgress });
  } finally {
    for (const undo of undoes.reverse()) await undo();
  }
}

function report(
  name: string,
  { sent, statuses, routes, drawn, wrote, kept, failures }: FuzzResult,
): number {
  const answers = Object.entries(statuses).map(([status, times]) => `${times} × ${status}`);
  console.log(
    `${name}: seed ${seed}, ${sent} requests to ${routes} routes (${answers.join(', ')}), ${failures.length} failures`,
  );
  console.log(`${name}: ${wrote} wrote, ${kept} were kept from it. ${drawn?.inWords()}`);
  never = never.filter((cause) => drawn?.never().includes(cause));
  for (const failure of failures) console.log(`\n${failure}`);
  return failures.length;
}
