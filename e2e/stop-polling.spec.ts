import type { Page } from 'playwright/test';
import { type App, expect, signIn, test } from './app.ts';
import { blockAt, spanishIds, until } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';

/** Starts a task as an editor that stays in its middle, and looks at its page. */
async function watchTask(page: Page, app: App, status: string) {
  const ids = await spanishIds(app);
  const brake = await blockAt(app, ids[0] as number);
  const polls: { isLast: boolean }[] = [];
  page.on('response', async (response) => {
    if (!/\/tasks\/live\?(.*&)?bar=/.test(response.url())) return;
    const poll = { isLast: response.status() === 286 };
    polls.push(poll);
    // What the task holds is asked for on.
    poll.isLast ||= !/ data-live="bar=/.test(await response.text().catch(() => ' data-live="bar='));
  });
  await signIn(page, app, 'editor');
  await page.goto('/cities?country=ESP');
  await selectAllMatching(page);
  await openBulkEdit(page);
  await chooseField(page, 'notes', status);
  await submitBulkEdit(page);
  await page.locator('.task-progress').first().waitFor();
  const { rows } = await app.sql.query<{ id: number }>('select max(id) as id from bulkhead.task');
  await until(async () => polls.length >= 2);
  return { brake, polls, taskId: rows[0]?.id as number };
}

async function expectSilence(page: Page, polls: { isLast: boolean }[]): Promise<void> {
  await expect.poll(() => polls.at(-1)?.isLast, { timeout: 20_000 }).toBe(true);
  const count = polls.length;
  await page.waitForTimeout(3_500);
  expect(polls.length, 'no poll after the last').toBe(count);
  await expect(page.locator('.task-progress[data-live]')).toHaveCount(0);
}

test('polls of a finished task stop', async ({ page, app }) => {
  const { brake, polls } = await watchTask(page, app, 'finished');
  await brake.release();
  await expectSilence(page, polls);
});

test('polls of a purged task stop', async ({ page, app }) => {
  const { brake, polls, taskId } = await watchTask(page, app, 'purged');
  await app.sql.query('delete from bulkhead.task where id = $1', [taskId]);
  await expectSilence(page, polls);
  await brake.release();
});

test("polls of somebody else's task stop", async ({ page, app }) => {
  const { brake, polls, taskId } = await watchTask(page, app, 'not yours');
  await app.sql.query(`update bulkhead.task set principal_id = 'somebody else' where id = $1`, [
    taskId,
  ]);
  await expectSilence(page, polls);
  await brake.release();
  await until(
    async () =>
      (
        await app.sql.query(
          'select 1 from bulkhead.task where id = $1 and finished_at is not null',
          [taskId],
        )
      ).rowCount === 1,
    60_000,
  );
});

test('polls after signing out stop', async ({ page, app }) => {
  const { brake, polls } = await watchTask(page, app, 'signed out');
  await app.sql.query('delete from bulkhead.session');
  await expectSilence(page, polls);
  await brake.release();
});
