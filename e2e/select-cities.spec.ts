import type { Page } from 'playwright/test';
import { expect, signIn, test } from './app.ts';

const count = (page: Page) => page.locator('.selection-count');
const ticks = (page: Page) => page.locator('.row-tick');

test.beforeEach(async ({ page, app }) => {
  await signIn(page, app);
  await page.goto('/cities');
});

test('fast clicks and a shifted one select a range, and the page tick shows its third state', async ({
  page,
}) => {
  await page.route('**/cities/selection', async (route) => {
    await new Promise((done) => setTimeout(done, 150));
    await route.continue();
  });
  for (let row = 0; row < 4; row++) await ticks(page).nth(row).click();
  await ticks(page).nth(1).click();
  await ticks(page)
    .nth(9)
    .click({ modifiers: ['Shift'] });
  await expect(page.locator('#page-tick')).toHaveJSProperty('indeterminate', true);
  await page.getByRole('link', { name: 'Next page' }).click();
  await expect(page).toHaveURL(/_page=2&_s=/);
  await expect(count(page)).toHaveText('10 selected');
  await page.locator('#page-tick').click();
  await expect(count(page)).toHaveText('35 selected');
  await page.reload();
  await expect(count(page)).toHaveText('35 selected');
  await expect(page.locator('.row-tick:checked')).toHaveCount(25);
  await page.getByRole('link', { name: 'Previous page' }).click();
  await expect(page.locator('.row-tick:checked')).toHaveCount(10);
});

test('everything matching is selected less an exclusion, and ends visibly with the filter', async ({
  page,
}) => {
  await page.locator('[data-filter="country"] summary').click();
  await page.locator('#filter-country').fill('Spain');
  await page.getByRole('option', { name: 'Spain' }).click();
  await expect(page.locator('.pager-range')).toHaveText('1–25 of 6,972');
  await page.getByRole('button', { name: 'Select all 6,972 matching' }).click();
  await expect(count(page)).toHaveText('All 6,972 matching cities selected');
  await ticks(page).nth(3).click();
  await expect(count(page)).toHaveText('6,971 selected');
  await page.reload();
  await expect(ticks(page).nth(3)).not.toBeChecked();
  await expect(count(page)).toHaveText('6,971 selected');
  await page.locator('#list-search').fill('madrid');
  await expect(page.locator('.selection-notice')).toContainText('no longer selected');
  await expect(page.locator('.row-tick:checked')).toHaveCount(0);
});

test('the keyboard ticks one, a range, and clears', async ({ page }) => {
  await ticks(page).first().focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Shift+ArrowDown');
  await page.keyboard.press('Shift+ArrowDown');
  await expect(count(page)).toHaveText('3 selected');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Shift+Space');
  await expect(count(page)).toHaveText('5 selected');
  await page.getByRole('button', { name: 'Clear' }).press('Enter');
  await expect(count(page)).toHaveText('Nothing selected');
  await expect(page).toHaveURL(/\/cities$/);
});

test('two tabs do not disturb each other', async ({ page, context }) => {
  const other = await context.newPage();
  await other.goto('/cities');
  await ticks(page).nth(0).click();
  await ticks(other).nth(5).click();
  await expect(count(page)).toHaveText('1 selected');
  await expect(count(other)).toHaveText('1 selected');
  await page.reload();
  await expect(ticks(page).nth(0)).toBeChecked();
  await expect(ticks(page).nth(5)).not.toBeChecked();
});

test('a tick that could not be kept is taken back, and a notice says so', async ({ page }) => {
  await page.route('**/cities/selection', (route) =>
    route.fulfill({ status: 409, contentType: 'text/html', body: '' }),
  );
  await ticks(page).nth(2).click();
  await expect(page.locator('.toast-note')).toContainText('could not be selected');
  await expect(ticks(page).nth(2)).not.toBeChecked();
  await page.unroute('**/cities/selection');
  await ticks(page).nth(2).click();
  await expect(count(page)).toHaveText('1 selected');
});
