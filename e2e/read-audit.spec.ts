import { expect, signInByForm, test } from './app.ts';
import { until } from './brake.ts';
import { lookAt } from './look-at.ts';

test('an admin finds in the audit who changed a record, from where, and that it is sealed', async ({
  page,
  app,
}, info) => {
  await signInByForm(page, app);
  await page.goto('/cities?country=ESP');
  await page.locator('tbody tr a').first().click();
  await page.getByRole('link', { name: 'Edit' }).first().click();
  await page.getByLabel('Notes').fill('Seen in the audit');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText(/saved/i).first()).toBeVisible();
  const { rows } = await app.sql.query<{ id: string }>(
    'select max(id) as id from bulkhead.audit_entry',
  );
  await until(
    async () =>
      (await app.sql.query('select from bulkhead.audit_seal where entry_id = $1', [rows[0]?.id]))
        .rowCount === 1,
  );

  await page.getByRole('link', { name: 'Audit' }).click();
  await expect(page.getByRole('heading', { name: 'Audit' })).toBeVisible();
  const first = page.locator('tbody tr').first();
  await expect(first).toContainText('Changed a record');
  await expect(first).toContainText('notes');
  await expect(first).toContainText('127.0.0.1');
  await expect(first).toContainText(/Sealed as number \d/);
  await lookAt(page, info, 'audit', 1440);

  await page.locator('main summary').click();
  await page.getByLabel('What').selectOption('Signed in');
  await page.getByRole('search').getByRole('button', { name: 'Filter' }).click();
  await expect(page.locator('tbody tr').first()).toContainText('Signed in');
  await expect(page.locator('tbody')).not.toContainText('Changed a record');
  await expect(page).toHaveURL(/act=signed-in/);
  await lookAt(page, info, 'audit-filtered', 1024);
  await page.goto('/tasks/audit?act=task-paused');
  await expect(page.getByText('Nothing matches.')).toBeVisible();
  const download = page.waitForEvent('download');
  await page.getByRole('link', { name: 'Show all' }).click();
  await page.getByRole('link', { name: 'Download CSV' }).click();
  expect((await download).suggestedFilename()).toBe('audit.csv');
});
