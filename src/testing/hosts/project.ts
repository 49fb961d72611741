import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { buildPackage, type Packed, packPackage } from '../../../scripts/build-package.ts';
import { type RunningCommand, startCommand } from '../command.ts';
import { servePackages } from './package-server.ts';
import { placePackages } from './place-packages.ts';

const root = join(import.meta.dirname, '../../..');

type Env = Readonly<Record<string, string>>;

/** A folder outside the repository, for packages and projects. */
export function makePlace(t: { after(undo: () => unknown): void }): string {
  const place = mkdtempSync(join(tmpdir(), 'bulkhead-hosts-'));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  return place;
}

/** The package of now. */
export async function packNow(place: string): Promise<Packed> {
  await buildPackage(join(place, 'package'));
  return packPackage(join(place, 'package'), place);
}

export interface Project {
  folder: string;
  /** When its folder was made. */
  begun: number;
  /** All that was typed in it. */
  typed: readonly string[];
  /** Types a command and returns what it printed; throws that where it fails. */
  type(command: string, env?: Env): Promise<string>;
  /** Types a command that goes on until it is stopped, and waits until it says that it runs. */
  start(command: string, env?: Env): Promise<RunningCommand>;
  /** `npm install` of a packed Bulkhead and of all that the project's own package.json names. */
  install(file: string): Promise<void>;
}

/** Sources of a host. */
export function hostFolder(name: string): string {
  return join(root, 'hosts', name);
}

/**
 * A project outside the repository with the sources of a host, or such of them as are named, and
 * nothing installed.
 */
export function makeProject(place: string, host: string, only?: readonly string[]): Project {
  const folder = join(place, host);
  const filter = (path: string) => only?.includes(relative(hostFolder(host), path)) ?? true;
  mkdirSync(folder);
  cpSync(hostFolder(host), folder, {
    recursive: true,
    filter: (path) => path === hostFolder(host) || filter(path),
  });
  const typed: string[] = [];
  const type = async (command: string, env: Env = {}) => {
    typed.push(command);
    return run(command, folder, { npm_config_cache: join(place, 'cache'), ...env });
  };
  return {
    folder,
    begun: Date.now(),
    typed,
    type,
    start(command, env = {}) {
      typed.push(command);
      const [program = '', ...args] = command.split(' ');
      return startCommand(args, env, folder, [program], plainEnv());
    },
    async install(file) {
      const product = JSON.parse(await run(`tar -xOf ${file} package/package.json`, folder));
      const elsewhere = placePackages(folder, product);
      const folders = [join(root, 'node_modules')];
      if (Object.keys(elsewhere).length > 0) folders.push(await fetchPackages(place, elsewhere));
      const server = await servePackages(folders);
      try {
        await type(`npm install ${file}`, {
          npm_config_registry: server.address,
          npm_config_audit: 'false',
          npm_config_fund: 'false',
        });
      } catch (error) {
        const missing = server.missing().join(', ');
        throw new Error(`${(error as Error).message}\nNot in node_modules: ${missing}`);
      } finally {
        await server.close();
      }
    },
  };
}

/** Of what a host wants, what the repository has in another version: from npm's cache, else the registry. */
async function fetchPackages(place: string, wanted: Record<string, string>): Promise<string> {
  const names = Object.entries(wanted).map(([name, version]) => `${name}@${version}`);
  const folder = join(place, `fetched-${names.join('-').replaceAll(/\W+/g, '-')}`);
  if (existsSync(folder)) return join(folder, 'node_modules');
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  await run(
    `npm install --prefer-offline --ignore-scripts --no-audit --no-fund ${names.join(' ')}`,
    folder,
  ).catch((error: Error) => {
    rmSync(folder, { recursive: true });
    throw new Error(
      `${names.join(', ')} are not among what the repository installs, and came neither from npm's cache nor from its registry: ${error.message}`,
    );
  });
  return join(folder, 'node_modules');
}

async function run(command: string, cwd: string, env: Env = {}): Promise<string> {
  const child = spawn('sh', ['-c', command], {
    cwd,
    env: { ...plainEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk) => {
      text += chunk;
    });
  const status = await new Promise((done) => child.on('close', done));
  if (status !== 0) throw new Error(`${command} ended with ${status}:\n${text}`);
  return text;
}

/**
 * What somebody has who types commands: nothing of this run's and of the repository's, a Node that
 * is new enough, and for Prisma's own commands something in the place of binaries that they look for
 * and do not run.
 */
function plainEnv(): Env {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|INIT_CWD$|DATABASE_URL$|NODE_|BULKHEAD_)/.test(name),
  );
  const env: Record<string, string | undefined> = Object.fromEntries(kept);
  const path = (env.PATH ?? '').split(delimiter).filter((one) => !/node_modules/.test(one));
  return {
    ...env,
    PATH: [dirname(process.execPath), ...path].join(delimiter),
    CHECKPOINT_DISABLE: '1',
    NO_COLOR: '1',
    PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
    PRISMA_QUERY_ENGINE_LIBRARY: process.execPath,
  };
}
