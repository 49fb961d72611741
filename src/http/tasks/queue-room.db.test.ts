import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../task-definitions/define-task.ts';
import { managersOf } from '../../task-managers.ts';
import { htmx, testApp, type Visitor } from '../../testing/app.ts';
import { ada } from '../../testing/context.ts';
import { openAs, selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const pressed = defineTask({
  name: 'pressed',
  params: z.object({}),
  launchable: { allowed: () => true },
  run: () => undefined,
});
const admin = { ...sample, schedules: [], taskHooks: [], tasks: [pressed] };
const json = { accept: 'application/json' };

const press = (visitor: Visitor) => visitor.post('/tasks/new/pressed', {}, json);

test('so many tasks that people launched on pages wait, and one more is refused in words: of one person, of all', async (t) => {
  const app = await testApp(t, { admin, settings: { maxQueued: 3, maxQueuedPerUser: 2 } });
  const [editor, other] = [await app.signIn('editor'), await app.signIn('admin')];
  assert.deepEqual(
    [(await press(editor)).statusCode, (await press(editor)).statusCode],
    [202, 202],
  );
  const own = await press(editor);
  assert.deepEqual(
    [own.statusCode, own.json().error, own.json().details],
    [409, 'queue-full', { max: 2, isOwn: true }],
  );
  const page = await editor.post('/tasks/new/pressed', {});
  assert.equal(page.statusCode, 409);
  assert.match(
    page.body,
    /2 of your tasks wait for their turn, as many as may\. Nothing was started/,
  );

  assert.equal((await press(other)).statusCode, 202);
  const all = await press(other);
  assert.match(all.json().message, /^3 tasks wait for their turn/);
  const { rows } = await app.db.pages.query(`select count(*)::int as n from ${app.db.t.task}`);
  assert.deepEqual(rows, [{ n: 3 }], 'what is refused leaves nothing');

  // What has begun, be it that it sleeps since, and what code launches, takes no place.
  const tasks = managersOf(admin, app.context)(null, ada);
  await tasks.launchMany(pressed, [{}, {}, {}]);
  await app.db.pages.query(
    `update ${app.db.t.task} set started_at = now(), waits_for = 'sleep', due_at = now() + interval '1 day' where id = 1`,
  );
  assert.equal((await press(editor)).statusCode, 202);
});

test('a bulk form is kept, with and without JavaScript, where no more may wait, and what is small is done at once', async (t) => {
  const app = await testApp(t, { admin, settings: { maxQueuedPerUser: 1 } });
  await insertPlaces(app.db, 60);
  const editor = await app.signIn('editor');
  const edit = async (count: number, from: number, headers: Record<string, string> = {}) => {
    const path = `/cities/bulk-edit?_s=${await selectAs(editor, count, from)}`;
    const _op = await openAs(editor, path);
    return editor.post(path, { _op, field: 'notes', 'value.notes': `by ${count}` }, headers);
  };
  assert.ok((await edit(25, 1)).statusCode < 400);
  for (const headers of [{}, htmx]) {
    const refused = await edit(26, 30, headers);
    assert.equal(refused.statusCode, 409);
    for (const said of ['1 of your tasks waits for its turn', 'by 26'])
      assert.ok(refused.body.includes(said), said);
  }
  assert.ok((await edit(3, 57)).statusCode < 400, 'done within the request');
  const { rows } = await app.db.pages.query(
    `select notes, count(*)::int as count from gazetteer.city where notes is not null group by notes`,
  );
  assert.deepEqual(rows, [{ notes: 'by 3', count: 3 }]);
});
