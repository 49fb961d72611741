import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { subscribe } from '@parcel/watcher';
import { parseConfig } from '../src/config.ts';
import { stopEmbedded } from '../src/db/embedded.ts';

/**
 * `npm run dev`: the product as `npm start` runs it, which follows what is written. A template and
 * a style are seen by the next request; a source ends the program and starts it again, over a
 * database that stays up.
 */
const root = join(import.meta.dirname, '..');
const isForNode = (argument: string) => argument.startsWith('--inspect');
const given = process.argv.slice(2);
const args = [
  ...process.execArgv,
  ...given.filter(isForNode),
  join(root, 'src/cli/start.ts'),
  '--keep-database',
  ...given.filter((argument) => !isForNode(argument)),
];

let program: ChildProcess | null = null;
let isChanged = false;
let isEnding = false;

// Node's own `--watch` no longer sees a file that was saved by a rename, as many editors do.
await subscribe(join(root, 'src'), (_error, events) => {
  if (events.some(({ path }) => /(?<!\.test)\.ts$/.test(path) && !path.includes('/src/testing/')))
    restart();
});
// In a thread of its own: the new program need not wait until the style sheet is built.
new Worker(new URL('follow-styles.ts', import.meta.url));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
process.on('disconnect', end);
start();

function start(): void {
  isChanged = false;
  program = spawn(process.execPath, args, {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, BULKHEAD_RELOAD_VIEWS: 'true' },
  });
  program.on('exit', (code) => {
    program = null;
    if (isEnding || (code === 0 && !isChanged)) return leave(code ?? 0);
    if (isChanged) return start();
    console.error('It ended by itself, and starts again with the next source that is saved.');
  });
}

function restart(): void {
  isChanged = true;
  if (program) program.kill('SIGTERM');
  else start();
}

function end(): void {
  isEnding = true;
  if (program) program.kill('SIGTERM');
  else leave(0);
}

async function leave(code: number): Promise<void> {
  const { DATABASE_URL, BULKHEAD_FOLDER } = parseConfig(process.env);
  if (!DATABASE_URL) await stopEmbedded(BULKHEAD_FOLDER);
  process.exit(code);
}
