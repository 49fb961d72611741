import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { test as base, expect, type Page } from 'playwright/test';

export interface App {
  address: string;
  users: Record<'admin' | 'editor' | 'viewer', { email: string; password: string }>;
  /** A session on the journey's own database, for what only the database can show. */
  sql: pg.Client;
  /** Another one, for locks that block the first. */
  connect(): Promise<pg.Client>;
}

const root = join(import.meta.dirname, '..');

async function start(): Promise<{ app: App; stop(): Promise<void> }> {
  const child: ChildProcess = spawn(join(root, 'node_modules/.bin/node'), [join(root, 'src/testing/serve.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (chunk) => {
      text += chunk;
      const end = text.indexOf('}\n');
      if (end >= 0) resolve(text.slice(text.indexOf('{'), end + 1));
    });
    child.on('exit', (code) => reject(new Error(`the app ended with ${code}`)));
  });
  const { address, connectionString, users } = JSON.parse(line) as { address: string; connectionString: string; users: App['users'] };
  const clients: pg.Client[] = [];
  const connect = async () => {
    const client = new pg.Client({ connectionString, application_name: 'journey' });
    client.on('error', () => undefined);
    await client.connect();
    clients.push(client);
    return client;
  };
  const sql = await connect();
  return {
    app: { address, users, sql, connect },
    async stop() {
      for (const client of clients) await client.end().catch(() => undefined);
      const ended = once(child, 'exit');
      child.stdin?.end();
      await ended;
    },
  };
}

/** Each journey has an app and a database of its own. A console error or a failed request fails the journey. */
export const test = base.extend<{ watched: undefined; app: App }>({
  app: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameters of a fixture from an object pattern.
    async ({}, use) => {
      const { app, stop } = await start();
      await use(app);
      await stop();
    },
    { timeout: 120_000 },
  ],
  baseURL: async ({ app }, use) => use(app.address),
  watched: [
    async ({ page }, use) => {
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => {
        // The browser reports every answer of 400 and above, and htmx a poll that a click cuts short: that is the product working.
        if (message.type() === 'error' && !/(status of|Error Code) (404|409|422|423)|^htmx:(afterRequest|sendAbort)/.test(message.text()))
          errors.push(message.text());
      });
      page.on('response', (response) => response.status() >= 500 && errors.push(`${response.status()} ${response.url()}`));
      await use(undefined);
      expect(errors).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

export async function signIn(page: Page, app: App, role: keyof App['users'] = 'admin'): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel(/e-?mail/i).fill(app.users[role].email);
  await page
    .getByLabel(/password/i)
    .first()
    .fill(app.users[role].password);
  await page.getByRole('button', { name: /sign in/i }).click();
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'));
}
