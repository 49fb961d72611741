import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';

async function reviewedCity(app: App): Promise<number> {
  const { rows } = await app.sql.query<{ id: number }>(
    `update gazetteer.city set reviewed_at = '2026-01-01T10:00Z' where id = (select min(id) from gazetteer.city) returning id`,
  );
  return rows[0]?.id as number;
}

const reviewedAt = async (app: App, id: number) =>
  (await app.sql.query('select reviewed_at from gazetteer.city where id = $1', [id])).rows[0]
    .reviewed_at;

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('a date of which a part is missing is refused and nothing is changed', async ({
      page,
      app,
    }) => {
      const id = await reviewedCity(app);
      const before = await reviewedAt(app, id);
      await signIn(page, app);
      await page.goto(`/cities/${id}/edit`);
      const date = page.getByLabel('Reviewed');
      await date.focus();
      await page.keyboard.press('Backspace');
      await page.locator('footer').getByRole('button', { name: 'Save' }).click();
      await expect(date).toBeFocused();
      await expect(page).toHaveURL(/edit$/);
      expect(await reviewedAt(app, id)).toEqual(before);
      if (!javaScriptEnabled) return;
      await expect(page.locator('#field-reviewedAt-incomplete')).toContainText(
        'A part of this date and time is missing',
      );
      await expectAccessible(page, 'a form with an incomplete date');
      await date.fill('2026-01-31T10:00');
      await expect(page.locator('#field-reviewedAt-incomplete')).toHaveCount(0);
      await page.locator('footer').getByRole('button', { name: 'Save' }).click();
      await expect(page.locator('[role=status]').first()).toContainText('was saved');
    });
  });
}

async function openDialog({ page, app }: { page: import('playwright/test').Page; app: App }) {
  await signIn(page, app);
  await page.goto('/cities');
  await page.locator('#records .row-tick').first().click();
  await page.locator('#selection-bar').getByRole('link', { name: 'Edit' }).click();
  await page.locator('#bulk-reviewedAt-choose').check();
  await page.locator('#bulk-notes-choose').check();
  await page.getByLabel(/Notes/).last().fill('typed with care');
}

test('the bulk dialog refuses an incomplete date, also of a field that was unticked, and is not left unasked', async ({
  page,
  app,
}) => {
  await openDialog({ page, app });
  const dialog = page.locator('#dialog');
  const ask = page.locator('#ask');
  const notes = page.getByLabel(/Notes/).last();

  await test.step('an incomplete date', async () => {
    const date = dialog.locator('input[type="datetime-local"]').first();
    await date.focus();
    await page.keyboard.type('01');
    await dialog.getByRole('button', { name: /^Preview/ }).click();
    await expect(date).toBeFocused();
    await expect(dialog.getByText('A part of this date and time is missing')).toBeVisible();
    await page.locator('#bulk-reviewedAt-choose').uncheck();
    await dialog.getByRole('button', { name: /^Preview/ }).click();
    await expect(date).toBeFocused();
    await page.keyboard.press('Backspace');
    await expect(date).toBeHidden();
  });

  await test.step('text marked with the mouse and let go beside the dialog', async () => {
    const box = await notes.boundingBox();
    await page.mouse.move((box?.x ?? 0) + 30, (box?.y ?? 0) + 10);
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    await expect(dialog).toBeVisible();
    await expect(ask).toBeHidden();
  });

  await test.step('Escape, twice, by keyboard alone', async () => {
    await page.keyboard.press('Escape');
    await expect(ask).toContainText('was not sent');
    await expectAccessible(page, 'a question before typing is lost');
    await page.keyboard.press('Escape');
    await expect(ask).toBeHidden();
    await page.keyboard.press('Escape');
    await expect(ask).toBeVisible();
    await page.keyboard.press('Enter');
    await expect(ask).toBeHidden();
    await expect(notes).toHaveValue('typed with care');
  });

  await test.step('a click beside it', async () => {
    await page.mouse.click(5, 5);
    await ask.getByRole('button', { name: 'Go on typing' }).click();
    await expect(notes).toHaveValue('typed with care');
    await page.mouse.click(5, 5);
    await ask.getByRole('button', { name: 'Throw it away' }).click();
    await expect(dialog).toBeHidden();
  });
});

