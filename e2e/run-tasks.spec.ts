import { setTimeout } from 'node:timers/promises';
import type { Page, Response } from 'playwright/test';
import { type App, expect, signIn, test } from './app.ts';
import { blockAt, spanishIds, until } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';
import { lookAt } from './look-at.ts';

/** Launches "notes: journey" over the places of Spain through the pages; returns the task's id. */
async function noteSpain(page: Page, app: App): Promise<number> {
  await page.goto('/cities?country=ESP');
  await selectAllMatching(page);
  await openBulkEdit(page);
  await chooseField(page, 'notes', 'journey');
  await submitBulkEdit(page);
  await until(async () => (await app.sql.query('select 1 from bulkhead.task')).rowCount === 1);
  const { rows } = await app.sql.query<{ id: number }>('select id from bulkhead.task');
  return rows[0]?.id as number;
}

async function stateOf(app: App, id: number): Promise<string> {
  const { rows } = await app.sql.query<{ state: string }>(
    'select state from bulkhead.task where id = $1',
    [id],
  );
  return rows[0]?.state ?? '';
}

test('what was refused for one reason is retried once that reason is gone, and nothing else', async ({
  page,
  app,
}, info) => {
  const ids = await spanishIds(app);
  await app.sql.query(`
    alter table gazetteer.city add constraint city_notes_check check (id not in (${ids.slice(100, 130)}) or notes is null);
    alter table gazetteer.city add constraint kept_open check (id not in (${ids.slice(3_000, 3_005)}) or notes is null);
  `);
  await signIn(page, app);
  const id = await noteSpain(page, app);
  await until(async () => (await stateOf(app, id)) === 'partial');
  await page.goto(`/tasks/${id}`);
  await expect(page.getByText('30 records').first()).toBeVisible();
  await expect(page.getByText('5 records').first()).toBeVisible();
  await lookAt(page, info, 'partial');

  await page.getByRole('link', { name: 'Show all as a list' }).click();
  await page.getByRole('link', { name: /kept_open/ }).click();
  await expect(page.locator('tbody tr')).toHaveCount(5);
  await lookAt(page, info, 'failures');

  await test.step('they are selected in their list, to be changed in another way', async () => {
    await expect(page.locator('tbody tr').first()).toContainText('— → journey');
    await page.getByRole('button', { name: 'Change these 5 in another way' }).click();
    await expect(page.locator('.selection-count')).toHaveText('All 5 matching cities selected');
    await lookAt(page, info, 'failed-in-list');
  });
  await test.step('what was changed is a page of its own, and a selection', async () => {
    await page.goto(`/tasks/${id}`);
    await page.getByRole('link', { name: /^Show the 6,9\d\d records$/ }).click();
    await expect(page.locator('#task-changes tbody tr')).toHaveCount(25);
    await expect(page.locator('#task-changes tbody tr').first()).toContainText('journey');
    await lookAt(page, info, 'changes');
    await page.getByRole('link', { name: 'Next records' }).click();
    await expect(page.locator('#task-changes tbody tr')).toHaveCount(25);
    await page.getByRole('button', { name: 'Select these in the list' }).click();
    await expect(page.locator('.selection-count')).toHaveText(
      /^All 6,9\d\d matching cities selected$/,
    );
  });

  await app.sql.query('alter table gazetteer.city drop constraint kept_open');
  await page.goto(`/tasks/${id}`);
  await page
    .getByText(/kept_open/)
    .first()
    .click();
  await page.getByRole('button', { name: 'Retry 5 of this reason' }).click();
  await page.waitForURL((url) => url.pathname !== `/tasks/${id}`);
  await expect(
    page.getByRole('heading', { level: 1, name: /Retry: Notes → journey · 5 cities/ }),
  ).toBeVisible();
  await expect(page.getByText('5 changed').first()).toBeVisible();
  const { rows } = await app.sql.query(
    `select count(*)::int as n from gazetteer.city where country_code = 'ESP' and notes is null`,
  );
  expect(rows[0].n).toBe(30);
});

