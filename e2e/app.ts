import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { test as base, expect, type Page } from 'playwright/test';
import type { WantedApp } from '../src/testing/wanted-app.ts';

export interface App {
  address: string;
  users: Record<'admin' | 'editor' | 'viewer', { email: string; password: string }>;
  /** A session on the journey's own database, for what only the database can show. */
  sql: pg.Client;
  /** Another one, for locks that block the first. */
  connect(): Promise<pg.Client>;
}

const root = join(import.meta.dirname, '..');

interface Opened {
  address: string;
  connectionString: string;
  users: App['users'];
}

/** A process that serves one journey after the other. */
interface Server {
  open(wanted: WantedApp): Promise<Opened>;
  close(): Promise<void>;
  stop(): Promise<void>;
}

function startServer(): Server {
  const child = spawn(join(root, 'node_modules/.bin/node'), [join(root, 'src/testing/serve.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (what: string): Promise<unknown> => {
    child.stdin.write(`${what}\n`);
    const { done, value } = await lines.next();
    if (done) throw new Error(`the app ended with ${(await ended)[0]}`);
    return JSON.parse(value);
  };
  return {
    open: async (wanted) => (await ask(`open ${JSON.stringify(wanted)}`)) as Opened,
    async close() {
      await ask('close');
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

async function openApp(
  server: Server,
  wanted: WantedApp,
): Promise<{ app: App; close(): Promise<void> }> {
  const { address, connectionString, users } = await server.open(wanted);
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
    async close() {
      for (const client of clients) await client.end().catch(() => undefined);
      await server.close();
    },
  };
}

/**
 * Each journey has pages, a worker and a database of its own. A console error or a failed request
 * fails the journey.
 */
export const test = base.extend<
  { watched: undefined; app: App; wanted: WantedApp; expected: RegExp | null },
  { server: Server }
>({
  /** `test.use({ wanted: … })` */
  wanted: [{}, { option: true }],
  /** Errors that the journey brings about itself. */
  expected: [null, { option: true }],
  server: [
    // biome-ignore lint/correctness/noEmptyPattern: Playwright reads the parameters of a fixture from an object pattern.
    async ({}, use) => {
      const server = startServer();
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],
  app: [
    async ({ server, wanted }, use) => {
      const { app, close } = await openApp(server, wanted);
      await use(app);
      await close();
    },
    { timeout: 120_000 },
  ],
  baseURL: async ({ app }, use) => use(app.address),
  watched: [
    async ({ page, expected }, use) => {
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => {
        // The browser reports every answer of 400 and above, and htmx a poll that a click cuts
        // short: that is the product working.
        if (
          message.type() === 'error' &&
          !/(status of|Error Code) (404|409|422|423)|^htmx:(afterRequest|sendAbort)/.test(
            message.text(),
          )
        )
          errors.push(message.text());
      });
      page.on(
        'response',
        (response) =>
          response.status() >= 500 && errors.push(`${response.status()} ${response.url()}`),
      );
      await use(undefined);
      expect(errors.filter((error) => !expected?.test(error))).toEqual([]);
    },
    { auto: true },
  ],
});

export { expect };

/**
 * Signs in without the page, which is the subject of few: the browser has the session from then on.
 */
export async function signIn(
  page: Page,
  app: App,
  role: keyof App['users'] = 'admin',
): Promise<void> {
  const form = await (await page.request.get('/sign-in')).text();
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(form)?.[1] ?? '';
  const answer = await page.request.post('/sign-in', {
    form: { _csrf, ...app.users[role] },
    maxRedirects: 0,
  });
  expect(answer.status(), 'signed in').toBe(303);
}

export async function signInByForm(page: Page, app: App): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel(/e-?mail/i).fill(app.users.admin.email);
  await page
    .getByLabel(/password/i)
    .first()
    .fill(app.users.admin.password);
  await page.getByRole('button', { name: /sign in/i }).click();
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'));
}
