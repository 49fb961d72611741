import type { Page } from 'playwright/test';
import { type App, expect, signIn, signInByForm, test } from './app.ts';
import { until } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';
import { lookAt } from './look-at.ts';

async function noteIn(page: Page, country: string, text: string): Promise<void> {
  await page.goto(`/cities?country=${country}`);
  await selectAllMatching(page);
  await openBulkEdit(page);
  await chooseField(page, 'notes', text);
  await submitBulkEdit(page);
  await page.locator('#bulk-edit-form').waitFor({ state: 'detached' });
}

const sent = async (app: App, count: number) =>
  (await app.sql.query(`select from bulkhead.notice where state = 'sent'`)).rowCount === count;

test('whoever launches and goes elsewhere is told there, and after signing in again until they have read it', async ({
  page,
  app,
}, info) => {
  await signIn(page, app);
  await noteIn(page, 'ESP', 'journey');
  await page.goto('/countries');
  await expect(page.locator('#bell')).toHaveAccessibleName('Notices, 1 not read');
  await expect(page.locator('.toast-note')).toContainText('Done:');

  await page.getByRole('button', { name: 'Sign out' }).click();
  await signInByForm(page, app);
  await expect(page.locator('#bell')).toHaveAccessibleName('Notices, 1 not read');
  await noteIn(page, 'PRT', 'another');
  await until(() => sent(app, 2));
  await page.goto('/countries');
  await page.locator('#bell').click();
  await expect(page.getByRole('heading', { name: 'Since you last looked' })).toBeVisible();
  await expect(page.getByRole('button', { name: /^Mark as read: / })).toHaveCount(2);
  await page
    .getByRole('button', { name: /^Mark as read: / })
    .first()
    .click();
  await expect(page.locator('#bell')).toHaveAccessibleName('Notices, 1 not read');
  await lookAt(page, info, 'notices', 1280);
  await page.getByRole('button', { name: 'Mark all as read' }).click();
  await expect(page.locator('#bell')).toHaveAccessibleName('Notices');
  await expect(page.getByRole('heading', { name: 'Earlier' })).toBeVisible();
  await page.getByRole('link', { name: 'How you are told' }).click();
  await page.getByLabel('Only of failures').check();
  await page.getByLabel(/seconds or longer/).fill('soon');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('A whole number of seconds, from 0 to 86,400.')).toBeVisible();
  await lookAt(page, info, 'preferences', 1280);
  await page.getByLabel(/seconds or longer/).fill('5');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('From now on you are told so.')).toBeVisible();
  await expect(page.getByLabel('Only of failures')).toBeChecked();
  await app.sql.query(
    `update bulkhead.notice set state = 'given-up', attempts = 20, error = 'Error: connect ECONNREFUSED 127.0.0.1:587' where id = (select min(id) from bulkhead.notice)`,
  );
  await page.goto('/tasks');
  await page.getByRole('link', { name: 'Who was told' }).click();
  await expect(page.getByText('Given up')).toBeVisible();
  await lookAt(page, info, 'deliveries', 1280);
  await page
    .getByRole('button', { name: /^Send again: message/ })
    .last()
    .click();
  await expect(page.getByText('Given up')).toHaveCount(0);
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('the bell of the next page says that a task has ended, and forms mark it as read', async ({
    page,
    app,
  }) => {
    await signInByForm(page, app);
    await page.goto('/cities?country=ESP');
    await page.getByRole('button', { name: /^Select all/ }).click();
    await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
    await page.locator('.bulk-field[data-field="notes"] .bulk-choose').check();
    await page.locator('[name="value.notes"]').fill('Without a script');
    await page.locator('#bulk-edit-form .bulk-launch').click();
    await page.waitForURL((url) => !url.pathname.endsWith('/bulk-edit'));
    await until(() => sent(app, 1));
    // The page of a task comes anew by itself, which may be just now.
    await expect(() => page.goto('/countries')).toPass();
    await expect(page.locator('#bell')).toHaveAccessibleName('Notices, 1 not read');
    await page.locator('#bell').click();
    await page.getByRole('button', { name: 'Mark all as read' }).click();
    await expect(page.locator('#bell')).toHaveAccessibleName('Notices');
  });
});
