import type { Page } from 'playwright/test';
import { type App, expect, signIn, test } from './app.ts';

const range = (page: Page) => page.locator('.pager-range');
const condition = (page: Page, index: number) => page.locator('.filter-condition').nth(index);

async function countOf(app: App, where: string): Promise<string> {
  const { rows } = await app.sql.query(
    `select count(*)::int as n from gazetteer.city where ${where}`,
  );
  return Number(rows[0].n).toLocaleString('en');
}

test.beforeEach(async ({ page, app }) => {
  await signIn(page, app);
  await page.goto('/cities');
});

test('a filter of conditions and an “or” group is made, shared by its address, and taken apart by its chips', async ({
  page,
  app,
}) => {
  await page.getByRole('link', { name: 'Filter and sort' }).click();
  await page.waitForURL('**/filter*');
  await condition(page, 0).getByLabel('Field', { exact: true }).selectOption('population');
  await condition(page, 0).getByLabel('Comparison', { exact: true }).selectOption('between');
  await page.getByLabel('Population: From').fill('100000');
  await page.getByLabel('Population: To').fill('200000');
  await page.getByRole('button', { name: 'Add an “or” group' }).click();
  await condition(page, 1).getByLabel('Field', { exact: true }).selectOption('country');
  await page.getByRole('combobox', { name: 'Country: Value' }).fill('Spa');
  await page.getByRole('option', { name: 'Spain' }).click();
  await page.locator('[id="add-2"]').click();
  await condition(page, 2).getByLabel('Field', { exact: true }).selectOption('country.region');
  await page.getByLabel('Country: Region: Value').fill('ocean');
  await page.getByLabel('Sort by', { exact: true }).selectOption('country');
  await page.getByLabel('then by', { exact: true }).first().selectOption('population');
  await page.getByLabel('then by: Direction').first().selectOption('descending');
  await page.getByRole('button', { name: 'Show the records' }).last().click();

  await expect(page).toHaveURL(
    /\/cities\?_1\.country=ESP&_1\.country\.region-contains=ocean&population-between=100000\.\.200000&_sort=country,-population$/,
  );
  const where = `population between 100000 and 200000 and (country_code = 'ESP' or country_code in (select code from gazetteer.country where region ilike '%ocean%'))`;
  const count = await countOf(app, where);
  await expect(range(page)).toHaveText(new RegExp(`of ${count}$`));
  await expect(
    page.getByRole('link', {
      name: /Remove the filter Country is Spain or Country: Region contains ocean/,
    }),
  ).toBeVisible();

  await page.getByRole('link', { name: /Remove the filter Population between/ }).click();
  await expect(page).toHaveURL(
    /\/cities\?_1\.country=ESP&_1\.country\.region-contains=ocean&_sort=country,-population$/,
  );
  await page.getByRole('link', { name: 'Clear all' }).click();
  await expect(page).toHaveURL(/\/cities\?_sort=country,-population$/);
});

test('a quick filter keeps what was made on the page of filters', async ({ page, app }) => {
  await page.goto('/cities?name-starts=San');
  await page.locator('[data-filter="status"] summary').click();
  await page.getByLabel('draft').check();
  await expect(page).toHaveURL(/name-starts=San&status=draft/);
  await expect(range(page)).toHaveText(
    new RegExp(`of ${await countOf(app, `name ilike 'san%' and status = 'draft'`)}$`),
  );
  await page.getByRole('link', { name: 'Filter and sort' }).click();
  await expect(page.locator('.filter-condition')).toHaveCount(2);
});

test('what is wrong stands at its condition, and what was typed stays', async ({ page }) => {
  await page.goto('/cities/filter?population-min=12');
  await page.getByLabel('Population: Value').fill('many');
  await page.getByRole('button', { name: 'Show the records' }).last().click();
  await expect(page.locator('.field-error')).toHaveText('Population must be a whole number.');
  await expect(page.getByLabel('Population: Value')).toHaveValue('many');
  await expect(page.getByRole('alert')).toContainText('Population must be a whole number.');
});

test('a filter is made by keyboard alone', async ({ page, app }) => {
  await page.getByRole('link', { name: 'Filter and sort' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByLabel('Field', { exact: true })).toBeFocused();
  await page.keyboard.type('Rating');
  await page.keyboard.press('Tab');
  await expect(page.getByLabel('Comparison', { exact: true })).toBeVisible();
  await page.getByLabel('Comparison', { exact: true }).focus();
  await page.keyboard.type('at least');
  await expect(page.getByLabel('Comparison', { exact: true })).toHaveValue('min');
  await page.keyboard.press('Tab');
  await page.keyboard.type('4.5');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/cities\?rating-min=4\.5$/);
  await expect(range(page)).toHaveText(new RegExp(`of ${await countOf(app, 'rating >= 4.5')}$`));
  await page.getByRole('link', { name: /Remove the filter/ }).focus();
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/cities$/);
});

test('a shifted click sorts by one column more', async ({ page }) => {
  await page.getByRole('link', { name: 'Country', exact: true }).click();
  await expect(page).toHaveURL(/_sort=country$/);
  await page.getByRole('link', { name: 'Population', exact: true }).click({ modifiers: ['Shift'] });
  await expect(page).toHaveURL(/_sort=country,population$/);
  await page.getByRole('link', { name: /^Population/ }).click({ modifiers: ['Shift'] });
  await expect(page).toHaveURL(/_sort=country,-population$/);
  await expect(page.locator('th[aria-sort="ascending"]')).toHaveText(/Country/);
});

test('pages of a large list follow each other to its end and back', async ({ page }) => {
  await expect(range(page)).toHaveText(/^1–25 of about 135,/);
  await page.getByRole('link', { name: 'Count exactly' }).click();
  await expect(range(page)).toHaveText('1–25 of 135,233');
  await page.getByRole('link', { name: 'Last page' }).click();
  await expect(page).toHaveURL(/_before=!end$/);
  await expect(page.locator('.list-row')).toHaveCount(25);
  const title = await page.locator('.list-row').last().locator('td').nth(1).textContent();
  await page.getByRole('link', { name: 'Previous page' }).click();
  await expect(page).toHaveURL(/_before=\d+$/);
  await page.getByRole('link', { name: 'Next page' }).click();
  await expect(page).toHaveURL(/_after=\d+$/);
  await expect(page.locator('.list-row').last()).toContainText(title?.trim() ?? '');
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a filter is made and used', async ({ page, app }) => {
    await page.getByRole('link', { name: 'Filter and sort' }).click();
    await page.getByLabel('Field', { exact: true }).selectOption('name');
    await page.getByRole('button', { name: 'Update' }).click();
    await page.getByLabel('Comparison', { exact: true }).selectOption('starts');
    await page.getByLabel('Name: Value').first().fill('Saint');
    await page.getByRole('button', { name: 'Add a condition' }).click();
    await condition(page, 1).getByLabel('Field', { exact: true }).selectOption('country');
    await page.getByRole('button', { name: 'Update' }).click();
    await page.getByLabel('Country: Value').fill('FRA');
    await page.getByRole('button', { name: 'Show the records' }).last().click();
    await expect(page).toHaveURL(/\/cities\?country=FRA&name-starts=Saint$/);
    await expect(range(page)).toHaveText(
      new RegExp(`of ${await countOf(app, `name ilike 'saint%' and country_code = 'FRA'`)}$`),
    );
  });
});
