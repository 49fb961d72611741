import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A program of ours as an operator sees it: what it says, and how it ends. */
export interface SeenProgram {
  /** Where the pages are; empty for a worker. */
  readonly address: string;
  /** Lines on standard error. */
  readonly errors: readonly string[];
  /** Lines of its log, of standard error. */
  logged(): { level: string; message: string; [detail: string]: unknown }[];
  kill(signal: NodeJS.Signals): void;
  /** Resolves when it has ended, to its exit status. */
  readonly ended: Promise<number | null>;
  stop(): Promise<void>;
}

export interface ProgramOptions {
  /** By how much its clock is off. */
  clockMs?: number;
  args?: readonly string[];
}

/** `serve`, `work` or another file of `src/cli`, as `npm run` starts it. */
function spawnProgram(
  name: string,
  env: Record<string, string>,
  { clockMs, args = [] }: ProgramOptions,
) {
  const shifted = ['--import', join(import.meta.dirname, 'shift-clock.ts')];
  const errors: string[] = [];
  const child = spawn(
    process.execPath,
    [
      ...(clockMs === undefined ? [] : shifted),
      join(import.meta.dirname, `../cli/${name}.ts`),
      ...args,
    ],
    {
      env: {
        ...process.env,
        PORT: '0',
        ...env,
        ...(clockMs === undefined ? {} : { BULKHEAD_TEST_CLOCK_SHIFT_MS: String(clockMs) }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const said = { out: '', error: '' };
  child.stdout.on('data', (chunk) => {
    said.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said.error += chunk;
    errors.splice(0, errors.length, ...said.error.split('\n').filter((line) => line !== ''));
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, errors, said, ended };
}

/** Resolves when it says that it runs; throws with all that it said where it ends before. */
export async function startProgram(
  name: 'serve' | 'work',
  env: Record<string, string>,
  options: ProgramOptions = {},
): Promise<SeenProgram> {
  const { child, errors, said, ended } = spawnProgram(name, env, options);
  const isReady = /is served at (\S+)|A worker is running/;
  await Promise.race([
    new Promise<void>((resolve) => {
      child.stdout.on('data', () => isReady.test(said.out) && resolve());
    }),
    ended.then((code) => {
      throw new Error(`${name} ended with ${code}: ${said.out}${said.error}`);
    }),
  ]);
  return {
    address: isReady.exec(said.out)?.[1] ?? '',
    errors,
    logged: () => errors.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : [])),
    kill: (signal) => void child.kill(signal),
    ended,
    async stop() {
      child.kill('SIGCONT');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Runs one that is expected to end by itself; gives its status and what it said. */
export async function runProgram(
  name: string,
  env: Record<string, string>,
  options: ProgramOptions = {},
): Promise<{ status: number | null; out: string; errors: readonly string[] }> {
  const { said, errors, ended } = spawnProgram(name, env, options);
  return { status: await ended, out: said.out, errors };
}
