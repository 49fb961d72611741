import { expect, signIn, signInByForm, test } from './app.ts';
import { until } from './brake.ts';

test.use({ javaScriptEnabled: false });

test('the main path passes without JavaScript', async ({ page, app }) => {
  await signInByForm(page, app);
  await page.goto('/cities?country=AND');
  const total = (
    await app.sql.query(`select count(*)::int as n from gazetteer.city where country_code = 'AND'`)
  ).rows[0].n as number;
  await page.locator('.row-tick').nth(0).check();
  await page.locator('.row-tick').nth(1).check();
  await page.getByRole('button', { name: /ticked/i }).click();
  await expect(page.locator('.selection-count')).toContainText('2 selected');

  await test.step('a small change is done at once', async () => {
    await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
    await page.locator('.bulk-field[data-field="notes"] .bulk-choose').check();
    await page.locator('[name="value.notes"]').fill('Without a script');
    await page.locator('#bulk-edit-form .bulk-launch').click();
    const { rows } = await app.sql.query(
      `select count(*)::int as n from gazetteer.city where notes = 'Without a script'`,
    );
    expect(rows[0].n).toBe(2);
  });

  await test.step('a preview is thinned out by a button, and what was unticked without it is not changed unseen', async () => {
    await page.goto('/cities?country=AND');
    await page.locator('.row-tick').nth(0).check();
    await page.locator('.row-tick').nth(1).check();
    await page.locator('.row-tick').nth(2).check();
    await page.getByRole('button', { name: /ticked/i }).click();
    await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
    await page.locator('.bulk-field[data-field="notes"] .bulk-choose').check();
    await page.locator('[name="value.notes"]').fill('By a preview');
    await page.locator('.bulk-preview').click();
    await page.locator('#bulk-reason').fill('No script');
    await page.locator('.preview-keep').nth(0).uncheck();
    await page.getByRole('button', { name: /leave out/i }).click();
    await expect(page.locator('#preview')).toContainText('Edit 2 cities');
    await expect(page.locator('#bulk-reason')).toHaveValue('No script');
    await page.locator('.preview-keep').nth(1).uncheck();
    await page.getByRole('button', { name: 'Change 2 cities' }).click();
    await expect(page.locator('#preview')).toContainText('Nothing was changed yet');
    await page.getByRole('button', { name: 'Change 1 city' }).click();
    await page.waitForURL(/tasks/);
    const { rows } = await app.sql.query(
      `select count(*)::int as n from gazetteer.city where notes = 'By a preview'`,
    );
    expect(rows[0].n).toBe(1);
  });

  await test.step('a large one becomes a task whose page shows the end', async () => {
    await page.goto('/cities?country=ESP');
    await page.locator('.row-tick').nth(0).check();
    await page.getByRole('button', { name: /ticked/i }).click();
    await page.getByRole('button', { name: /select all 6,972 matching/i }).click();
    await expect(page.locator('.selection-count')).toContainText('6,972');
    await page.locator('#selection-bar').getByRole('link', { name: /edit/i }).click();
    await page.locator('.bulk-field[data-field="status"] .bulk-choose').check();
    await page.locator('select[name="value.status"]').selectOption('reviewed');
    await page.locator('#bulk-edit-form .bulk-launch').click();
    await page.waitForURL(/\/tasks\/\d+/);
    await until(
      async () =>
        (
          await app.sql.query(
            `select 1 from bulkhead.task where finished_at is not null and expected = 6972`,
          )
        ).rowCount === 1,
      60_000,
    );
    // Its page loads itself again.
    await expect(page.getByRole('progressbar')).toHaveAccessibleName(/6,972 of 6,972/);
    const { rows } = await app.sql.query(
      `select count(*)::int as n from gazetteer.city where country_code = 'ESP' and status = 'reviewed'`,
    );
    expect(rows[0].n).toBe(6_972);
  });

  await test.step('tasks are filtered by a form, and a cell of a task’s map leads to its records', async () => {
    await page.goto('/tasks');
    await page.locator('#task-filter summary').click();
    await page.getByRole('checkbox', { name: 'Succeeded' }).check();
    await page.getByLabel('Resource').selectOption('cities');
    await page.getByLabel('Text').fill('cities');
    await page.getByRole('button', { name: 'Show the tasks' }).click();
    await page.waitForURL(/state=succeeded&.*resource=cities/);
    await expect(page.locator('.task-table tbody tr')).toHaveCount(3);
    await page.getByRole('link', { name: 'Do not filter by State: Succeeded' }).click();
    await page.waitForURL((url) => !url.search.includes('state='));
    await page.locator('.task-table tbody tr a').first().click();
    await page.locator('.chunk-map a').first().click();
    await page.waitForURL(/\/chunks\/0$/);
    await expect(page.getByRole('heading', { name: 'What was changed' })).toBeVisible();
  });

  await test.step('deleting asks for an acknowledgement that the server checks', async () => {
    await page.goto('/cities?country=AND');
    await page.locator('.row-tick').nth(0).check();
    await page.getByRole('button', { name: /ticked/i }).click();
    await page
      .locator('#selection-bar')
      .getByRole('link', { name: /delete/i })
      .click();
    await page.locator('main form button[type=submit].btn-error').click();
    await expect(page.locator('main')).toContainText(/tick the box/i);
    await page.locator('input[name=acknowledge]').check();
    await page.locator('main form button[type=submit].btn-error').click();
    await expect
      .poll(
        async () =>
          (
            await app.sql.query(
              `select count(*)::int as n from gazetteer.city where country_code = 'AND'`,
            )
          ).rows[0].n,
      )
      .toBe(total - 1);
  });
});

test('a text of five megabytes is edited on a page of its own without JavaScript', async ({
  page,
  app,
}) => {
  const text = 'A line of many. '.repeat(5 * 65_536);
  await app.sql.query('update gazetteer.city set notes = $1 where id = 1', [text]);
  await signIn(page, app);
  await page.goto('/cities/1/edit');
  await page.getByLabel('Population').fill('4321');
  await page.getByRole('button', { name: 'Save' }).last().click();
  await expect(page.locator('body')).toContainText('was saved');
  const stored = async () =>
    (
      await app.sql.query(
        'select population::int as population, notes from gazetteer.city where id = 1',
      )
    ).rows[0];
  expect(await stored()).toEqual({ population: 4321, notes: text });
  await page.goto('/cities/1/edit');
  await page.getByRole('link', { name: 'Edit this text' }).click();
  await expect(page).toHaveURL(/\/cities\/1\/edit\/notes/);
  await page.locator('textarea[name="notes"]').fill(`${text}The end.`);
  await page.getByRole('button', { name: 'Save' }).last().click();
  await expect(page.locator('body')).toContainText('was saved');
  expect((await stored()).notes).toBe(`${text}The end.`);
  await page.goto('/cities/1');
  await page.getByRole('link', { name: 'Show the whole value' }).click();
  await expect(page.locator('body')).toContainText('The end.');
});