test('a form is not left by a link or Back without a question', async ({ page, app }) => {
  const id = await reviewedCity(app);
  await signIn(page, app);
  await page.goto('/cities');
  await page.goto(`/cities/${id}/edit`);
  const notes = page.getByLabel('Notes');
  await notes.fill('typed with care');
  await page.getByRole('link', { name: 'Countries' }).click();
  await page.locator('#ask').getByRole('button', { name: 'Go on typing' }).click();
  await expect(notes).toHaveValue('typed with care');
  let asked = 0;
  const stay = (dialog: import('playwright/test').Dialog) => {
    asked++;
    return dialog.dismiss();
  };
  page.on('dialog', stay);
  await page.evaluate(() => history.back());
  await expect.poll(() => asked).toBe(1);
  await expect(notes).toHaveValue('typed with care');
  await page.getByRole('link', { name: 'Countries' }).click();
  await page.locator('#ask').getByRole('button', { name: 'Throw it away' }).click();
  await page.waitForURL(/countries/);
  expect(asked).toBe(1);
  await page.goto(`/cities/${id}/edit`);
  await page.getByRole('link', { name: 'Countries' }).click();
  await page.waitForURL(/countries/);
});

test('the filter builder refuses an incomplete date when another condition is added, and is not left unasked', async ({
  page,
  app,
}) => {
  await signIn(page, app);
  await page.goto('/cities/filter?reviewedAt-after=2026-01-01T10:00');
  const date = page.locator('#filter-builder input[type="date"]').first();
  await date.focus();
  await page.keyboard.press('Backspace');
  await page.locator('#add-').click();
  await expect(date).toBeFocused();
  await expect(page.locator('#filter-builder').getByText('A part of this date')).toBeVisible();
  await expect(page.locator('.filter-condition')).toHaveCount(1);
  await page.getByRole('link', { name: 'Countries' }).click();
  await page.locator('#ask').getByRole('button', { name: 'Go on typing' }).click();
  await page
    .locator('.filter-condition')
    .getByRole('button', { name: /Remove/ })
    .click();
  await expect(page.locator('#filter-builder input[type="date"]')).toHaveCount(0);
});

