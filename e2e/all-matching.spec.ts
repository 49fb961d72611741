import type { Page, TestInfo } from 'playwright/test';
import { type App, expect, signIn, test } from './app.ts';
import { lookAt } from './look-at.ts';

/** Tasks of the admin's: so many that wait for tomorrow, and so many that have failed. */
async function insertTasks({ sql }: App, state: 'scheduled' | 'failed', count: number) {
  await sql.query(
    `insert into bulkhead.task (kind, operation, title, backend, principal_id, principal_name, principal, parameters, state, due_at, started_at, finished_at)
     select 'own', 'places.recount', 'Recount ' || n, 'queue', id, name, jsonb_build_object('id', id, 'name', name, 'roles', roles), jsonb_build_object('country', (array['AND', 'SMR', 'MCO'])[1 + n % 3]), $1::text,
       case when $1 = 'scheduled' then now() + interval '1 day' end, case when $1 = 'failed' then now() end, case when $1 = 'failed' then now() end
     from bulkhead.user cross join generate_series(1, $2::int) n where 'admin' = any(roles)`,
    [state, count],
  );
}

async function countIn({ sql }: App, state: string): Promise<number> {
  const { rows } = await sql.query(
    `select count(*)::int as count from bulkhead.task where operation = 'places.recount' and state = $1`,
    [state],
  );
  return rows[0].count;
}

/** Pictures at the widths that people have, with axe. */
const look = (page: Page, info: TestInfo, name: string) => lookAt(page, info, name, 1440);

for (const javaScriptEnabled of [true, false])
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test('all that wait are cancelled from the filtered list, and the page of the task says what became of them', async ({
      page,
      app,
    }, info) => {
      await insertTasks(app, 'scheduled', 30);
      await insertTasks(app, 'failed', 3);
      await signIn(page, app);
      await page.goto('/tasks?state=scheduled&state=failed&kind=own');
      const shown = page.getByRole('navigation', { name: 'What can be done to all that match' });
      await expect(shown.getByRole('link')).toHaveCount(3);
      if (javaScriptEnabled) await look(page, info, 'list');
      await shown.getByRole('link', { name: 'Cancel all 30 that match…' }).click();
      await expect(page.getByRole('heading', { level: 1 })).toHaveText(
        'Cancel 30 tasks that match',
      );
      await expect(page.getByText('State: Scheduled')).toBeVisible();
      if (javaScriptEnabled) await look(page, info, 'confirm');

      await page.getByRole('button', { name: 'Cancel 30 tasks' }).click();
      await expect(page.getByText('Tick the box to confirm')).toBeVisible();
      if (javaScriptEnabled) await look(page, info, 'unticked');
      expect(await countIn(app, 'cancelled')).toBe(0);
      await page.getByLabel('Yes, cancel 30 tasks').check();
      await page.getByRole('button', { name: 'Cancel 30 tasks' }).click();
      await page.waitForURL(/\/tasks\/\d+$/);
      const done = page.getByRole('link', { name: '30 tasks cancelled, or asked to stop' });
      await expect(done).toBeVisible({ timeout: 30_000 });
      await expect(page.getByText('Cancels every task that matches')).toBeVisible();
      if (javaScriptEnabled) await look(page, info, 'task');
      expect(await countIn(app, 'cancelled')).toBe(30);
      expect(await countIn(app, 'failed')).toBe(3);

      await done.click();
      await expect(page.getByRole('row')).toHaveCount(31);
      if (javaScriptEnabled) await look(page, info, 'became');
      await page.getByRole('link', { name: 'Recount 1', exact: true }).click();
      await expect(page.getByText(/with all that matched/).first()).toBeVisible();
    });

    test('what cannot be tried again is left alone with its reason, beside what was', async ({
      page,
      app,
    }, info) => {
      await insertTasks(app, 'failed', 3);
      await app.sql.query(
        `update bulkhead.task set operation = 'gone' where title = 'Recount 2' and state = 'failed'`,
      );
      await signIn(page, app);
      await page.goto('/tasks?state=failed&_q=recount');
      await page.getByRole('link', { name: 'Try again all 3 that match…' }).click();
      await expect(page.getByText('There is nothing to try again')).toHaveCount(1);
      if (javaScriptEnabled) await look(page, info, 'confirm-retry');
      await page.getByRole('button', { name: 'Try 3 tasks again' }).click();
      await page.waitForURL(/\/tasks\/\d+$/);
      await expect(page.getByRole('link', { name: '2 tasks tried again' })).toBeVisible({
        timeout: 30_000,
      });
      await page
        .getByRole('link', { name: '1 task left alone: There is nothing to try again' })
        .click();
      await expect(page.getByRole('link', { name: 'Recount 2' })).toBeVisible();
      await page.getByRole('link', { name: /^All/ }).click();
      await expect(page.getByRole('row')).toHaveCount(4);
      if (javaScriptEnabled) await look(page, info, 'became-retry');
      await page.getByRole('link', { name: /Back to task/ }).click();
      await page.getByText('What was shown before').click();
      await expect(page.getByText('3 tasks matched.')).toBeVisible();
      if (javaScriptEnabled) await look(page, info, 'shown-before');
    });
  });
