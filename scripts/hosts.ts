import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stopCommands } from '../src/testing/command.ts';
import { startTestServer } from '../src/testing/database.ts';
import { type HostRun, libraryDatabase } from '../src/testing/hosts/host-run.ts';
import { hosts } from '../src/testing/hosts/hosts.ts';
import { packNow } from '../src/testing/hosts/project.ts';
import { upgrades } from '../src/testing/hosts/upgrade.ts';
import { readOptions, wrongUsage } from './read-options.ts';
import { root } from './test-files.ts';

/**
 * `npm run hosts [-- NAME … --base REF]`: the package in projects of every kind, and an upgrade
 * while tasks are under way.
 */
const names = [...Object.keys(hosts), 'upgrade'];
const usage = `Usage: npm run hosts -- [NAME …] [--base REF]

Packs Bulkhead, installs it in an empty project of each kind outside the repository, and uses it there: ${names.join(', ')}.
--base: the commit whose package is upgraded, with tasks half done; HEAD~1 unless it is said.`;
const { positionals, values } = readOptions(usage, { base: { type: 'string' } }, true);
const unknown = positionals.find((name) => !names.includes(name));
if (unknown) wrongUsage(usage, `There is no host "${unknown}".`);
const chosen = positionals.length > 0 ? positionals : names;

const place = await mkdtemp(join(tmpdir(), 'bulkhead-hosts-'));
const server = await startTestServer();
process.env.BULKHEAD_TEST_SERVER = server.connectionString;
const broken: string[] = [];
try {
  const begun = Date.now();
  const packed = await packNow(place);
  const list = join(root, 'dist/package-files.txt');
  await mkdir(join(root, 'dist'), { recursive: true });
  await writeFile(list, packed.files.map((path) => `${path}\n`).join(''));
  console.log(
    `packed in ${secondsSince(begun)}: ${packed.files.length} files, by name in ${relative(root, list)}`,
  );
  for (const name of chosen) await walk(name, packed);
} finally {
  await server.stop();
  await rm(place, { recursive: true, force: true });
}
console.log(
  broken.length === 0
    ? `\n${chosen.length} work`
    : `\n${broken.length} of ${chosen.length} broken: ${broken.join(', ')}`,
);
process.exit(broken.length === 0 ? 0 : 1);

async function walk(name: string, packed: HostRun['packed']): Promise<void> {
  const begun = Date.now();
  const database = await libraryDatabase();
  const run = { place, packed, database, say: (line: string) => console.log(`  ${name}: ${line}`) };
  try {
    await (name === 'upgrade' ? upgrades(run, values.base ?? 'HEAD~1') : hosts[name]?.(run));
    console.log(`${name}: ${secondsSince(begun)}`);
  } catch (error) {
    broken.push(name);
    console.log(`${name}: broken after ${secondsSince(begun)}\n${(error as Error).message}`);
  } finally {
    await stopCommands();
    await database.drop();
  }
}

function secondsSince(begun: number): string {
  return `${((Date.now() - begun) / 1_000).toFixed(1)} s`;
}
