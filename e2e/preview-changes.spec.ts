import type { Page } from 'playwright/test';
import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { openBulkEdit, selectAllMatching } from './bulk.ts';
import { tabTo } from './keyboard.ts';
import { lookAt } from './look-at.ts';

const andorra = (app: App, condition: string) =>
  app.sql
    .query(
      `select count(*)::int as n from gazetteer.city where country_code = 'AND' and ${condition}`,
    )
    .then(({ rows }) => rows[0].n as number);

async function prepare(app: App): Promise<{ total: number; refused: string }> {
  await app.sql.query(
    `update gazetteer.city set notes = 'Old mill', status = 'draft' where country_code = 'AND'`,
  );
  const { rows } = await app.sql.query(
    `select name from gazetteer.city where country_code = 'AND' order by id offset 2 limit 1`,
  );
  await app.sql.query(
    `alter table gazetteer.city add constraint mill_stays check (name <> '${rows[0].name.replaceAll("'", "''")}' or notes <> 'New mill') not valid`,
  );
  return { total: await andorra(app, 'true'), refused: rows[0].name };
}

/** Of all of Andorra: “Old” in their notes by “New”. */
async function previewNotes(page: Page): Promise<void> {
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
}

const figure = (label: string) => `#preview-counts > div:has(dt:text-is("${label}")) dd`;

test('a preview shows before and after, leaves out what is unticked, and runs just that', async ({
  page,
  app,
}) => {
  const { total, refused } = await prepare(app);
  await signIn(page, app);
  await previewNotes(page);
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
  for (const name of [title, refused])
    await page.getByRole('checkbox', { name: `Include ${name}`, exact: true }).uncheck();
  await expect(page.locator(figure('Left out by you'))).toHaveText('2');
  await expect(page.locator(figure('Refused'))).toHaveText('0');
  await expect(
    page.getByRole('checkbox', { name: `Include ${title}`, exact: true }),
  ).not.toBeChecked();
  await page.getByText('How to run it').click();
  await expectAccessible(page, 'a preview with its options');
  await page.getByRole('button', { name: new RegExp(`change ${total - 2} cities`, 'i') }).click();
  await page.waitForURL(/\/tasks\/\d+/);
  await expect.poll(() => andorra(app, `notes = 'New mill'`)).toBe(total - 2);
  expect(await andorra(app, `notes = 'Old mill'`)).toBe(2);
});

test('the page of the task shows what the preview showed', async ({ page, app }, info) => {
  await prepare(app);
  await signIn(page, app);
  await previewNotes(page);
  await page.getByRole('button', { name: /^Leave out the refused/ }).click();
  await page.getByRole('button', { name: /^Change \d+ cities$/ }).click();
  await page.waitForURL(/\/(tasks\/\d+|cities)/);
  const { rows } = await app.sql.query('select max(id) as id from bulkhead.task');
  await page.goto(`/tasks/${rows[0].id}`);
  await page.getByText('What was shown before').click();
  const shown = page.getByRole('region', { name: /as they were then/ });
  await expect(shown.getByRole('row').nth(1)).toContainText('New mill');
  await expect(shown.getByRole('row').nth(1)).toContainText('Would change');
  await lookAt(page, info, 'shown-before', 1440);
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
  await expect(page.locator(figure('Left out by you'))).toHaveText('1');
  await expect(page.locator('.preview-keep').first(), 'the focus stays where it was').toBeFocused();
  await page.keyboard.press('Space');
  await expect(page.locator(figure('Left out by you'))).toHaveCount(0);
  await page.keyboard.press('Space');
  await expect(page.locator(figure('Left out by you'))).toHaveText('1');
  await tabTo(page, page.getByRole('button', { name: /^change \d+ cities/i }));
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/tasks\/\d+/);
  await expect.poll(() => andorra(app, `notes = 'Old mill (seen)'`)).toBe(total - 1);
});

