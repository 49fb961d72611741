import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isPackage, ourFile } from './our-files.ts';

const scripts: Readonly<Record<string, string>> = {
  start: 'npm start',
  serve: 'npm run serve',
  work: 'npm run work',
};

// An image has no scripts of npm's: its commands are what a container is told to run.
const isImage = !existsSync(ourFile('scripts/run.mjs'));

/**
 * What a person types to run a command of ours where this runs: in a project that has installed us,
 * or in the repository.
 */
export function commandLine(command: string, options = ''): string {
  if (isPackage) return ['npx bulkhead', command, options].filter(Boolean).join(' ');
  if (isImage) return ['bulkhead', command, options].filter(Boolean).join(' ');
  const script = scripts[command];
  const typed = script ? [script, options && '--'] : ['npm run bulkhead --', command];
  return [...typed, options].filter(Boolean).join(' ');
}

const managers: Readonly<Record<string, string>> = {
  'package-lock.json': 'npm install',
  'pnpm-lock.yaml': 'pnpm add',
  'yarn.lock': 'yarn add',
  'bun.lock': 'bun add',
};

/** What a person types to add packages to a project, by the lock file that is nearest. */
export function installCommand(folder: string, ...packages: readonly string[]): string {
  const manager = Object.keys(managers).find((name) => existsSync(join(folder, name)));
  const above = dirname(folder);
  if (!manager && above !== folder) return installCommand(above, ...packages);
  return [managers[manager ?? 'package-lock.json'], ...packages].join(' ');
}
