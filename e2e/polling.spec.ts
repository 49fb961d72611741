import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { Browser, Page } from 'playwright/test';
import { type App, expect, signIn, test } from './app.ts';
import { blockAt, spanishIds, until } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';
import { lookAt } from './look-at.ts';

const lostText = 'Connection lost, trying again…';
const live = /\/tasks\/live\?/;

/** A task on the places of Spain that holds all of them until it is let go. */
async function holdSpain(page: Page, app: App) {
  const ids = await spanishIds(app);
  const brake = await blockAt(app, ids[0] as number);
  await signIn(page, app);
  await page.goto('/cities?country=ESP');
  await selectAllMatching(page);
  await openBulkEdit(page);
  await chooseField(page, 'notes', 'held');
  await submitBulkEdit(page);
  const held = `select 1 from bulkhead.chunk where state = 'active'`;
  await until(async () => ((await app.sql.query(held)).rowCount ?? 0) > 0);
  const { rows } = await app.sql.query<{ id: number }>('select id from bulkhead.task');
  return { brake, id: rows[0]?.id as number };
}

async function signedIn(browser: Browser, app: App, role: 'admin' | 'editor'): Promise<Page> {
  const context = await browser.newContext({ baseURL: app.address });
  const page = await context.newPage();
  await signIn(page, app, role);
  return page;
}

/** How often a page has asked. */
function polls(page: Page): { count: number } {
  const asked = { count: 0 };
  page.on('request', (request) => {
    if (live.test(request.url())) asked.count++;
  });
  return asked;
}

const bar = (page: Page) => page.locator('main .task-progress').first();

test('rows that somebody else’s task holds are free by themselves when it lets go, under the hands of who is at the list', async ({
  page,
  app,
  browser,
}, info) => {
  const { brake } = await holdSpain(page, app);
  const other = await signedIn(browser, app, 'editor');
  await other.goto('/cities?country=ESP');
  await expect(other.locator('.row-lock')).toHaveCount(25);
  await lookAt(other, info, 'locked-rows');
  const name = other.locator('.list-row').first();
  await expect(name.getByRole('link', { name: /^Edit / })).toHaveCount(0);
  await other.locator('#go-to-page').fill('7');
  await other.locator('.row-tick').nth(3).focus();
  await brake.release();
  await expect(other.locator('.row-lock')).toHaveCount(0, { timeout: 60_000 });
  await expect(name.getByRole('link', { name: /^Edit / })).toHaveCount(1);
  await expect(name).toContainText(/\S/);
  await expect(other.locator('[data-locked]')).toHaveCount(0);
  await expect(other.locator('#live')).toHaveText(/cit(y is|ies are) free again\.$/);
  await expect(other.locator('.row-tick').nth(3)).toBeFocused();
  await expect(other.locator('#go-to-page')).toHaveValue('7');
  await other.keyboard.press('Space');
  await expect(other.locator('.selection-count')).toHaveText(/^1 /);
});

test('the page of a record says when its task has let go of it', async ({
  page,
  app,
  browser,
}, info) => {
  const { brake } = await holdSpain(page, app);
  const [id] = await spanishIds(app);
  const other = await signedIn(browser, app, 'editor');
  await other.goto(`/cities/${id}`);
  await expect(other.locator('#record-lock')).toContainText('Ada Admin is changing it');
  await lookAt(other, info, 'locked-record');
  await brake.release();
  await expect(other.locator('#record-lock')).toContainText('Nothing holds this record any more.');
  await lookAt(other, info, 'free-record');
  await other.getByRole('link', { name: 'Show it as it is now' }).click();
  await expect(other.locator('#record-lock')).toHaveCount(0);
  await expect(other.locator('main')).toContainText('held');
});

test('whoever is refused since a task holds their records sees how far it is, and goes on when it has ended', async ({
  page,
  app,
  browser,
}, info) => {
  const { brake, id } = await holdSpain(page, app);
  const refused = async (role: 'admin' | 'editor') => {
    const other = await signedIn(browser, app, role);
    await other.goto('/cities?country=ESP&population-min=100000');
    await selectAllMatching(other);
    await openBulkEdit(other);
    await chooseField(other, 'notes', `asked by the ${role}`);
    await submitBulkEdit(other);
    await expect(other.locator('#bulk-outcome')).toContainText('already changing');
    return other;
  };
  const [editor, admin] = [await refused('editor'), await refused('admin')];
  await app.sql.query('update bulkhead.task set done = 1234 where id = $1', [id]);
  await expect(editor.locator('#bulk-conflict')).toHaveText(
    'Ada Admin: “Edit cities”, 1,234 of 6,972 done.',
  );
  await expect(editor.locator('#bulk-conflict').locator('progress, a')).toHaveCount(0);
  await expect(admin.locator('#bulk-conflict progress')).toHaveAttribute('value', '1234');
  await expect(editor.getByRole('link', { name: 'Open the form again' })).toBeVisible();
  await expect(editor.getByRole('link', { name: 'Go on with' })).toBeHidden();
  await lookAt(editor, info, 'in-the-way-a-line');
  await lookAt(admin, info, 'in-the-way-a-bar');
  await app.sql.query('update bulkhead.task set done = 0 where id = $1', [id]);
  await brake.release();
  for (const [other, role] of [
    [editor, 'editor'],
    [admin, 'admin'],
  ] as const) {
    await expect(other.locator('#bulk-free')).toContainText('It is free now', { timeout: 60_000 });
    await expect(other.getByRole('link', { name: 'Open the form again' })).toBeHidden();
    if (role === 'editor') await lookAt(other, info, 'nothing-in-the-way');
    await other.getByRole('link', { name: 'Go on with what you asked for' }).click();
    await expect(other.locator('[name="value.notes"]')).toHaveValue(`asked by the ${role}`);
  }
});

