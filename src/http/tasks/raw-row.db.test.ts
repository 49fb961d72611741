import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadata } from '../../../generated/sample-metadata/metadata.ts';
import sample from '../../admin.ts';
import { defineResource, type Principal } from '../../index.ts';
import { actions } from '../../resources/actions.ts';
import { testApp } from '../../testing/app.ts';
import { launchAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const json = { accept: 'application/json' };

test('whoever sees every task reads the row of one, each of its columns or that it is kept back', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  const id = await launchAs(editor, 30, { body: { field: 'notes', 'value.notes': 'seen' } });
  const { columns, keptBack } = (await admin.get(`/tasks/${id}/row`, json)).json();
  const { rows } = await app.db.pages.query<{ name: string }>(
    `select attname as name from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped`,
    [app.db.t.task],
  );
  assert.deepEqual(
    [...Object.keys(columns), ...keptBack].sort(),
    rows.map(({ name }) => name).sort(),
  );
  assert.deepEqual(
    [columns.id, columns.state, columns.principal_id, columns.selection.kind],
    [id, 'queued', editor.principal.id, 'ticked'],
  );
  assert.ok(!('keys' in columns.selection));
  assert.ok(!('secrets' in columns));
  const page = await admin.get(`/tasks/${id}/row`);
  assert.match(page.body, /<code>write_through<\/code><\/th><td[^>]*>sql</);
  assert.match(page.body, /&quot;value&quot;: &quot;seen&quot;/);
  assert.match((await admin.get(`/tasks/${id}`)).body, new RegExp(`href="/tasks/${id}/row"`));
});

test('the row of their own task is not for those who do not see every task, nor linked', async (t) => {
  const app = await testApp(t);
  await insertPlaces(app.db, 60);
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  const id = await launchAs(editor, 30);
  assert.equal((await editor.get(`/tasks/${id}/row`)).statusCode, 404);
  assert.doesNotMatch((await editor.get(`/tasks/${id}`)).body, /\/row"/);
  for (const none of ['none', '999999'])
    assert.equal((await admin.get(`/tasks/${none}/row`)).statusCode, 404, none);
});

test('what values may be in is kept back from whoever may not see a field of the resource', async (t) => {
  const app = await testApp(t, {
    admin: {
      ...sample,
      schedules: [],
      tasks: [],
      resources: [
        defineResource(metadata, 'City', {
          permissions: () => actions,
          fields: { notes: { see: ({ roles }: Principal) => !roles.includes('admin') } },
        }),
      ],
    },
  });
  await insertPlaces(app.db, 60);
  const [admin, editor] = [await app.signIn('admin'), await app.signIn('editor')];
  const id = await launchAs(editor, 30, { body: { field: 'notes', 'value.notes': 'hushed' } });
  const { body, statusCode } = await admin.get(`/tasks/${id}/row`);
  assert.equal(statusCode, 200);
  assert.doesNotMatch(body, /hushed/);
  assert.match(body, /Kept back: [^<]*parameters, selection, meta, message, and result/);
});