test('what is typed in a filter while its form is on the way stays, and so does the place in it', async ({
  page,
  app,
}) => {
  await signIn(page, app);
  await page.goto('/cities/filter?rating-min=1&population-min=5');
  const held: (() => void)[] = [];
  await page.route('**/cities/filter?*', async (route) => {
    if (held.length === 0) await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  await page.getByLabel('Comparison', { exact: true }).first().selectOption('at most');
  await expect.poll(() => held.length).toBe(1);
  const rating = page.getByLabel('Rating: Value');
  const population = page.getByLabel('Population: Value');
  await rating.fill('4');
  await population.fill('1234');
  await population.press('ArrowLeft');
  const again = page.waitForResponse(/\/cities\/filter\?.*v\.2=4&/);
  held[0]?.();
  await again;
  await expect(page.locator('[id="operator-1"] option:checked')).toHaveText('at most');
  await page.keyboard.type('.');
  await expect(population).toHaveValue('123.4');
  await expect(rating).toHaveValue('4');
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Enter');
  await expect(page).toHaveURL(/\/cities\?population-max=1234&rating-min=4$/);
});

test('a record taken in a picker while its form is on the way stays taken', async ({
  page,
  app,
}) => {
  await signIn(page, app);
  await page.goto('/cities/filter?country=ESP&rating-min=1');
  const held: (() => void)[] = [];
  await page.route('**/cities/filter?*', async (route) => {
    if (held.length === 0) await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  const rating = page.locator('.filter-condition', { has: page.getByLabel('Rating: Value') });
  await rating.getByLabel('Comparison', { exact: true }).selectOption('at most');
  await expect.poll(() => held.length).toBe(1);
  await page.getByRole('combobox', { name: 'Country: Value' }).fill('Fran');
  await page.getByRole('option', { name: 'France' }).click();
  const again = page.waitForResponse(/\/cities\/filter\?.*FRA/);
  held[0]?.();
  await again;
  await expect(page.locator('.picker-token')).toHaveText(['Spain', 'France']);
});

test('what is typed after a form was sent stays where the form comes back', async ({
  page,
  app,
}) => {
  await openDialog({ page, app });
  await page.locator('.bulk-field[data-field="rating"] .bulk-choose').check();
  await page.locator('.bulk-field[data-field="rating"] input').last().fill('no number');
  const held: (() => void)[] = [];
  await page.route('**/cities/bulk-edit*', async (route) => {
    if (held.length === 0 && route.request().method() === 'POST')
      await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  await page
    .locator('#dialog')
    .getByRole('button', { name: /^Preview/ })
    .click();
  await expect.poll(() => held.length).toBe(1);
  await page.getByLabel(/Notes/).last().fill('typed meanwhile');
  held[0]?.();
  await expect(page.locator('#dialog .text-error').first()).toBeVisible();
  await expect(page.getByLabel(/Notes/).last()).toHaveValue('typed meanwhile');
});

test('what is searched for while a filter is taken away is searched for without that filter', async ({
  page,
  app,
}) => {
  await signIn(page, app);
  await page.goto('/cities?status=draft');
  const held: (() => void)[] = [];
  await page.route('**/cities', async (route) => {
    await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  const search = page.getByRole('searchbox');
  await page.getByRole('link', { name: /^Remove/ }).click();
  await expect.poll(() => held.length).toBe(1);
  await search.fill('Ma');
  held[0]?.();
  await expect(page).toHaveURL(/\/cities\?_q=Ma$/);
  await expect(search).toHaveValue('Ma');
  await expect(page.locator('.list-chip')).toHaveCount(1);
});

test('what was searched for just before a filter is taken away is not lost with it', async ({
  page,
  app,
}) => {
  await signIn(page, app);
  await page.goto('/cities?status=draft');
  const held: (() => void)[] = [];
  await page.route('**/cities?*_q=Ma*', async (route) => {
    if (held.length === 0) await new Promise<void>((done) => held.push(done));
    await route.continue();
  });
  const search = page.getByRole('searchbox');
  const ended: string[] = [];
  page.on('requestfinished', (request) => void ended.push(request.url()));
  page.on('requestfailed', (request) => void ended.push(request.url()));
  const isOver = () => ended.some((url) => url.includes('_q=Ma') && url.includes('status=draft'));
  await search.fill('Ma');
  await expect.poll(() => held.length).toBe(1);
  const again = page.waitForResponse(/\/cities\?_q=Ma&(?!.*status=)/);
  await page.getByRole('link', { name: /^Remove/ }).click();
  await again;
  held[0]?.();
  await expect.poll(isOver).toBe(true);
  await expect(page).toHaveURL(/\/cities\?_q=Ma$/);
  await expect(search).toHaveValue('Ma');
  // The search's own chip takes it away.
  await page.getByRole('link', { name: /^Remove/ }).click();
  await expect(page).toHaveURL(/\/cities$/);
  await expect(search).toHaveValue('');
});

test('Back from a preview leads to the form as it was sent', async ({ page, app }) => {
  await openDialog({ page, app });
  await page.locator('#bulk-reviewedAt-choose').uncheck();
  await page
    .locator('#dialog')
    .getByRole('button', { name: /^Preview/ })
    .click();
  await page.waitForURL(/\/cities\/previews\//);
  await page.goBack();
  await expect(page.getByLabel(/Notes/).last()).toHaveValue('typed with care');
  await page.getByRole('button', { name: /^Preview/ }).click();
  await page.waitForURL(/\/cities\/previews\//);
  await page.goBack();
  await expect(page.getByLabel(/Notes/).last()).toHaveValue('typed with care');
});
