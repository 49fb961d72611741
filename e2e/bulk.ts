import type { Page } from 'playwright/test';

/** In the open dialog: ticks a field and gives it a value. */
export async function chooseField(page: Page, name: string, value: string): Promise<void> {
  const field = page.locator(`.bulk-field[data-field="${name}"]`);
  await field.locator('.bulk-choose').check();
  const control = field.locator(`[name="value.${name}"]`).first();
  if ((await control.evaluate((element) => element.tagName)) === 'SELECT')
    await control.selectOption(value);
  else await control.fill(value);
}

export async function selectAllMatching(page: Page): Promise<void> {
  const first = page.locator('.row-tick').first();
  await first.check();
  await page.getByRole('button', { name: /select all [\d,]+ matching/i }).click();
  await page
    .locator('.selection-count')
    .filter({ hasText: /^All [\d,]+ matching/ })
    .waitFor();
}

export async function openBulkEdit(page: Page): Promise<void> {
  await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
  await page.locator('#bulk-edit-form').waitFor();
}

export async function submitBulkEdit(page: Page): Promise<void> {
  await page.locator('#bulk-edit-form .bulk-launch').click();
}
