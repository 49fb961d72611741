import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What a case needs that Debian has: a program, and the package that brings it. */
export const debian = {
  ip: 'iproute2',
  pgbouncer: 'pgbouncer',
  pg_ctl: 'postgresql',
} as const;

export type DebianProgram = keyof typeof debian;

/** Why a case cannot be run here, in one sentence: it is never skipped. */
export class CannotRun extends Error {}

/** Installs what is not there yet; returns where each is. Throws CannotRun. */
export async function install<P extends DebianProgram>(
  programs: readonly P[],
  say: (line: string) => void,
): Promise<Record<P, string>> {
  const missing: P[] = [];
  for (const program of programs) if ((await find(program)) === null) missing.push(program);
  if (missing.length > 0) {
    const packages = missing.map((program) => debian[program]);
    say(`apt-get install ${packages.join(' ')} …`);
    await aptGet(packages);
  }
  const found = await Promise.all(
    programs.map(async (program) => {
      const path = await find(program);
      if (path === null)
        throw new CannotRun(`${debian[program]} is installed, and yet there is no ${program}.`);
      return [program, path];
    }),
  );
  return Object.fromEntries(found);
}

async function aptGet(packages: readonly string[]): Promise<void> {
  const wanted = packages.join(' ');
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    throw new CannotRun(
      `This needs ${wanted}, which only root can install, by the apt-get of Debian or Ubuntu: install them, or run this there as root.`,
    );
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { env });
  } catch (error) {
    const { stderr, message } = error as { stderr?: string; message: string };
    throw new CannotRun(
      `apt-get could not install ${wanted}: ${(stderr || message).trim().split('\n').at(-1)}`,
    );
  }
}

/** Of PostgreSQL the newest that is there. */
async function find(program: DebianProgram): Promise<string | null> {
  const versions = program === 'pg_ctl' ? await readdir('/usr/lib/postgresql').catch(() => []) : [];
  const own = versions
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join('/usr/lib/postgresql', version, 'bin'));
  const shared = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  const folders = program === 'pg_ctl' ? own : shared;
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path)) ?? null;
}
