import assert from 'node:assert/strict';
import { test } from 'node:test';
import { taskSettingsOf } from '../../admin-settings.ts';
import { parseConfig } from '../../config.ts';
import { testApp } from '../../testing/app.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

test('a delete that takes too long to be tried out shows what is known, and runs in the background, however few records it is of', async (t) => {
  const app = await testApp(t, {
    settings: { previewMs: taskSettingsOf(parseConfig({})).previewMs },
  });
  await insertPlaces(app.db, 3);
  await app.db.pages.query(`
    create function gazetteer.slow() returns trigger language plpgsql as $$ begin perform pg_sleep(2.5); return old; end $$;
    create trigger slow before delete on gazetteer.city for each row execute function gazetteer.slow();`);
  const admin = await app.signIn('admin');
  const path = `/cities/bulk-delete?_s=${await selectAs(admin, 2)}`;
  const previewed = await admin.post(path, { _op: await openAs(admin, path), _do: 'preview' });
  const preview = String(previewed.headers.location);
  const { body } = await admin.get(preview);
  assert.match(body, /Not one record could be tried out within two seconds.*in the background/);
  assert.match(body, /Selected[\s\S]*2/);
  assert.doesNotMatch(body, /Will be deleted|Already so/);
  const confirmed = await admin.post(
    preview,
    { count: '2', acknowledge: 'yes' },
    { accept: 'application/json' },
  );
  assert.equal(confirmed.statusCode, 202, confirmed.body);
  const task = await workOff(app, confirmed.json().taskId);
  assert.deepEqual([task.backend, task.state, task.changed], ['queue', 'succeeded', 2]);
});