test('a tab that nobody sees hardly asks, and asks at once when somebody looks', async ({
  page,
  app,
}) => {
  const { brake, id } = await holdSpain(page, app);
  await page.goto(`/tasks/${id}`);
  const asked = polls(page);
  await expect.poll(() => asked.count).toBeGreaterThan(1);
  const show = (isHidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  await show(true);
  // One may be under way.
  await page.waitForTimeout(500);
  const before = asked.count;
  await page.waitForTimeout(8_000);
  expect(asked.count).toBe(before);
  await app.sql.query('update bulkhead.task set done = 1234 where id = $1', [id]);
  await page.locator('[id$="-cancel"]').focus();
  await show(false);
  await expect(bar(page)).toContainText('1,234 of 6,972');
  await expect(page.locator('[id$="-cancel"]')).toBeFocused();
  await app.sql.query('update bulkhead.task set done = 0 where id = $1', [id]);
  await brake.release();
});

test('a page asks by one request for all that moves on it', async ({ page, app }) => {
  const { brake, id } = await holdSpain(page, app);
  await page.goto('/cities?country=ESP');
  await expect(page.locator('.row-lock')).toHaveCount(25);
  await page.waitForRequest((sent) => {
    const query = new URL(sent.url()).searchParams;
    const counts = ['bar', 'row', 'bell'].map((name) => query.getAll(name).length);
    return live.test(sent.url()) && counts.join() === '1,25,1';
  });
  await expect(page.locator(`#task-${id}-progress-strip`)).toBeVisible();
  await brake.release();
});

test.describe('where the connection is lost', () => {
  test.use({ expected: /ERR_|status of (429|503)|^(429|503) / });

  test('offline, the bar says so until it is back, and is then as the task is', async ({
    page,
    app,
    context,
  }, info) => {
    const { brake, id } = await holdSpain(page, app);
    await page.goto(`/tasks/${id}`);
    await expect(bar(page)).toContainText('0 of 6,972');
    await context.setOffline(true);
    await expect(bar(page).getByRole('status')).toHaveText(lostText);
    await expect(page.locator('.toast-note')).toHaveCount(0);
    await lookAt(page, info, 'offline');
    await app.sql.query('update bulkhead.task set done = 1234 where id = $1', [id]);
    await context.setOffline(false);
    await expect(page.getByText(lostText)).toHaveCount(0);
    await expect(bar(page)).toContainText('1,234 of 6,972');
    await app.sql.query('update bulkhead.task set done = 0 where id = $1', [id]);
    await brake.release();
    await expect(bar(page)).toContainText('Succeeded', { timeout: 60_000 });
  });

  test('a server that goes away and comes back is found again, in a list too', async ({
    page,
    app,
  }, info) => {
    const { brake } = await holdSpain(page, app);
    const way = await openWay(new URL(app.address));
    await page.goto(`${way.address}/cities?country=ESP`);
    await expect(page.locator('.row-lock')).toHaveCount(25);
    await way.close();
    await expect(page.locator('#records > .live-note')).toHaveText(lostText);
    await expect(bar(page).locator('.live-note')).toHaveText(lostText);
    await lookAt(page, info, 'server-away');
    await way.open();
    await expect(page.locator('.live-note')).toHaveCount(0, { timeout: 60_000 });
    await brake.release();
    await expect(page.locator('.row-lock')).toHaveCount(0, { timeout: 60_000 });
    await way.close();
  });

  test('a server that says when to come again is asked no sooner', async ({ page, app }) => {
    const { brake, id } = await holdSpain(page, app);
    await page.goto('/');
    await page.route(live, (route) =>
      route.fulfill({ status: 429, headers: { 'Retry-After': '10' }, body: 'Too many' }),
    );
    await page.goto(`/tasks/${id}`);
    await expect(page.getByText(lostText)).toBeVisible();
    const asked = polls(page);
    await page.waitForTimeout(7_000);
    expect(asked.count).toBe(0);
    await page.unroute(live);
    await expect(page.getByText(lostText)).toHaveCount(0, { timeout: 30_000 });
    await brake.release();
  });
});

test('whose session has ended is told so beside what moved, with the way to sign in, and is asked to leave nowhere', async ({
  page,
  app,
}, info) => {
  const { brake } = await holdSpain(page, app);
  await page.goto('/tasks');
  await expect(page.locator('#task-list[data-live]')).toBeVisible();
  await app.sql.query('delete from bulkhead.session');
  const note = page.locator('#task-list > .live-note');
  await expect(note).toContainText('You are signed out');
  await lookAt(page, info, 'signed-out');
  const asked = polls(page);
  await page.waitForTimeout(4_000);
  expect(asked.count).toBe(0);
  await note.getByRole('link', { name: 'Sign in' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await brake.release();
});

/** A way to the server that can be closed, as if there were none any more, and opened again. */
async function openWay(to: URL) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    const onward = connect(Number(to.port), to.hostname);
    for (const one of [socket, onward]) {
      sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        socket.destroy();
        onward.destroy();
        sockets.delete(one);
      });
    }
    socket.pipe(onward).pipe(socket);
  });
  const listen = async (port: number) => {
    server.listen(port, to.hostname);
    await once(server, 'listening');
  };
  await listen(0);
  const { port } = server.address() as { port: number };
  return {
    address: `http://${to.hostname}:${port}`,
    open: () => listen(port),
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
