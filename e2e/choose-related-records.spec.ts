import type { Page } from 'playwright/test';
import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { tabTo } from './keyboard.ts';

const capitalOf = async (app: App, code: string) =>
  (
    await app.sql.query(
      `select city.name, city.country_code from gazetteer.country left join gazetteer.city on city.id = capital_city_id where code = $1`,
      [code],
    )
  ).rows[0];

const options = (page: Page) => page.getByRole('option');

test('one of 135,233 records is searched and chosen', async ({ page, app }) => {
  await signIn(page, app);
  await page.goto('/countries/ESP/edit');
  const capital = page.getByRole('combobox', { name: 'Capital city' });
  await expect(capital).toHaveValue('Madrid');
  await capital.fill('barcel');
  await expect(options(page).first()).toHaveText(/^Barcel/);
  await expectAccessible(page, 'the form with an open list');
  await page.getByRole('option', { name: /^Barcelona Spain/ }).click();
  await expect(capital).toHaveValue('Barcelona');

  await test.step('what was typed and not taken is no choice', async () => {
    await capital.fill('nothing like this');
    await expect(page.locator('.picker-note').first()).toHaveText('Nothing matches');
    await page.getByLabel('Name', { exact: false }).first().focus();
    await expect(capital).toHaveValue('Barcelona');
  });

  await test.step('many are tokens', async () => {
    const languages = page.getByRole('combobox', { name: 'Languages' });
    await languages.fill('catalan');
    await options(page).first().click();
    await page.getByRole('button', { name: 'Remove Spanish' }).click();
    await expect(page.locator('.picker-token')).toHaveText(['Catalan']);
  });

  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.locator('[role=status]').first()).toContainText('was saved');
  expect(await capitalOf(app, 'ESP')).toEqual({ name: 'Barcelona', country_code: 'ESP' });
  const { rows } = await app.sql.query(
    `select "B" as code from gazetteer."_CountryToLanguage" where "A" = 'ESP'`,
  );
  expect(rows).toEqual([{ code: 'cat' }]);
});

test('what a picker finds is seen whole, also from a sheet at the end of a small screen', async ({
  page,
  app,
}) => {
  await page.setViewportSize({ width: 390, height: 844 });
  await signIn(page, app);
  await page.goto('/cities');
  await page.locator('[data-filter="country"] summary').click();
  await page.locator('[data-filter="country"]').getByRole('combobox').fill('s');
  await expect(options(page).nth(10)).toBeAttached();
  const list = await page.getByRole('listbox').boundingBox();
  if (!list) throw new Error('no list');
  expect(list.y).toBeGreaterThanOrEqual(0);
  expect(list.y + list.height).toBeLessThanOrEqual(844);
  expect(list.height).toBeGreaterThan(200);
  await page.locator('[data-filter="country"]').getByRole('combobox').fill('spain');
  await page.getByRole('option', { name: /^Spain/ }).click();
  await page.locator('[data-filter="country"]').getByRole('button', { name: 'Apply' }).click();
  await expect(page).toHaveURL(/country=ESP/);
});

test('what is missing is made in another tab and chosen where it is needed, with everything typed', async ({
  page,
  app,
  context,
}) => {
  await app.sql.query(
    `insert into gazetteer.tag (name) select 'tag ' || n from generate_series(1, 40) n`,
  );
  await signIn(page, app);
  const make = async (name: string) => {
    const opened = context.waitForEvent('page');
    await page.getByRole('link', { name: 'New tag…' }).click();
    const tab = await opened;
    await tab.getByLabel('Name').fill(name);
    await tab.locator('#record-form footer').getByRole('button').click();
    await expect(tab.locator('[role=status]').first()).toContainText('Close this tab to go on');
    // What tells the other tab has run by then.
    await tab.waitForLoadState('load');
    await tab.close();
  };
  await test.step('in the bulk dialog', async () => {
    await page.goto('/cities?country=AND');
    await page.locator('.row-tick').first().check();
    await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
    await page.locator('.bulk-field[data-field="notes"] .bulk-choose').check();
    await page.locator('[name="value.notes"]').fill('typed before');
    await page.locator('.bulk-field[data-field="tags"] .bulk-choose').check();
    await make('heritage');
    await expect(page.locator('.bulk-field[data-field="tags"] .picker-token')).toHaveText([
      'heritage',
    ]);
    await expect(page.locator('[name="value.notes"]')).toHaveValue('typed before');
    await page.locator('#bulk-edit-form .bulk-launch').click();
    await expect(page.locator('#dialog')).not.toBeVisible();
    const { rows } = await app.sql.query(
      `select city.notes from gazetteer."_CityToTag" join gazetteer.tag on tag.id = "B" join gazetteer.city on city.id = "A" where tag.name = 'heritage'`,
    );
    expect(rows).toEqual([{ notes: 'typed before' }]);
  });
  await test.step('in a form, where few are boxes', async () => {
    await app.sql.query(`delete from gazetteer.tag where name like 'tag %'`);
    await page.goto('/cities/new');
    await page.getByLabel('Notes').fill('typed before');
    await make('mill');
    await expect(page.getByRole('group', { name: 'Tags' }).getByLabel('mill')).toBeChecked();
    await expect(page.getByLabel('Notes')).toHaveValue('typed before');
  });
});

