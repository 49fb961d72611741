import type { Page } from 'playwright/test';
import { expectAccessible } from './accessible.ts';
import { type App, expect, signIn, test } from './app.ts';
import { until } from './brake.ts';
import { chooseField, openBulkEdit, submitBulkEdit } from './bulk.ts';
import { picture } from './picture.ts';

for (const javaScriptEnabled of [true, false]) {
  test.describe(javaScriptEnabled ? 'with JavaScript' : 'without JavaScript', () => {
    test.use({ javaScriptEnabled });

    test.describe('where one task may wait, and nobody is there to do it', () => {
      test.use({
        wanted: {
          env: { BULKHEAD_MAX_QUEUED: '1', BULKHEAD_MAX_QUEUED_PER_USER: '1' },
          hasWorker: false,
        },
      });

      test('a change of many waits and says that no worker is alive; the same, and one more, are refused in words', async ({
        page,
        app,
      }, info) => {
        const archived = `select from gazetteer.city where status = 'archived'`;
        const before = await countOf(app, archived);
        await signIn(page, app);
        await changeAll(page, 'ESP', 'archived');
        await expect(page.getByText(/No worker is alive/).first()).toBeVisible();
        await picture(page, info, 'no-worker');

        await changeAll(page, 'ESP', 'archived');
        await expect(
          page.getByText(/This bulk operation is already in progress, from another form/).first(),
        ).toBeVisible();
        await picture(page, info, 'in-progress');

        await changeAll(page, 'FRA', 'archived');
        await expect(
          page.getByText(/1 of your tasks waits for its turn, as many as may. Nothing was started/),
        ).toBeVisible();
        await expect(page.locator('select[name="value.status"]')).toHaveValue('archived');
        if (javaScriptEnabled)
          await expectAccessible(page, 'a form that found no room in the queue');
        await picture(page, info, 'full-of-mine');

        await page.context().clearCookies();
        await signIn(page, app, 'editor');
        await changeAll(page, 'FRA', 'archived');
        await expect(
          page.getByText(/1 task waits for its turn, as many as may. Nothing was started/),
        ).toBeVisible();
        expect(await countOf(app, 'select from bulkhead.task')).toBe(1);
        expect(await countOf(app, archived)).toBe(before);
      });
    });

    test.describe('where one change at a time is made at once', () => {
      test.use({ wanted: { env: { BULKHEAD_INLINE_MAX_CONCURRENT: '1' } } });

      test('one that finds no turn is on its form again with all that was typed, and goes through later', async ({
        page,
        app,
      }, info) => {
        await slowFirst(app, 'ESP', 6.5);
        await signIn(page, app);
        const other = await page.context().newPage();
        await openFor(other, 'FRA', 'Promised at once');
        await openFor(page, 'ESP', 'Takes its time');
        const launched = submitBulkEdit(page);
        await untilItWrites(app);
        await submitBulkEdit(other);
        await expect(
          other.getByText(/Many changes are being made at once right now, and yours found no turn/),
        ).toBeVisible({ timeout: 15_000 });
        await expect(other.locator('[name="value.notes"]')).toHaveValue('Promised at once');
        if (javaScriptEnabled) await expectAccessible(other, 'a form that found no turn');
        await picture(other, info, 'no-turn');
        await launched;
        await submitBulkEdit(other);
        await until(
          async () =>
            (await countOf(
              app,
              `select from gazetteer.city where notes in ('Promised at once', 'Takes its time')`,
            )) === 2,
        );
      });

      test('while it is busy, a small change goes to the background as its dialog says', async ({
        page,
        app,
      }, info) => {
        await slowFirst(app, 'ESP', 4);
        await signIn(page, app);
        const other = await page.context().newPage();
        await tickFirst(other, 'FRA');
        await openFor(page, 'ESP', 'Takes its time');
        const launched = submitBulkEdit(page);
        await untilItWrites(app);
        await openBulkEdit(other);
        await expect(
          other.getByText(/In the background, since many changes are being made at once right now/),
        ).toBeVisible();
        await picture(other, info, 'put-off');
        await chooseField(other, 'notes', 'Put off');
        await submitBulkEdit(other);
        await until(
          async () =>
            (await countOf(
              app,
              `select from bulkhead.task where backend = 'queue' and state = 'succeeded'`,
            )) === 1,
        );
        await launched;
      });
    });

    test('what was done a while ago is shown instead of done again, and is run all the same by a button', async ({
      page,
      app,
    }, info) => {
      await signIn(page, app, 'editor');
      await page.goto('/cities');
      await page.getByRole('button', { name: 'Tally' }).click();
      await page.waitForURL(/\/tasks\/\d+$/);
      const first = page.url();
      await expect(page.getByText('It is done.').first()).toBeVisible({ timeout: 30_000 });
      await page.goto('/cities');
      await page.getByRole('button', { name: 'Tally' }).click();
      await page.waitForURL(first);
      await expect(
        page.getByText(/The same was done a while ago, and what it gave is still good/),
      ).toBeVisible();
      await expect(
        page.getByText(/Until .* whoever starts the same is shown this result instead/),
      ).toBeVisible();
      if (javaScriptEnabled) await expectAccessible(page, 'a result that is used again');
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [1280, 390]) {
          await page.setViewportSize({ width, height: 850 });
          await picture(page, info, `reused-${colorScheme}-${width}`, { fullPage: true });
        }
      }
      await page.getByRole('button', { name: 'Run it all the same' }).click();
      await page.waitForURL((url) => /\/tasks\/\d+$/.test(url.pathname) && url.href !== first);
      await expect(page.getByText('It is done.').first()).toBeVisible({ timeout: 30_000 });
      expect(await countOf(app, `select from bulkhead.task where state = 'succeeded'`)).toBe(2);
    });

    async function tickFirst(page: Page, country: string): Promise<void> {
      await page.goto(`/cities?country=${country}&_sort=id`);
      await page.locator('.row-tick').first().check();
      if (!javaScriptEnabled) await page.getByRole('button', { name: /ticked/i }).click();
      await expect(page.locator('.selection-count')).toContainText('1 selected');
    }

    /** The form for the first place of a country, with a note typed. */
    async function openFor(page: Page, country: string, note: string): Promise<void> {
      await tickFirst(page, country);
      await openBulkEdit(page);
      await chooseField(page, 'notes', note);
    }

    async function changeAll(page: Page, country: string, status: string): Promise<void> {
      await tickFirst(page, country);
      await page.getByRole('button', { name: /select all [\d,]+ matching/i }).click();
      await expect(page.locator('.selection-count')).toContainText(/All [\d,]+ matching/);
      await openBulkEdit(page);
      await chooseField(page, 'status', status);
      await submitBulkEdit(page);
    }
  });
}

const countOf = async (app: App, sql: string) => (await app.sql.query(sql)).rowCount;

/** Changing the first place of a country takes so long. */
async function slowFirst(app: App, country: string, seconds: number): Promise<void> {
  const { rows } = await app.sql.query<{ id: number }>(
    'select min(id) as id from gazetteer.city where country_code = $1',
    [country],
  );
  await app.sql.query(`
    create function gazetteer.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(${seconds}); return new; end $$;
    create trigger dawdle before update on gazetteer.city for each row when (old.id = ${rows[0]?.id}) execute function gazetteer.dawdle();
  `);
}

const untilItWrites = (app: App) =>
  until(
    async () =>
      (await countOf(app, `select from pg_stat_activity where wait_event = 'PgSleep'`)) === 1,
  );
