import { type App, expect, signIn, test } from './app.ts';
import { lookAt } from './look-at.ts';

/** Two hundred tasks of the last days, some of which failed, and one that waits in the queue `mail`. */
async function fill({ sql }: App): Promise<void> {
  await sql.query(
    `insert into bulkhead.task (kind, resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state, reason, changed, created_at, queued_at, started_at, finished_at)
     select 'bulk', 'cities', 'City', 'update', 'Edit', 'queue', 'x', 'Eve Editor', '{}', '{"changes":[]}', '{"kind":"ticked","filter":""}',
       case when n % 9 = 0 then 'failed' when n % 7 = 0 then 'partial' else 'succeeded' end, case when n % 9 = 0 then 'too-slow' when n % 7 = 0 then 'records-refused' end,
       n * 10, at, at, at + interval '2 s', at + interval '9 s'
     from generate_series(1, 200) n, lateral (select now() - n * n * interval '10 s' as at) made`,
  );
  await sql.query(
    `insert into bulkhead.task (kind, operation, title, backend, queue, principal_id, principal_name, principal, parameters, state, queued_at)
     values ('own', 'gone', 'A letter', 'queue', 'mail', 'x', 'Eve Editor', '{}', '{}', 'queued', now())`,
  );
}

test('an admin sees how tasks fare, and goes from each figure to the tasks that it counts', async ({
  page,
  app,
}, info) => {
  await fill(app);
  await signIn(page, app);
  await page.goto('/tasks');
  await page.getByRole('main').getByRole('link', { name: 'Overview' }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'Overview' })).toBeVisible();
  await lookAt(page, info, 'overview', 1440);
  await lookAt(page, info, 'overview-1024', 1024);
  await expect(page.locator('.chart-picture svg')).toHaveCount(3);

  await test.step('a chart is read as a table', async () => {
    await page.getByText('Figures: Records changed').click();
    const table = page.getByRole('region', { name: 'Figures: Records changed' });
    await expect(table.getByRole('row')).toHaveCount(25);
    await lookAt(page, info, 'figures', 1440);
  });
  await test.step('a reason leads to its tasks', async () => {
    await page.getByRole('link', { name: 'Last 7 days' }).click();
    const cell = page.getByRole('link', { name: /even a few records took too long, Last 7 days/ });
    const count = Number(await cell.textContent());
    await cell.click();
    await expect(page.locator('.task-table tbody tr')).toHaveCount(count);
  });
});

test.describe('without JavaScript', () => {
  test.use({ javaScriptEnabled: false });

  test('a queue is paused and resumed, a worker quieted and let go on', async ({
    page,
    app,
  }, info) => {
    await fill(app);
    await signIn(page, app);
    await page.goto('/tasks/overview');
    await page.getByRole('link', { name: 'Pause: mail' }).click();
    await page.getByLabel('Why (others read it)').fill('no server');
    await page.getByRole('button', { name: 'Pause the queue' }).click();
    await expect(page.getByText('The queue “mail” is paused.', { exact: true })).toBeVisible();
    await page.getByRole('link', { name: /A letter/ }).click();
    await expect(
      page.getByText(/Its queue, “mail”, is paused by Ada Admin since .*Reason: no server/),
    ).toBeVisible();
    await page.goto('/tasks/overview');
    await page.getByRole('button', { name: 'Resume: mail' }).click();
    await expect(page.getByText('The queue “mail” goes on.')).toBeVisible();

    await page.getByRole('link', { name: /^Quiet: / }).click();
    await page.getByRole('button', { name: 'Quiet the worker' }).click();
    await expect(page.getByText(/is asked to take nothing more/)).toBeVisible();
    await page.getByRole('button', { name: /^Let it go on: / }).click();
    await expect(page.getByText(/takes tasks again/)).toBeVisible();
    expect(info.errors).toEqual([]);
  });
});

test('what is asked first is a page that reads well, and is done by keyboard', async ({
  page,
  app,
}, info) => {
  await signIn(page, app);
  await page.goto('/tasks/overview');
  await page.getByRole('link', { name: 'Pause: bulk' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Pause the queue “bulk”?' })).toBeVisible();
  await lookAt(page, info, 'pause', 1440);
  await page.getByRole('button', { name: 'Pause the queue' }).focus();
  await page.keyboard.press('Enter');
  await expect(page.getByText('Paused by Ada Admin')).toBeVisible();
  await lookAt(page, info, 'paused', 1440);
  await page.getByRole('link', { name: /^Stop: / }).click();
  await expect(page.getByText('No other worker is alive')).toBeVisible();
  await lookAt(page, info, 'stop', 1440);
});

test('the name leads to what one did', async ({ page, app }, info) => {
  await signIn(page, app, 'editor');
  await page.goto('/cities/7/edit');
  await page.getByLabel('Notes').fill('seen');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.getByRole('link', { name: /My activity/ }).click();
  await expect(page.getByRole('heading', { level: 1, name: 'My activity' })).toBeVisible();
  await lookAt(page, info, 'activity', 1440);
  await page.getByRole('region', { name: 'My changes by forms' }).getByRole('link').click();
  await expect(page.getByRole('heading', { level: 1, name: /^History of / })).toBeVisible();
});