test('ticks that come faster than their answers are all counted, and what is typed meanwhile stays', async ({
  page,
  app,
}) => {
  const { total } = await prepare(app);
  await signIn(page, app);
  await previewNotes(page);
  await page.getByText('How to run it').click();
  await page.locator('#preview-stop').fill('5');
  let under = 0;
  let atOnce = 0;
  await page.route('**/exclusions*', async (route) => {
    atOnce = Math.max(atOnce, ++under);
    await new Promise((done) => setTimeout(done, 400));
    await route.continue();
    under--;
  });
  const boxes = page.locator('.preview-keep');
  const send = page.waitForRequest('**/exclusions*');
  await boxes.nth(0).uncheck();
  await send;
  await expect(
    page.getByRole('button', {
      name: new RegExp(`change ${total - 1} cities in the background`, 'i'),
    }),
    'not before the answer',
  ).toBeDisabled();
  await boxes.nth(1).dblclick();
  await boxes.nth(2).uncheck();
  await boxes.nth(0).check();
  await boxes.nth(3).uncheck();
  await page.locator('#bulk-reason').fill('Old mills are');
  await expect(page.locator(figure('Left out by you'))).toHaveText('2');
  await expect(
    page.getByRole('button', { name: new RegExp(`change ${total - 2} cities`, 'i') }),
  ).toBeEnabled();
  expect(atOnce, 'one after the other').toBe(1);
  expect(
    await boxes.evaluateAll((all) =>
      all.slice(0, 4).map((box) => (box as HTMLInputElement).checked),
    ),
  ).toEqual([true, true, false, false]);
  await expect(page.locator('#bulk-reason')).toHaveValue('Old mills are');
  await expect(page.locator('#bulk-reason')).toBeFocused();
  await expect(page.locator('#preview-stop')).toBeVisible();
  await expect(page.locator('#preview-stop')).toHaveValue('5');
  await expect(page.locator('#preview-status')).toContainText('Left out by you: 2');
});

test('a tick that does not arrive is taken back, and said', async ({ page, app }) => {
  const { total } = await prepare(app);
  await signIn(page, app);
  await previewNotes(page);
  await app.sql.query(`update bulkhead.preview set resource = 'elsewhere'`);
  await page.locator('.preview-keep').first().click();
  await expect(page.locator('.toast-note')).toBeVisible();
  await expect(page.locator('.preview-keep').first()).toBeChecked();
  await expect(
    page.getByRole('button', {
      name: new RegExp(`change ${total - 1} cities in the background`, 'i'),
    }),
  ).toBeEnabled();
});

test('the form comes back from its preview with everything that was typed', async ({
  page,
  app,
}) => {
  await prepare(app);
  await signIn(page, app);
  await previewNotes(page);
  await page.locator('#bulk-reason').fill('Mills');
  await page.locator('.preview-keep').first().uncheck();
  await expect(page.locator(figure('Left out by you'))).toHaveText('1');
  await page.getByRole('button', { name: 'Change the form' }).click();
  await page.waitForURL(/bulk-edit/);
  const notes = page.locator('.bulk-field[data-field="notes"]');
  await expect(notes.locator('.bulk-choose')).toBeChecked();
  await expect(notes.locator('.bulk-change')).toHaveValue('find-replace');
  await expect(notes.getByLabel('Replace by: Notes')).toHaveValue('New');
  await expect(page.locator('#bulk-reason')).toHaveValue('Mills');
  await expect(page.locator('#bulk-edit-form')).toContainText('1 record is left out');
  await expectAccessible(page, 'a form that came back');
  await notes.getByLabel('Replace by: Notes').fill('');
  await notes.getByLabel('Find: Notes').fill('');
  await page.locator('.bulk-preview').click();
  await expect(page.locator('#bulk-notes-error')).toBeVisible();
  await notes.getByLabel('Find: Notes').fill('mill');
  await page.locator('.bulk-preview').click();
  await page.waitForURL(/previews/);
  await expect(page.locator('.preview-table ins').nth(1)).toHaveText('Old');
  await expect(page.locator(figure('Left out by you'))).toHaveText('1');
});
