#!/usr/bin/env node
// Imports no more than it needs to say that this Node is too old for the rest.
import { readFileSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';

const { engines } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
) as { engines: { node: string } };
const [major = 0, minor = 0] = numbersOf(engines.node);
const [hasMajor = 0, hasMinor = 0] = numbersOf(process.versions.node);

if (hasMajor < major || (hasMajor === major && hasMinor < minor)) {
  console.error(
    `Bulkhead needs Node ${major}.${minor} or newer, and this is ${process.versions.node}.`,
  );
  process.exit(1);
}

// What a start has compiled the next one need not: two thirds of what it takes.
module.enableCompileCache();

// npx and npm end, when they are sent a signal, without what they run.
const parent = process.ppid;
if (process.env.npm_command)
  setInterval(() => {
    if (process.ppid !== parent) process.kill(process.pid, 'SIGTERM');
  }, 500).unref();

const typed = process.argv[2] ?? '';
// A database is all that a start needs.
const isStart = typed === '--database' || typed.startsWith('--database=');
const command = isStart ? 'start' : typed;
if (command === 'start' || command === 'serve' || command === 'work') {
  if (!isStart) process.argv.splice(2, 1);
  if (command === 'start') await import('./start.ts');
  else if (command === 'serve') await import('./serve.ts');
  else await import('./work.ts');
} else await import('./main.ts');

/** `>=22.18.0` as 22 and 18. */
function numbersOf(text: string): number[] {
  return [...text.matchAll(/\d+/g)].map(Number);
}
