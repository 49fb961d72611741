import { expect, signIn, test } from './app.ts';
import { lookAt } from './look-at.ts';

test.use({ wanted: { isShop: true } });

test('a shop of one’s own: its look, its page and form, its template, orders put away and back', async ({
  page,
  app,
}, info) => {
  await app.sql.query(
    `update bulkhead."user" set claims = '{"tenant": 1}' where email like 'editor@%'`,
  );
  await signIn(page, app, 'editor');
  await page.goto('/');
  await expect(page.getByRole('navigation', { name: 'Main' }).getByRole('heading')).toHaveText([
    'Sales',
    'People',
    'Work',
  ]);
  await lookAt(page, info, 'shop-home', 1440);

  await test.step('the style sheet of the project counts', async () => {
    await page.getByRole('link', { name: 'Revenue' }).first().click();
    await expect(page.getByRole('heading', { level: 1, name: 'Revenue' })).toBeVisible();
    const styles = await page.evaluate(() => {
      const heading = document.querySelector('main h1') as HTMLElement;
      const button = document.querySelector('main .btn-primary') as HTMLElement;
      return [heading, button].map((one) => {
        const { fontFamily, borderRadius } = getComputedStyle(one);
        return { fontFamily, borderRadius };
      });
    });
    expect(styles[0]?.fontFamily).toContain('Georgia');
    expect(styles[1]?.borderRadius).toBe('16px');
    const mark = page.locator('.brand img.mark');
    await expect(mark).toBeVisible();
    expect(await mark.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);
    await lookAt(page, info, 'shop-revenue', 1440);
  });

  await test.step('its form says what is wrong, and has a day counted', async () => {
    await page.getByRole('button', { name: 'Count' }).click();
    await expect(page.getByRole('alert')).toHaveText('Choose a day.');
    await lookAt(page, info, 'shop-revenue-wrong', 1440);
    await page.getByLabel('Count a day again').fill('2026-11-20');
    await page.getByRole('button', { name: 'Count' }).click();
    await expect(page.getByText('2026-11-20 is being counted.')).toBeVisible();
    await expect(page.getByRole('main').getByText('Succeeded').first()).toBeVisible();
  });

  await test.step('a template of the project stands around an order', async () => {
    await page.getByRole('link', { name: 'Orders' }).first().click();
    await lookAt(page, info, 'shop-orders', 1440);
    await page.locator('tbody .list-title a').first().click();
    await expect(page.getByText('Totals are in euros, without tax.')).toBeVisible();
    await lookAt(page, info, 'shop-order', 1440);
  });
});

test('an order is put away and restored', async ({ page, app }, info) => {
  await signIn(page, app, 'admin');
  const { rows } = await app.sql.query(
    `select id, number from shop."order" where state = 'open' order by id limit 1`,
  );
  await page.goto(`/orders/${rows[0].id}`);
  await page.getByRole('link', { name: 'Put away…' }).click();
  await expect(page.getByRole('heading', { name: `Put ${rows[0].number} away?` })).toBeVisible();
  await lookAt(page, info, 'shop-put-away', 1440);
  await page.getByRole('button', { name: 'Put away' }).click();
  await expect(page.getByText(`${rows[0].number} was put away.`)).toBeVisible();
  await page.getByRole('link', { name: 'Put away', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Orders put away' })).toBeVisible();
  await lookAt(page, info, 'shop-deleted', 1440);
  await page.getByRole('button', { name: new RegExp(`Restore.*${rows[0].number}`) }).click();
  await expect(page.getByRole('main').getByText('Succeeded').first()).toBeVisible();
  await page.goto(`/orders/${rows[0].id}`);
  await expect(page.getByRole('heading', { name: rows[0].number })).toBeVisible();
  await page.goto('/trail');
  await lookAt(page, info, 'shop-trail', 1440);
});

test('a card without a count is as high as the others', async ({ page, app }) => {
  await signIn(page, app, 'admin');
  await page.goto('/');
  await expect(page.locator('.resource-card small').first()).toBeVisible();
  const heights = await page
    .locator('.resource-card')
    .evaluateAll((cards) => cards.map((card) => card.clientHeight));
  expect(heights.length).toBeGreaterThan(2);
  expect([...new Set(heights)]).toHaveLength(1);
});
