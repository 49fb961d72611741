import { availableParallelism } from 'node:os';
import { defineConfig } from 'playwright/test';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  outputDir: 'test-results',
  workers: Math.max(2, availableParallelism()),
  timeout: 120_000,
  expect: { timeout: 15_000 },
  reporter: [['list'], ['json']],
  forbidOnly: true,
  use: {
    browserName: 'chromium',
    viewport: { width: 1366, height: 850 },
    launchOptions: {
      executablePath: process.env.BULKHEAD_BROWSER ?? '/usr/bin/chromium',
      args: flags,
    },
    // What a page was stands in the trace; a picture of every moment costs more than the journey.
    trace: { mode: 'retain-on-failure', screenshots: false, snapshots: true, sources: true },
    screenshot: 'only-on-failure',
  },
});
