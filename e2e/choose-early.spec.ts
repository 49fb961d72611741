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

test('an id typed into a picker before the scripts came is shown as what will be saved', async ({
  page,
  app,
}) => {
  const { rows } = await app.sql.query(
    `select min(id) as id from gazetteer.city where country_code = 'ESP'`,
  );
  const release = await holdScripts(page);
  await page.goto(`/cities/${rows[0].id}/edit`, { waitUntil: 'commit' });
  await page.locator('#field-country').fill('FRA');
  release();
  await expect(page.getByRole('combobox', { name: 'Country' })).toHaveValue('FRA');
  await page.locator('footer').getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[role=status]').first()).toContainText('was saved');
  const { rows: saved } = await app.sql.query(
    'select country_code from gazetteer.city where id = $1',
    [rows[0].id],
  );
  expect(saved[0].country_code).toBe('FRA');
});

test('a chosen record unticked before the scripts came is not chosen', async ({ page }) => {
  const release = await holdScripts(page);
  await page.goto('/cities?country=ESP', { waitUntil: 'commit' });
  await page.locator('[data-filter="country"] summary').click();
  await page.locator('[data-filter="country"] .picker-token input').uncheck();
  release();
  await expect(page).toHaveURL(/\/cities$/);
});

test('records ticked before the scripts came are selected after a link was followed and Back', async ({
  page,
}) => {
  const release = await holdScripts(page);
  const held: (() => void)[] = [];
  await page.route('**/cities/selection', async (route) => {
    await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  await page.goto('/cities', { waitUntil: 'commit' });
  for (const index of [0, 1]) await page.locator('.row-tick').nth(index).check();
  release();
  await expect.poll(() => held.length).toBe(1);
  await page.getByRole('link', { name: 'Countries' }).click();
  held[0]?.();
  await expect.poll(() => held.length).toBe(2);
  held[1]?.();
  await page.waitForURL(/countries/);
  await page.goBack();
  await expect(page.locator('.selection-count')).toHaveText('2 selected');
});
