import { spawnSync } from 'node:child_process';
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

/** An installed Chromium or Chrome, else the one Playwright downloads, else Debian's when we may install it. */
export async function findBrowser(): Promise<string> {
  const found = find();
  if (found) return found;
  const playwright = join(import.meta.dirname, '../node_modules/.bin/playwright');
  console.log('Installing a browser for the journeys …');
  spawnSync(playwright, ['install', 'chromium'], { stdio: 'inherit', timeout: 300_000 });
  if (find()) return find() as string;
  if (process.getuid?.() === 0 && existsSync('/etc/debian_version')) {
    spawnSync('apt-get', ['update', '-qq'], { stdio: 'inherit' });
    spawnSync('apt-get', ['install', '-y', '-qq', 'chromium'], {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    if (find()) return find() as string;
  }
  throw new Error('The browser journeys need Chromium or Chrome, and none could be found or installed: install one and run again.');
}

function find(): string | undefined {
  return [process.env.BULKHEAD_BROWSER ?? '', ...installed, chromium.executablePath()].find((path) => path !== '' && existsSync(path));
}
