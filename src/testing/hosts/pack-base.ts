import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Packed, packPackage } from '../../../scripts/build-package.ts';

const root = join(import.meta.dirname, '../../..');
const run = promisify(execFile);

/** What of a commit of before is there to be installed. */
export interface PackedBase extends Packed {
  commit: string;
  /** Its own sources of a host, where it had them. */
  sourcesOf(host: string): string;
}

/**
 * Makes the package of another commit as that commit makes it, with the packages that are installed
 * now.
 *
 * @param ref of Git's; where the history does not reach it, a sentence says so
 */
export async function packBase(place: string, ref: string): Promise<PackedBase> {
  const commit = await commitOf(ref);
  const folder = join(place, 'base');
  await mkdir(folder);
  await run('sh', ['-c', `git archive "$1" | tar -x -C "$2"`, 'sh', commit, folder], { cwd: root });
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  const made = join(place, 'base-package');
  const script = `const { style } = await import('./scripts/style.mjs');
    const said = style();
    if (said) throw new Error(said);
    const { buildPackage } = await import('./scripts/build-package.ts');
    await buildPackage(${JSON.stringify(made)});`;
  await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder });
  await loosen(join(made, 'package.json'));
  await mkdir(join(place, 'before'));
  const packed = await packPackage(made, join(place, 'before'));
  return { ...packed, commit, sourcesOf: (host) => join(folder, 'hosts', host) };
}

async function commitOf(ref: string): Promise<string> {
  const asked = await run('git', ['rev-parse', '--verify', `${ref}^{commit}`], { cwd: root }).catch(
    () => null,
  );
  if (asked) return asked.stdout.trim();
  throw new Error(
    `There is no commit ${ref} in this clone: git fetch --deepen 1, or name another one with --base.`,
  );
}

/** Where it was made for another version of something than is installed now, it is given that. */
async function loosen(file: string): Promise<void> {
  const { dependencies, ...rest } = JSON.parse(await readFile(file, 'utf8')) as {
    dependencies: Record<string, string>;
  };
  const { packages } = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version: string }>;
  };
  const installed = Object.entries(dependencies).map(([name, version]) => [
    name,
    packages[`node_modules/${name}`]?.version ?? version,
  ]);
  const given = { ...rest, dependencies: Object.fromEntries(installed) };
  await writeFile(file, JSON.stringify(given, null, 2));
}
