import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface Memory {
  /** What JavaScript has. */
  heapUsed: number;
  /** What it has outside its heap, such as buffers. */
  external: number;
  /** All that the system counts. */
  rss: number;
}

/** A program of ours, whose memory can be asked for. */
export interface MeasuredProcess {
  /** Where the pages are; empty for a worker. */
  address: string;
  /** After what is garbage was collected. */
  memory(): Promise<Memory>;
  stop(): Promise<void>;
}

/** Starts `serve` or `work` as `npm run` does; resolves when it says that it runs. */
export async function startMeasured(
  program: 'serve' | 'work',
  env: Record<string, string>,
): Promise<MeasuredProcess> {
  const preload = join(import.meta.dirname, 'report-memory.ts');
  const child = spawn(
    process.execPath,
    [
      ...['--max-semi-space-size=4', '--expose-gc', '--import', preload],
      join(import.meta.dirname, `../cli/${program}.ts`),
    ],
    { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit', 'pipe'] },
  );
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdio[3] as Readable });
  const address = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      const found = /is served at (\S+)|A worker is running/.exec(text);
      if (found) resolve(found[1] ?? '');
    });
    child.on('exit', (code) => reject(new Error(`${program} ended with ${code}: ${text}`)));
  });
  return {
    address,
    async memory() {
      const said = once(lines, 'line');
      child.kill('SIGUSR2');
      const [line] = await Promise.race([
        said,
        ended.then(() => Promise.reject(new Error(`${program} has ended`))),
      ]);
      return JSON.parse(line);
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
