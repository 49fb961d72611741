import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright';

const installed = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/**
 * An installed Chromium or Chrome, else the one Playwright downloads, else Debian's when we may
 * install it.
 */
export async function findBrowser(): Promise<string> {
  const found = find();
  if (found) return found;
  console.log('Installing a browser for the journeys …');
  await install(join(import.meta.dirname, '../node_modules/.bin/playwright'), [
    'install',
    'chromium',
  ]);
  if (find()) return find() as string;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    await install('apt-get', ['update', '-qq']);
    await install('apt-get', ['install', '-y', '-qq', 'chromium']);
    if (find()) return find() as string;
  }
  throw new Error(
    'The browser journeys need Chromium or Chrome, and none could be found or installed: install one and run again.',
  );
}

function find(): string | undefined {
  return [process.env.BULKHEAD_BROWSER ?? '', ...installed, chromium.executablePath()].find(
    (path) => path !== '' && existsSync(path),
  );
}

/** Whatever comes of it: what matters is whether there is a browser afterwards. */
function install(program: string, args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: 300_000,
    env,
  });
  return new Promise((done) => child.on('error', () => done()).on('exit', () => done()));
}
