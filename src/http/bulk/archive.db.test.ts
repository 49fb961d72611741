import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testApp } from '../../testing/app.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';
import { workOff } from '../../testing/work-off.ts';

const json = { accept: 'application/json' };

async function setUp(t: Parameters<typeof testApp>[0]) {
  const app = await testApp(t);
  await insertPlaces(app.db, 40);
  await app.db.pages.query(`update gazetteer.city set featured = true where id in (3, 5)`);
  await app.db.pages.query(`update gazetteer.city set status = 'archived' where id in (5, 6)`);
  const statuses = async () => {
    const { rows } = await app.db.pages.query(
      `select status, count(*)::int as n from gazetteer.city group by 1 order by 1`,
    );
    return Object.fromEntries(rows.map(({ status, n }) => [status, n]));
  };
  return { ...app, editor: await app.signIn('editor'), statuses };
}

test('archiving is previewed: what is archived already is left alone, and featured places are refused by name', async (t) => {
  const { editor, statuses } = await setUp(t);
  const path = `/cities/do/archive?_s=${await selectAs(editor, 12)}`;
  const asked = await editor.post(path, { _do: 'preview' });
  const { body } = await editor.get(String(asked.headers.location));
  const counts = Object.fromEntries(
    [...body.matchAll(/<dt[^>]*>([^<]+)<\/dt><dd[^>]*>([^<]+)<\/dd>/g)].map(([, name, value]) => [
      name,
      value,
    ]),
  );
  assert.deepEqual(counts, { Selected: '12', 'Will change': '9', 'Already so': '2', Refused: '1' });
  assert.match(body, /1×<\/span> A featured place is not archived\..*Place 3<\/a>/);
  assert.match(body, /<del[^>]*>draft<\/del>.*<ins[^>]*>archived<\/ins>/);
  assert.deepEqual(await statuses(), { archived: 2, draft: 38 });
});

test('archived in the background, the good ones are kept, the refused one is named, and undo puts all back', async (t) => {
  const app = await setUp(t);
  const { editor, statuses } = app;
  const path = `/cities/do/archive?_s=${await selectAs(editor, 40)}`;
  const launched = await editor.post(path, { _op: await openAs(editor, path) }, json);
  const { taskId, title } = launched.json();
  assert.equal(title, 'Archive · 40 cities');
  const { state, changed, unchanged, failed } = await workOff(app, taskId);
  assert.deepEqual(
    { state, changed, unchanged, failed },
    { state: 'partial', changed: 37, unchanged: 2, failed: 1 },
  );
  assert.deepEqual(await statuses(), { draft: 1, archived: 39 });
  assert.match(
    (await editor.get(`/tasks/${taskId}/failures`)).body,
    /Place 3.*A featured place is not archived\./s,
  );
  const _op =
    /name="_op" value="([^"]+)"/.exec((await editor.get(`/tasks/${taskId}/undo`)).body)?.[1] ?? '';
  const undone = await editor.post(`/tasks/${taskId}/undo`, { _op }, json);
  assert.equal((await workOff(app, undone.json().taskId)).changed, 37);
  assert.deepEqual(await statuses(), { archived: 2, draft: 38 });
});
