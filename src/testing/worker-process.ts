import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface WorkerProcess {
  readonly child: ChildProcess;
  kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
  /** Stands still, and all of it, until it is thawed. */
  freeze(): void;
  thaw(): void;
}

/**
 * Starts a worker as `npm run work` does, or of the admin that a file exports, in a process that can
 * be killed. Resolves when it says that it runs.
 *
 * @param within command that runs it
 */
export async function startWorkerProcess(
  connectionString: string,
  env: Record<string, string> = {},
  adminFile: string | null = null,
  within: readonly string[] = [],
): Promise<WorkerProcess> {
  const program = adminFile
    ? [join(import.meta.dirname, 'admin-worker.ts'), adminFile]
    : [join(import.meta.dirname, '../cli/work.ts')];
  const [command = '', ...args] = [...within, process.execPath, ...process.execArgv, ...program];
  const child = spawn(command, args, {
    env: { ...process.env, DATABASE_URL: connectionString, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (text) => String(text).includes('is running') && resolve());
    child.on('exit', (code) => reject(new Error(`the worker ended with ${code}`)));
  });
  return {
    child,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    async kill(signal) {
      child.kill(signal);
      // One that is frozen hears of nothing else.
      child.kill('SIGCONT');
      await ended;
    },
  };
}
