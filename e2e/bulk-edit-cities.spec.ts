import { expect, signInByForm, test } from './app.ts';
import { slowDown } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';
import { picture } from './picture.ts';

test('all 6,972 places of Spain are changed in the background, and the bar shows it to the end', async ({
  page,
  app,
}, info) => {
  await slowDown(app);
  const polls: { status: number; done: number; total: number }[] = [];
  page.on('response', async (response) => {
    if (!/\/tasks\/live\?(.*&)?bar=/.test(response.url())) return;
    const text = await response.text().catch(() => '');
    const [, done = '', total = ''] =
      /([\d,]+) of ([\d,]+)/.exec(/<progress[^>]*>/.exec(text)?.[0] ?? '') ?? [];
    const number = (shown: string) => Number(shown.replaceAll(',', ''));
    polls.push({ status: response.status(), done: number(done), total: number(total) });
  });
  const shot = (name: string) => picture(page, info, name, { caret: 'initial' });

  await signInByForm(page, app);
  await page.goto('/cities?country=ESP');
  await expect(page.locator('.pager-range')).toContainText('6,972');
  await shot('list');
  await selectAllMatching(page);
  await expect(page.locator('.selection-count')).toContainText('All 6,972 matching');
  await openBulkEdit(page);
  await chooseField(page, 'status', 'published');
  await chooseField(page, 'featured', 'true');
  await shot('modal');
  await submitBulkEdit(page);
  await expect(page.getByText(/Processing 6,972 records in the background/).first()).toBeVisible();
  await expect
    .poll(() => polls.filter((poll) => poll.done > 0 && poll.status === 200).length, {
      timeout: 30_000,
    })
    .toBeGreaterThan(1);
  await shot('running');
  await expect
    .poll(() => polls.some((poll) => poll.status === 286), { timeout: 60_000 })
    .toBe(true);
  const count = polls.length;
  await page.waitForTimeout(5_000);
  expect(polls.length, 'no poll after the end').toBe(count);
  expect(polls.filter((poll) => poll.status === 286)).toHaveLength(1);

  const values = polls.filter((poll) => poll.total > 0);
  expect(new Set(values.map((poll) => poll.done)).size).toBeGreaterThanOrEqual(3);
  for (const [index, poll] of values.entries()) {
    expect(poll.done).toBeLessThanOrEqual(poll.total);
    if (index > 0) expect(poll.done).toBeGreaterThanOrEqual(values[index - 1]?.done ?? 0);
  }

  const { rows } = await app.sql.query(
    `select count(*)::int as n from gazetteer.city where country_code = 'ESP' and status = 'published' and featured`,
  );
  expect(rows[0].n).toBe(6_972);
  await page.goto('/cities?country=ESP&status=published&featured=true');
  await expect(page.locator('.pager-range')).toContainText('6,972');
  await page.goto('/tasks');
  await expect(
    page.getByRole('row').filter({ hasText: 'Status → published, Featured → Yes · 6,972 cities' }),
  ).toContainText('6,97');
  await shot('dashboard');
});
