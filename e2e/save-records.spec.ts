import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { tabTo } from './keyboard.ts';

async function madrid(app: App): Promise<number> {
  const { rows } = await app.sql.query<{ id: number }>(
    `select id from gazetteer.city where name = 'Madrid' and country_code = 'ESP'`,
  );
  return rows[0]?.id as number;
}

const values = async (app: App, id: number) =>
  (await app.sql.query('select name, notes, population from gazetteer.city where id = $1', [id]))
    .rows[0];

test('a stale edit is refused with both values, and goes on field by field', async ({
  page,
  app,
}) => {
  const id = await madrid(app);
  await signIn(page, app);
  await page.goto(`/cities/${id}/edit`);
  await app.sql.query(
    `update gazetteer.city set notes = 'Their note', population = 1, name = 'Madrid, theirs' where id = $1`,
    [id],
  );
  await page.getByLabel('Notes').fill('My note');
  await page.getByLabel('Name', { exact: false }).first().fill('Madrid, mine');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('#error-summary')).toBeFocused();
  await expect(page.locator('#error-summary')).toContainText('Somebody else was faster');
  await expectAccessible(page, 'the form with both values');
  await page.getByRole('link', { name: 'Notes has two values' }).click();
  const notes = page.locator('[data-field="notes"]');
  await expect(notes.getByRole('group')).toContainText('Their note');
  await notes.getByRole('radio', { name: /theirs/i }).check();
  await page.locator('[data-field="name"]').getByRole('radio', { name: /yours/i }).check();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[role=status]').first()).toContainText('was saved');
  expect(await values(app, id)).toEqual({
    name: 'Madrid, mine',
    notes: 'Their note',
    population: 1,
  });
});

test('a stale edit goes on by keyboard alone', async ({ page, app }) => {
  const id = await madrid(app);
  await signIn(page, app);
  await page.goto(`/cities/${id}/edit`);
  await app.sql.query(`update gazetteer.city set notes = 'Their note' where id = $1`, [id]);
  await tabTo(page, page.getByLabel('Notes'));
  await page.keyboard.type('My note');
  await tabTo(page, page.locator('footer').getByRole('button', { name: 'Save' }));
  await page.keyboard.press('Enter');
  await expect(page.locator('#error-summary')).toBeFocused();
  await tabTo(page, page.getByRole('link', { name: 'Notes has two values' }));
  await page.keyboard.press('Enter');
  await tabTo(page, page.locator('#field-notes-theirs'));
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('radio', { name: /yours/i })).toBeChecked();
  await tabTo(page, page.locator('footer').getByRole('button', { name: 'Save' }));
  await page.keyboard.press('Enter');
  await expect(page.locator('[role=status]').first()).toContainText('was saved');
  expect((await values(app, id)).notes).toBe('My note');

  await test.step('and what was done stands in the history', async () => {
    await page.goto(`/cities/${id}`);
    await expectAccessible(page, 'a record');
    await tabTo(page, page.getByRole('link', { name: 'History' }));
    await page.keyboard.press('Enter');
    await expect(page.locator('.history-entry')).toHaveCount(1);
    await expect(page.locator('.history-entry')).toContainText('Ada Admin changed it by a form');
    await expect(page.getByRole('row', { name: /Notes/ })).toContainText('Their note');
    await expect(page.getByRole('row', { name: /Notes/ })).toContainText('My note');
    await expectAccessible(page, 'the history');
  });
});
