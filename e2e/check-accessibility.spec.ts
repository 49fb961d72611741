import { expectAccessible } from './accessible.ts';
import { signInByForm, test } from './app.ts';
import { chooseField, openBulkEdit, submitBulkEdit } from './bulk.ts';

for (const [scheme, viewport] of [
  ['light', { width: 1366, height: 850 }],
  ['dark', { width: 390, height: 844 }],
] as const) {
  test.describe(`${scheme}, ${viewport.width} wide`, () => {
    test.use({ colorScheme: scheme, viewport });

    test(`axe finds nothing on any page (${scheme}, ${viewport.width})`, async ({ page, app }) => {
      await page.goto('/sign-in');
      await expectAccessible(page, 'sign-in');
      await signInByForm(page, app);
      for (const path of [
        '/',
        '/cities',
        '/cities?status=lost',
        '/cities/filter?country=ESP&_1.name-contains=York&_1.population-between=1..9',
        '/cities/new',
        '/cities/42',
        '/cities/42/edit',
        '/cities/42/delete',
        '/cities/options/country?q=s',
        '/cities/deleted',
        '/countries',
        '/countries/ESP',
        '/countries/ESP/edit',
        '/countries/ESP/delete',
        '/tasks',
        '/tasks?state=failed&state=running&kind=bulk&resource=cities&person=Admin&_q=edit',
        '/tasks/overview',
        '/tasks/health',
        '/tasks/queues/bulk/pause',
        '/tasks/activity',
        '/tasks/schedules',
        '/tasks/notices',
        '/tasks/notices/preferences',
        '/tasks/deliveries',
        '/nowhere',
      ]) {
        await page.goto(path);
        await expectAccessible(page, path);
      }
      await page.goto('/cities/42/edit');
      await page.getByLabel('Population').fill('many');
      await page.getByLabel('Notes').fill('mine');
      await page.getByRole('button', { name: 'Save' }).click();
      await expectAccessible(page, 'a form with an error');
      await page.getByLabel('Population').fill('7');
      await app.sql.query(`update gazetteer.city set notes = 'theirs' where id = 42`);
      await page.getByRole('button', { name: 'Save' }).click();
      await expectAccessible(page, 'a form with both values');
      await page.getByRole('radio', { name: /yours/i }).check();
      await page.getByRole('button', { name: 'Save' }).click();
      await page.goto('/cities/42/history');
      await expectAccessible(page, 'a history');
      await page.goto('/cities?country=AND');
      await page.locator('.row-tick').nth(0).check();
      await page.locator('.selection-count').filter({ hasText: '1 selected' }).waitFor();
      await expectAccessible(page, 'a selection');
      for (const own of await page.locator('#selection-bar a[href*="/do/"]').all()) {
        await page.goto((await own.getAttribute('href')) ?? '');
        await expectAccessible(page, 'an operation of the project’s own');
        await page.goBack();
      }
      await openBulkEdit(page);
      await chooseField(page, 'notes', 'seen');
      await expectAccessible(page, 'the dialog');
      await submitBulkEdit(page);
      await page.locator('#bulk-edit-form').waitFor({ state: 'detached' });
      const { rows } = await app.sql.query('select max(id) as id from bulkhead.task');
      await page.goto(`/tasks/${rows[0].id}`);
      await expectAccessible(page, 'a task');
      const last = '00000000000009000000';
      await app.sql.query(
        `insert into bulkhead.chunk (task_id, number, state, keys, first_key, last_key, failed) values ($1, 9000, 'done', array[$2], $2, $2, 1)`,
        [rows[0].id, last],
      );
      await app.sql.query(
        `update bulkhead.task set chunk_count = 2, state = 'failed' where id = $1`,
        [rows[0].id],
      );
      await page.reload();
      await page.locator('.chunk-map .chunk-failed').waitFor();
      await page.getByRole('button', { name: 'I have seen to it' }).click();
      await page.getByRole('button', { name: 'Nobody has seen to it' }).waitFor();
      await expectAccessible(page, 'a map of chunks');
      await page.locator('.chunk-map a').first().click();
      await page.waitForURL(/\/chunks\/0$/);
      await expectAccessible(page, 'a chunk');
      await page.goto(`/tasks/${rows[0].id}/row`);
      await expectAccessible(page, 'the row of a task');
      await app.sql.query(
        `update bulkhead.task set kind = 'own', resource = null, model = null, selection = null, state = 'scheduled', due_at = now() + interval '1 day', finished_at = null where id = $1`,
        [rows[0].id],
      );
      await page.goto(`/tasks/${rows[0].id}`);
      await page.getByLabel('Begins at').waitFor();
      await expectAccessible(page, 'a task that waits for its time');
    });
  });
}
