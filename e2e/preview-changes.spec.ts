import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { openBulkEdit, selectAllMatching } from './bulk.ts';
import { tabTo } from './keyboard.ts';

const andorra = (app: App, condition: string) =>
  app.sql
    .query(`select count(*)::int as n from gazetteer.city where country_code = 'AND' and ${condition}`)
    .then(({ rows }) => rows[0].n as number);

async function prepare(app: App): Promise<{ total: number; refused: string }> {
  await app.sql.query(`update gazetteer.city set notes = 'Old mill', status = 'draft' where country_code = 'AND'`);
  const { rows } = await app.sql.query(`select name from gazetteer.city where country_code = 'AND' order by id offset 2 limit 1`);
  await app.sql.query(
    `alter table gazetteer.city add constraint mill_stays check (name <> '${rows[0].name.replaceAll("'", "''")}' or notes <> 'New mill') not valid`,
  );
  return { total: await andorra(app, 'true'), refused: rows[0].name };
}

const figure = (label: string) => `#preview-counts > div:has(dt:text-is("${label}")) dd`;

test('a preview shows before and after, leaves out what is unticked, and runs just that', async ({ page, app }) => {
  const { total, refused } = await prepare(app);
  await signIn(page, app);
  await page.goto('/cities?country=AND');
  await selectAllMatching(page);
  await openBulkEdit(page);
  const notes = page.locator('.bulk-field[data-field="notes"]');
  await notes.locator('.bulk-choose').check();
  await notes.locator('.bulk-change').selectOption('find-replace');
  await notes.getByLabel('Find: Notes').fill('Old');
  await notes.getByLabel('Replace by: Notes').fill('New');
  await page.locator('.bulk-preview').click();
  await page.waitForURL(/\/cities\/previews\//);

  await expect(page.locator(figure('Selected'))).toHaveText(String(total));
  await expect(page.locator(figure('Will change'))).toHaveText(String(total - 1));
  await expect(page.locator(figure('Refused'))).toHaveText('1');
  await expect(page.locator('#preview')).toContainText('mill_stays');
  const first = page.locator('.preview-table tbody tr').first();
  await expect(first.locator('del')).toHaveText('Old mill');
  await expect(first.locator('ins')).toHaveText('New mill');
  expect(await andorra(app, `notes = 'New mill'`), 'nothing was changed yet').toBe(0);
  await expectAccessible(page, 'a preview');

  const title = (await first.locator('a').textContent())?.trim() ?? '';
  for (const name of [title, refused]) await page.getByRole('checkbox', { name: `Include ${name}`, exact: true }).uncheck();
  await page.getByRole('button', { name: /leave out/i }).click();
  await expect(page.locator(figure('Left out by you'))).toHaveText('2');
  await expect(page.locator(figure('Refused'))).toHaveText('0');
  await expect(page.getByRole('checkbox', { name: `Include ${title}`, exact: true })).not.toBeChecked();
  await page.getByText('How to run it').click();
  await expectAccessible(page, 'a preview with its options');
  await page.getByRole('button', { name: new RegExp(`change ${total - 2} cities`, 'i') }).click();
  await page.waitForURL(/\/tasks\/\d+/);
  await expect.poll(() => andorra(app, `notes = 'New mill'`)).toBe(total - 2);
  expect(await andorra(app, `notes = 'Old mill'`)).toBe(2);
});

test('a preview is made, thinned out and confirmed by keyboard alone', async ({ page, app }) => {
  const { total } = await prepare(app);
  await signIn(page, app);
  await page.goto('/cities?country=AND');
  await selectAllMatching(page);
  await openBulkEdit(page);
  await tabTo(page, page.locator('#bulk-notes-choose'));
  await page.keyboard.press('Space');
  await tabTo(page, page.locator('#bulk-notes-change'));
  await page.keyboard.type('Append');
  await tabTo(page, page.locator('[name="value.notes"]'));
  await page.keyboard.type(' (seen)');
  await tabTo(page, page.locator('.bulk-preview'));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/cities\/previews\//);
  await tabTo(page, page.locator('.preview-keep').first());
  await page.keyboard.press('Space');
  await tabTo(page, page.getByRole('button', { name: /leave out/i }));
  await page.keyboard.press('Enter');
  await expect(page.locator(figure('Left out by you'))).toHaveText('1');
  await tabTo(page, page.getByRole('button', { name: /^change \d+ cities/i }));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/tasks\/\d+/);
  await expect.poll(() => andorra(app, `notes = 'Old mill (seen)'`)).toBe(total - 1);
});