test('a task that is cancelled half-way leaves what it did, and that is taken back', async ({
  page,
  app,
}, info) => {
  const { id, brake } = await noteHalfOfSpain(page, app);
  await lookAt(page, info, 'running');
  await page.getByRole('button', { name: 'Cancel' }).click();
  await until(async () => (await stateOf(app, id)) === 'cancelling');
  await brake.release();
  await until(async () => (await stateOf(app, id)) === 'cancelled');
  const noted = async () =>
    (
      await app.sql.query<{ n: number }>(
        `select count(*)::int as n from gazetteer.city where country_code = 'ESP' and notes = 'journey'`,
      )
    ).rows[0]?.n;
  const { rows } = await app.sql.query<{ changed: number }>(
    'select changed from bulkhead.task where id = $1',
    [id],
  );
  expect(await noted()).toBe(rows[0]?.changed);
  expect(rows[0]?.changed).toBeGreaterThan(0);

  await page.goto(`/tasks/${id}`);
  await page.getByRole('link', { name: 'Undo…' }).click();
  await expect(page.locator('.undo-restored')).toContainText('would be put back');
  await lookAt(page, info, 'undo');
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: /^Undo [\d,]+ records$/ }).focus();
  await page.keyboard.press('Enter');
  await expect(
    page.getByRole('heading', { level: 1, name: /Undo: Notes → journey · [\d,]+ cities/ }),
  ).toBeVisible();
  await expect(page.getByText(/put back/).first()).toBeVisible({ timeout: 30_000 });
  await until(async () => (await noted()) === 0);
  await lookAt(page, info, 'undone');
});

test('a task is paused and goes on where it stopped', async ({ page, app }, info) => {
  const { id, brake } = await noteHalfOfSpain(page, app, 6_500);
  await page.goto('/cities?country=ESP');
  const firstTick = page.locator('.row-tick').first();
  await expect(page.locator('[id$="-pause"]')).toBeVisible();
  await firstTick.focus();
  const isList = (response: Response) =>
    new URL(response.url()).pathname === '/cities' && 'hx-request' in response.request().headers();
  const refreshed = page.waitForResponse(isList);
  // It takes longer than polls are apart, and none of them takes it back.
  await page.route(/\/pause\b/, async (route) => {
    await setTimeout(1_500);
    await route.continue();
  });
  // In the very moment that the piece is shown anew: it works at once. A pointer would take the
  // focus along.
  await page.evaluate(() => {
    const strip = document.querySelector('.task-progress')?.parentElement as HTMLElement;
    const pressed = new MutationObserver(() => {
      pressed.disconnect();
      document.querySelector<HTMLElement>('[id$="-pause"]')?.click();
    });
    pressed.observe(strip, { attributes: true, subtree: true, attributeFilter: ['data-live'] });
  });
  // Nothing is shown anew while the task stands still.
  await brake.release();
  await refreshed;
  await expect(page.getByRole('button', { name: 'Resume' })).toBeVisible();
  await expect(firstTick).toBeFocused();
  await page.goto(`/tasks/${id}`);
  await brake.release();
  await until(async () => (await stateOf(app, id)) === 'paused');
  const { rows } = await app.sql.query<{ done: number }>(
    'select done from bulkhead.task where id = $1',
    [id],
  );
  await expect(page.locator('.task-progress').first()).toHaveAttribute('data-state', 'paused');
  await lookAt(page, info, 'paused');
  await page.getByRole('button', { name: 'Resume' }).click();
  await until(async () => (await stateOf(app, id)) === 'succeeded');
  const { rows: after } = await app.sql.query<{ done: number; changed: number }>(
    'select done, changed from bulkhead.task where id = $1',
    [id],
  );
  expect(rows[0]?.done).toBeLessThan(6_972);
  expect(after[0]).toEqual({ done: 6_972, changed: 6_972 });
});

/** A task that is held half-way by a brake, and again at what comes after; and its page. */
async function noteHalfOfSpain(
  page: Page,
  app: App,
  ...after: number[]
): Promise<{ id: number; brake: Awaited<ReturnType<typeof blockAt>> }> {
  const ids = await spanishIds(app);
  const brake = await blockAt(app, ...[3_500, ...after].map((place) => ids[place] as number));
  await signIn(page, app);
  const id = await noteSpain(page, app);
  await until(
    async () =>
      (await app.sql.query('select 1 from bulkhead.task where chunks_done >= 3')).rowCount === 1,
  );
  await page.goto(`/tasks/${id}`);
  return { id, brake };
}
