import type { Browser, Page } from 'playwright/test';
import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { lookAt } from './look-at.ts';

test.use({ wanted: { isScoped: true } });

const mia = { name: 'Mia Moreau', email: 'mia@example.com', password: 'correct horse battery' };

/** Somebody else's browser. */
async function comeIn(browser: Browser, app: App): Promise<Page> {
  const context = await browser.newContext({ baseURL: app.address });
  const page = await context.newPage();
  await page.goto('/sign-in');
  await page.getByLabel('Email').fill(mia.email);
  await page.getByLabel('Password').fill(mia.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Gazetteer' })).toBeVisible();
  return page;
}

test('an admin adds an editor whose claims say which rows are theirs, and takes away what they may', async ({
  page,
  app,
  browser,
}, info) => {
  await signIn(page, app);
  await page.goto('/');
  await page
    .getByRole('navigation', { name: 'Main' })
    .getByRole('link', { name: 'People' })
    .click();
  await lookAt(page, info, 'people', 1440);

  await test.step('somebody is added; what is wrong is said at its field', async () => {
    await page.getByRole('link', { name: 'Add somebody' }).click();
    await page.getByLabel('Name').fill(mia.name);
    await page.getByLabel('Email').fill(mia.email);
    await page.getByLabel('Viewer').uncheck();
    await page.getByLabel('Editor').check();
    await page.getByLabel('Claims').fill('{"countries": ["PRT"');
    await page.getByLabel('Password').fill(mia.password);
    await page.getByRole('button', { name: 'Add' }).click();
    await expect(page.getByLabel('Claims')).toHaveAccessibleDescription(/This is no JSON/);
    await lookAt(page, info, 'new-person', 1440);
    await page.getByLabel('Claims').fill('{"countries": ["PRT"]}');
    await page.getByLabel('Password').fill(mia.password);
    await page.getByRole('button', { name: 'Add' }).click();
    await expect(page.getByText('Mia Moreau was added.')).toBeVisible();
    await expect(page.getByText('Signed in nowhere.')).toBeVisible();
  });

  const theirs = await comeIn(browser, app);
  await test.step('they see their own rows', async () => {
    await theirs.goto('/cities');
    await expect(theirs.locator('.list-row').first()).toContainText('Portugal');
    await theirs.goto('/cities?country=ESP');
    await expect(theirs.locator('.list-row')).toHaveCount(0);
    await expect(theirs.getByRole('link', { name: 'People' })).toHaveCount(0);
  });

  await test.step('another country is another page at their next click', async () => {
    await page.reload();
    await expect(page.getByText('127.0.0.1, Chrome on Linux')).toBeVisible();
    await lookAt(page, info, 'person', 1440);
    await page.getByLabel('Claims').fill('{"countries": ["ESP"]}');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Mia Moreau was saved.')).toBeVisible();
    await theirs.reload();
    await expect(theirs.locator('.list-row')).not.toHaveCount(0);
  });

  await test.step('who was changed by another meanwhile is shown as they are', async () => {
    await app.sql.query(`update bulkhead."user" set name = 'Mia M.' where email = $1`, [mia.email]);
    await page.getByLabel('Name').fill('Mia Müller');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('alert')).toContainText('Name: Mia M.');
    await lookAt(page, info, 'person-changed', 1440);
    await expect(page.getByLabel('Name')).toHaveValue('Mia Müller');
    await page.getByRole('button', { name: 'Save' }).click();
    await expect(page.getByText('Mia Müller was saved.')).toBeVisible();
  });

  await test.step('deactivated they are asked to sign in, and cannot', async () => {
    await page.getByRole('button', { name: 'Deactivate' }).click();
    await expect(page.getByText('Mia Müller may not sign in any more.')).toBeVisible();
    await expectAccessible(page, 'somebody who is deactivated');
    await theirs.getByRole('link', { name: 'Home' }).click();
    await expect(theirs.getByRole('heading', { name: /^Sign in to/ })).toBeVisible();
    await theirs.getByLabel('Email').fill(mia.email);
    await theirs.getByLabel('Password').fill(mia.password);
    await theirs.getByRole('button', { name: 'Sign in' }).click();
    await expect(theirs.getByText('Email or password is wrong.')).toBeVisible();
    await theirs.context().close();
  });

  await test.step('oneself is warned of, and found', async () => {
    await page.getByRole('link', { name: 'All people' }).click();
    await page.getByLabel('State').selectOption('Deactivated');
    await page.getByRole('button', { name: 'Show' }).click();
    await expect(page.locator('.list-row')).toHaveCount(1);
    await page.goto('/tasks/people?_q=ada');
    await page.getByRole('link', { name: 'Ada Admin', exact: true }).click();
    await expect(page.getByText('This is you.')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Deactivate' })).toHaveCount(0);
    await lookAt(page, info, 'oneself', 1440);
  });
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('somebody’s password is set and their sessions end by forms', async ({ page, app }) => {
    await signIn(page, app);
    await page.goto('/tasks/people');
    await page.getByRole('link', { name: 'Eve Editor' }).click();
    await page.getByLabel('New password').fill('short');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await expect(page.getByText('A password needs at least 10 characters.')).toBeVisible();
    await page.getByLabel('New password').fill('another horse battery');
    await page.getByRole('button', { name: 'Set the password' }).click();
    await expect(page.getByText('Eve Editor has a new password.')).toBeVisible();
    await page.getByRole('button', { name: 'Deactivate' }).click();
    await page.getByRole('button', { name: 'Let in again' }).click();
    await expect(page.getByText('Eve Editor may sign in again.')).toBeVisible();
  });
});
