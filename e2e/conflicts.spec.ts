import { expect, signIn, test } from './app.ts';
import { blockAt, spanishIds, until } from './brake.ts';
import { chooseField, openBulkEdit, selectAllMatching, submitBulkEdit } from './bulk.ts';

test('while a task is in its middle, what it holds is refused and what it has done is free', async ({
  page,
  app,
}) => {
  const ids = await spanishIds(app);
  const [done, held] = [ids[10] as number, ids[6_500] as number];
  const brake = await blockAt(app, ids[3_500] as number);
  await signIn(page, app);
  await page.goto('/cities?country=ESP');
  await selectAllMatching(page);
  await openBulkEdit(page);
  await chooseField(page, 'status', 'archived');
  const form = await page.locator('#bulk-edit-form').evaluate((element) => {
    const data = new URLSearchParams(
      new FormData(element as HTMLFormElement) as unknown as Record<string, string>,
    );
    return { body: data.toString(), action: (element as HTMLFormElement).action };
  });
  await submitBulkEdit(page);
  await until(
    async () =>
      (await app.sql.query('select 1 from bulkhead.task where chunks_done >= 3')).rowCount === 1,
  );
  const { rows } = await app.sql.query<{ id: number }>('select id from bulkhead.task');
  const taskId = rows[0]?.id;
  const other = await page.context().newPage();

  await test.step('an edit of a record behind the brake is refused, with the task named', async () => {
    const answer = await other.goto(`/cities/${held}/edit`);
    expect(answer?.status()).toBe(423);
    await expect(other.locator('main')).toContainText(`${taskId}`);
    await expect(other.locator('main')).toContainText('Ada Admin');
    await expect(other.locator('.task-progress')).toBeVisible();
  });

  await test.step('saving it is refused too, and changes nothing', async () => {
    await other.goto(`/cities/${done}/edit`);
    const token = await other.locator('main input[name=_csrf]').first().inputValue();
    const data = await other
      .locator('main form[method=post]')
      .first()
      .evaluate((element) => {
        const typed = new FormData(element as HTMLFormElement);
        typed.set('name', 'Stolen');
        return new URLSearchParams(typed as unknown as Record<string, string>).toString();
      });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await other.request.post(`/cities/${held}/edit`, {
      data,
      headers,
      maxRedirects: 0,
    });
    expect(answer.status()).toBe(423);
    const gone = await other.request.post(`/cities/${held}/delete`, {
      form: { _csrf: token },
      maxRedirects: 0,
    });
    expect(gone.status()).toBe(423);
    const { rows: found } = await app.sql.query('select name from gazetteer.city where id = $1', [
      held,
    ]);
    expect(found[0].name).not.toBe('Stolen');
  });

  await test.step('an edit of a record in a finished chunk is accepted', async () => {
    await other.goto(`/cities/${done}/edit`);
    await other.getByLabel('Notes').fill('Edited meanwhile');
    await other.getByRole('button', { name: /save/i }).first().click();
    await until(
      async () =>
        (
          await app.sql.query(
            `select 1 from gazetteer.city where id = $1 and notes = 'Edited meanwhile'`,
            [done],
          )
        ).rowCount === 1,
    );
  });

  await test.step('an overlapping bulk edit is refused', async () => {
    await other.goto('/cities?country=ESP&population-min=1000');
    await selectAllMatching(other);
    await openBulkEdit(other);
    await chooseField(other, 'featured', 'true');
    await submitBulkEdit(other);
    await expect(other.locator('#bulk-outcome')).toContainText('already changing');
    await expect(other.locator('#bulk-outcome')).toContainText('Ada Admin');
    expect((await app.sql.query('select 1 from bulkhead.task')).rowCount).toBe(1);
  });

  await test.step('the same form posted twice is the same task', async () => {
    const again = await other.request.post(form.action, {
      data: form.body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(again.ok()).toBe(true);
    expect((await app.sql.query('select 1 from bulkhead.task')).rowCount).toBe(1);
  });

  await brake.release();
  await until(
    async () =>
      (
        await app.sql.query(
          `select 1 from bulkhead.task where state = 'succeeded' and changed + unchanged = 6972`,
        )
      ).rowCount === 1,
    60_000,
  );

  await test.step('and also after it has finished', async () => {
    const again = await other.request.post(form.action, {
      data: form.body,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(again.ok()).toBe(true);
    expect((await app.sql.query('select 1 from bulkhead.task')).rowCount).toBe(1);
  });
});