test('a picker works by keyboard alone', async ({ page, app }) => {
  await signIn(page, app);
  await page.goto('/countries/FRA/edit');
  const capital = page.getByRole('combobox', { name: 'Capital city' });
  await tabTo(page, capital);
  await page.keyboard.press('Control+A');
  await page.keyboard.type('marseille');
  await expect(capital).toHaveAttribute('aria-expanded', 'true');
  await expect(capital).toHaveAttribute('aria-activedescendant', /.+/);
  await page.keyboard.press('Escape');
  await expect(capital).toHaveAttribute('aria-expanded', 'false');
  await expect(capital).toHaveValue('Paris');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('lyon');
  await expect(options(page).first()).toHaveText(/^Lyon/);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowUp');
  await expect(options(page).first()).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Enter');
  await expect(capital).toHaveValue('Lyon');

  const languages = page.getByRole('combobox', { name: 'Languages' });
  await tabTo(page, languages);
  await page.keyboard.type('breton');
  await expect(page.getByText('Nothing matches').first()).toBeAttached();
  await page.keyboard.press('Control+A');
  await page.keyboard.type('germ');
  await expect(options(page).first()).toHaveText(/^German/);
  await page.keyboard.press('Enter');
  await expect(page.locator('.picker-token')).toHaveText(['French', 'German']);
  await page.keyboard.press('Backspace');
  await expect(page.locator('.picker-token')).toHaveText(['French']);
  await tabTo(page, page.locator('footer').getByRole('button', { name: 'Save' }));
  await page.keyboard.press('Enter');
  await expect(page.locator('[role=status]').first()).toContainText('was saved');
  expect(await capitalOf(app, 'FRA')).toEqual({ name: 'Lyon', country_code: 'FRA' });
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a related record is searched in a step of its own, and the form keeps what was typed', async ({
    page,
    app,
  }) => {
    await signIn(page, app);
    await page.goto('/countries/ITA/edit');
    await page.getByLabel('Subregion').fill('typed before');
    await page.locator('button[name=_choose][value=capitalCity]').click();
    await page.getByRole('searchbox').fill('milan');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: /^Milano? Italy/ }).click();
    await expect(page.getByLabel('Subregion')).toHaveValue('typed before');
    await page.getByLabel('Subregion').press('Enter');
    await expect(page.locator('[role=status]').first()).toContainText('was saved');
    expect((await capitalOf(app, 'ITA')).name).toMatch(/^Milan/);
  });

  test('what is made in another tab is among what can be chosen when the form is shown again', async ({
    page,
    app,
    context,
  }) => {
    await signIn(page, app);
    await page.goto('/cities/new');
    await page.getByLabel('Notes').fill('typed before');
    const opened = context.waitForEvent('page');
    await page.getByRole('link', { name: 'New tag…' }).click();
    const tab = await opened;
    await tab.getByLabel('Name').fill('mill');
    await tab.locator('#record-form footer').getByRole('button').click();
    await expect(tab.locator('[role=status]').first()).toContainText('it can be chosen there');
    await tab.close();
    await page
      .locator('[data-field="tags"]')
      .getByRole('button', { name: 'Show what was made meanwhile' })
      .click();
    await page.getByRole('group', { name: 'Tags' }).getByLabel('mill').check();
    await expect(page.getByLabel('Notes')).toHaveValue('typed before');
  });
});
