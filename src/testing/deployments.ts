import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { parseEnv } from 'node:util';

const root = join(import.meta.dirname, '../..');

/** A file of the example configurations, as whoever runs them has it. */
export function readDeployment(...parts: string[]): string {
  return readFileSync(join(root, 'examples/deployments', ...parts), 'utf8');
}

/** A process as a unit of systemd, or a line of a Procfile, says it. */
export interface DeployedCommand {
  command: string[];
  env: Record<string, string>;
  cwd: string;
}

/** What a unit starts, with what it says of its environment beside its file of settings. */
export function readUnit(example: string, name: string): DeployedCommand {
  const text = readDeployment(example, name);
  const all = (key: string) =>
    [...text.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value);
  const [command = ''] = all('ExecStart');
  const pairs = all('Environment').flatMap((line) => line.split(' '));
  return {
    command: command.split(' '),
    env: {
      ...settingsOf(example),
      ...Object.fromEntries(pairs.map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
    },
    cwd: root,
  };
}

export function readProcess(example: string, name: string): DeployedCommand {
  const [, line = ''] =
    new RegExp(`^${name}: (.*)$`, 'm').exec(readDeployment(example, 'Procfile')) ?? [];
  const cwd = join(root, 'examples/deployments', example);
  return { command: line.split(' '), env: settingsOf(example), cwd };
}

function settingsOf(example: string): Record<string, string> {
  return parseEnv(readDeployment(example, 'settings.env')) as Record<string, string>;
}

export interface DeployedProcess {
  pid: number;
  /** Where it serves pages; empty: it serves none. */
  address: string;
  text(): string;
  /** As systemd ends it; resolves with its status. */
  end(): Promise<number | null>;
  ended: Promise<number | null>;
}

const isReady = /is (?:served|running) at |A worker is running/;

/**
 * Starts one with what a test has in the place of the machine's: its database, a port that is free,
 * our own command for that of the project, and no settings of the test's own process.
 */
export function startDeployed(
  { command: [program = '', ...args], env, cwd }: DeployedCommand,
  here: Record<string, string>,
): { child: DeployedProcess; ready: Promise<void> } {
  const isOurs = /(^|\/)bulkhead$/.test(program);
  const own = isOurs ? [join(root, 'src/cli/bulkhead.ts'), ...args] : args;
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env;
  const started = spawn(process.execPath, own, {
    cwd,
    env: {
      PATH: [dirname(process.execPath), PATH].join(delimiter),
      HOME,
      ...(TMPDIR && { TMPDIR }),
      ...env,
      ...here,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  const ended = new Promise<number | null>((done) => started.on('close', done));
  const ready = new Promise<void>((done, fail) => {
    for (const stream of [started.stdout, started.stderr])
      stream.on('data', (chunk) => {
        text += chunk;
        if (isReady.test(text)) done();
      });
    void ended.then((code) => fail(new Error(`${args.join(' ')} ended with ${code}: ${text}`)));
  });
  ready.catch(() => undefined);
  return {
    ready,
    child: {
      pid: started.pid as number,
      get address() {
        const [, address = ''] = /(?:running|served) at (\S+)/.exec(text) ?? [];
        return address.replace('0.0.0.0', '127.0.0.1');
      },
      text: () => text,
      ended,
      end() {
        started.kill('SIGTERM');
        return ended;
      },
    },
  };
}
