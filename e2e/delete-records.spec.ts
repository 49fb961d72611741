import { expectAccessible } from './accessible.ts';
import { expect, signIn, test } from './app.ts';
import { tabTo } from './keyboard.ts';

test('a delete shows first what goes with it, what is emptied and what forbids it; by keyboard alone', async ({
  page,
  app,
}) => {
  const { rows } = await app.sql.query<{ id: number }>(
    `select id from gazetteer.city where name = 'Andorra la Vella'`,
  );
  const id = rows[0]?.id as number;
  await signIn(page, app);

  await test.step('what forbids it is named and linked', async () => {
    await page.goto('/countries/AND');
    await tabTo(page, page.getByRole('link', { name: 'Delete…' }));
    await page.keyboard.press('Enter');
    await expect(page.locator('.consequence-forbidding')).toContainText('10 cities by Country');
    await expect(page.locator('.consequence-forbidding').getByRole('link').first()).toBeVisible();
    await expect(page.getByRole('button', { name: 'Delete' })).toHaveCount(0);
    await expectAccessible(page, 'a delete that is forbidden');
  });

  await test.step('what goes along and what is emptied', async () => {
    await page.goto(`/cities/${id}/delete`);
    await expect(page.locator('.consequence-deleted')).toContainText('1 link to tags');
    await expect(page.locator('.consequence-cleared')).toContainText(
      '1 country by Capital city: Andorra',
    );
    await expectAccessible(page, 'a delete');
    await tabTo(page, page.getByRole('button', { name: 'Delete' }));
    await page.keyboard.press('Enter');
    await expect(page.locator('[role=status]').first()).toContainText('was deleted');
    const { rows: left } = await app.sql.query(
      `select capital_city_id from gazetteer.country where code = 'AND'`,
    );
    expect(left).toEqual([{ capital_city_id: null }]);
  });

  await test.step('its history can still be read', async () => {
    await page.goto('/cities/deleted');
    await expectAccessible(page, 'deleted records');
    await tabTo(page, page.getByRole('link', { name: 'Andorra la Vella' }));
    await page.keyboard.press('Enter');
    await expect(page.getByText('This record was deleted.')).toBeVisible();
    await expect(page.locator('.history-entry').first()).toContainText('Ada Admin deleted it');
  });

  await test.step('deleting many shows the same', async () => {
    await page.goto('/cities?country=SMR');
    await page.locator('.row-tick').first().check();
    await page.getByRole('button', { name: /select all \d+ matching/i }).click();
    await page
      .locator('#selection-bar')
      .getByRole('link', { name: /delete/i })
      .click();
    await expect(page.locator('#dialog .consequence-cleared')).toContainText('San Marino');
    await expectAccessible(page, 'the dialog');
  });
});
