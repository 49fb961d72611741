import { expect, signIn, test } from './app.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';
import { picture } from './picture.ts';

/** By what it runs, and what its task's page says of that. */
const ways = [
  { backend: 'queue', said: 'in the background, good ones kept' },
  {
    backend: 'in-process',
    said: 'in the background, in the process of the pages, good ones kept',
  },
  { backend: 'inline', said: 'at once, all or nothing' },
  { backend: 'fax-machine', said: 'in the background, by fax-machine, good ones kept' },
] as const;

for (const { backend, said } of ways)
  test.describe(`by the backend ${backend}`, () => {
    test.use({ wanted: { env: { BULKHEAD_BACKEND: backend } } });

    test('all places of Portugal are changed, looked at and put back', async ({
      page,
      app,
    }, info) => {
      const archived = async () =>
        (
          await app.sql.query<{ n: number }>(
            `select count(*)::int as n from gazetteer.city where country_code = 'PRT' and notes = 'by ${backend}'`,
          )
        ).rows[0]?.n as number;
      const { rows } = await app.sql.query<{ n: number }>(
        `select count(*)::int as n from gazetteer.city where country_code = 'PRT'`,
      );
      const count = rows[0]?.n as number;
      expect(count).toBeGreaterThan(500);
      await signIn(page, app);
      await page.goto('/cities?country=PRT');
      await selectAllMatching(page);
      await openBulkEdit(page);
      await chooseField(page, 'notes', `by ${backend}`);
      await submitBulkEdit(page);
      await expect.poll(archived, { timeout: 60_000 }).toBe(count);

      const ended = async () =>
        (
          await app.sql.query<{ id: number }>(
            'select id from bulkhead.task where finished_at is not null order by id desc limit 1',
          )
        ).rows[0]?.id;
      await expect.poll(ended, { timeout: 30_000 }).toBe(1);
      await page.goto('/tasks/1');
      await expect(page.getByText(said, { exact: true })).toBeVisible();
      await picture(page, info, `task-by-${backend}`);
      await page.getByRole('link', { name: 'Undo…' }).click();
      await page.getByRole('button', { name: /^Undo [\d,]+ records$/ }).click();
      await page.waitForURL((url) => url.pathname === '/tasks/2');
      await expect.poll(archived, { timeout: 60_000 }).toBe(0);
      await expect.poll(ended, { timeout: 30_000 }).toBe(2);
      await page.reload();
      await expect(page.getByText(/changed/).first()).toBeVisible();
      await picture(page, info, `undo-by-${backend}`);
    });
  });
