import { expectAccessible } from './accessible.ts';
import { expect, test } from './app.ts';

test.use({ wanted: { isEmbedded: true } });

test('a page of the app shows how far a task is, until it has ended, and asks no more', async ({
  page,
  app,
}) => {
  const asked: number[] = [];
  page.on('response', (answer) => {
    if (answer.url().endsWith('/embedded')) asked.push(answer.status());
  });
  const go = (to: number) => page.request.post(`${app.address}/steps?to=${to}`);
  await page.goto(`${app.address}/import`);
  const bar = page.locator('.bulkhead-progress progress');
  const value = () => bar.getAttribute('value').then(Number);
  await expect(page.getByRole('link', { name: 'Import <orders>' })).toBeVisible();
  await go(3);
  await expect.poll(value).toBe(3);
  await expectAccessible(page, 'a page of the app');
  await page.getByRole('link', { name: 'Import <orders>' }).focus();
  await go(7);
  await expect.poll(value).toBe(7);
  await expect(page.getByRole('link', { name: 'Import <orders>' })).toBeFocused();
  await go(10);
  await expect(page.locator('.bulkhead-progress-state')).toHaveText('Succeeded');
  expect(await value()).toBe(10);
  await expect.poll(() => asked.at(-1)).toBe(286);
  const count = asked.length;
  await page.waitForTimeout(3_500);
  expect(asked.length, 'it asks no more').toBe(count);
  await page.getByRole('link', { name: 'Import <orders>' }).click();
  await expect(page).toHaveURL(/\/admin\/tasks\/\d+$/);
});

test('what is not theirs is not shown to them', async ({ page, app, context }) => {
  await context.addCookies([{ name: 'member', value: 'dan', url: app.address }]);
  const answer = page.waitForResponse((one) => one.url().endsWith('/embedded'));
  await page.goto(`${app.address}/import`);
  expect((await answer).status()).toBe(404);
  await expect(page.getByRole('link', { name: 'How far it is' })).toBeVisible();
  await expect(page.locator('.bulkhead-progress')).toHaveCount(0);
});
