import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { join } from 'node:path';
import { parseConfig } from '../src/config.ts';
import { stopEmbedded } from '../src/db/embedded.ts';
import { style, styleSources } from './style.mjs';

/**
 * `npm run dev`: the product as `npm start` runs it, which follows what is written. A template and
 * a style are seen by the next request; a source ends the program and starts it again, over a
 * database that stays up.
 */
const root = join(import.meta.dirname, '..');
/** An editor writes a file in several steps. */
const settleMs = 50;

let waiting: NodeJS.Timeout | undefined;
for (const folder of styleSources) {
  watch(join(root, folder), { recursive: true }, () => {
    clearTimeout(waiting);
    waiting = setTimeout(restyle, settleMs);
  });
}

const isForNode = (argument: string) => argument.startsWith('--inspect');
const given = process.argv.slice(2);
const program = spawn(
  process.execPath,
  [
    ...process.execArgv,
    ...given.filter(isForNode),
    '--watch',
    '--watch-preserve-output',
    join(root, 'src/cli/start.ts'),
    '--keep-database',
    ...given.filter((argument) => !isForNode(argument)),
  ],
  { stdio: 'inherit', env: { ...process.env, BULKHEAD_RELOAD_VIEWS: 'true' } },
);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => program.kill('SIGTERM'));
process.on('disconnect', () => program.kill('SIGTERM'));
program.on('exit', async (code) => {
  const { DATABASE_URL, BULKHEAD_FOLDER } = parseConfig(process.env);
  if (!DATABASE_URL) await stopEmbedded(BULKHEAD_FOLDER);
  process.exit(code ?? 0);
});

function restyle(): void {
  const wrong = style();
  if (wrong) console.error(wrong);
}
