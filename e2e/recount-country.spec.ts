import { expectAccessible } from './accessible.ts';
import { expect, signIn, test } from './app.ts';
import { holdRun, until } from './brake.ts';
import { picture } from './picture.ts';

test('a recount is launched from a country’s page, watched, cancelled, and run again', async ({
  page,
  app,
}, info) => {
  const countOf = async () =>
    (await app.sql.query(`select city_count from gazetteer.country where code = 'USA'`)).rows[0]
      ?.city_count;
  await app.sql.query(`update gazetteer.country set city_count = 1 where code = 'USA'`);
  await signIn(page, app, 'editor');
  await page.goto('/countries/USA');
  const button = page.getByRole('button', { name: 'Recount' });
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 850 });
      await expect(button).toBeVisible();
      await picture(page, info, `button-${colorScheme}-${width}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 850 });
  await expectAccessible(page, 'a country with a button');
  await button.dblclick();
  await page.waitForURL(/\/tasks\/\d+$/);
  const id = Number(page.url().split('/').at(-1));
  const held = await holdRun(app, id);

  await expect(
    page.getByRole('progressbar', { name: /: [1-9][\d,]* of [\d,]+ done/ }),
  ).toBeVisible();
  expect(await countOf()).toBeNull();
  await picture(page, info, 'watched');
  const other = await page.context().newPage();
  await other.goto('/countries/USA');
  await expect(other.getByRole('link', { name: 'Recount USA' })).toBeVisible();
  await other.goto('/cities?country=USA');
  await expect(other.locator('tr[data-locked]').first()).toBeVisible();
  await other.close();

  await page.getByRole('button', { name: 'Cancel the task' }).click();
  await until(
    async () =>
      (await app.sql.query('select state from bulkhead.task where id = $1', [id])).rows[0]
        ?.state === 'cancelling',
  );
  await held.release();
  await expect(page.getByText(/Cancelled by/).first()).toBeVisible();
  expect(await countOf()).toBeNull();

  await page.getByRole('button', { name: 'Run it again' }).click();
  await page.waitForURL((url) => url.pathname !== `/tasks/${id}`);
  await expect(page.getByText('It is done.').first()).toBeVisible({ timeout: 30_000 });
  const { rows } = await app.sql.query(
    `select count(*)::int as count from gazetteer.city where country_code = 'USA'`,
  );
  expect(await countOf()).toBe(rows[0]?.count);
  await picture(page, info, 'done', { fullPage: true });
  await page.goto('/countries/USA');
  await expect(page.getByRole('link', { name: 'Recount USA' })).toHaveCount(2);
});
