import type { Page } from 'playwright/test';
import { expect, signIn, test } from './app.ts';

test.beforeEach(async ({ page, app }) => {
  await signIn(page, app);
});

/** Scripts come when the answer is called, as they do late on a slow line. */
async function holdScripts(page: Page): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  await page.route('**/*.js*', async (route) => {
    await promise;
    await route.continue();
  });
  return resolve;
}

test('a field chosen before the scripts came asks for its comparisons', async ({ page }) => {
  const release = await holdScripts(page);
  await page.goto('/cities/filter', { waitUntil: 'commit' });
  await page.getByLabel('Field', { exact: true }).selectOption('rating');
  release();
  await page.getByLabel('Comparison', { exact: true }).selectOption('at least');
  await expect(page.getByLabel('Rating: Value')).toBeVisible();
});

test('records ticked before the scripts came are selected', async ({ page }) => {
  const release = await holdScripts(page);
  await page.goto('/cities', { waitUntil: 'commit' });
  for (const index of [0, 1]) await page.locator('.row-tick').nth(index).check();
  release();
  await expect(page.locator('.selection-count')).toHaveText('2 selected');
});

test('a quick filter set before the scripts came filters', async ({ page }) => {
  const release = await holdScripts(page);
  await page.goto('/cities', { waitUntil: 'commit' });
  await page.locator('[data-filter="status"] summary').click();
  await page.getByLabel('draft').check();
  release();
  await expect(page).toHaveURL(/\/cities\?status=draft$/);
});
