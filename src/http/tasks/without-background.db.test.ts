import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { z } from 'zod';
import sample from '../../admin.ts';
import { defineTask } from '../../index.ts';
import { htmx, testApp } from '../../testing/app.ts';
import { selectAs } from '../../testing/launch-as.ts';
import { insertPlaces } from '../../testing/places.ts';

const visit = defineTask({
  name: 'visit',
  params: z.object({ city: z.string() }),
  title: ({ city }) => `Visit ${city}`,
  attempts: 3,
  launchable: {
    on: 'record',
    resource: 'cities',
    allowed: ({ roles }) => roles.includes('editor'),
    params: ({ key }) => ({ city: key }),
    set: { notes: 'visited' },
  },
  async run({ city }, task) {
    await task.lock('cities', [city]);
    if (city === '2') throw new Error('nobody is at home');
    return { seen: city };
  },
});

test('where nothing runs in the background pages do all within the request, and say how it ended', async (t) => {
  const admin = { ...sample, schedules: [], tasks: [visit] };
  const env = { BULKHEAD_BACKGROUND: 'false', BULKHEAD_INLINE_MAX_CONCURRENT: '1' };
  const { db, signIn } = await testApp(t, { admin, env });
  await insertPlaces(db, 60);
  const editor = await signIn('editor');
  const launched = async (location: unknown) => {
    const id = Number(/^\/tasks\/(\d+)$/.exec(String(location))?.[1]);
    const { rows } = await db.pages.query(
      `select id, state, reason, message, backend, changed, failed_attempts as failed from ${db.t.task} where id = $1`,
      [id],
    );
    return rows[0];
  };

  const asked = (await editor.get('/tasks/new/visit?_record=1')).body;
  assert.match(asked, /It runs at once/);
  assert.doesNotMatch(asked, /in the background/);
  const pressed = await editor.post('/tasks/new/visit?_record=1', { _op: randomUUID() });
  assert.equal(pressed.statusCode, 303, pressed.body);
  const done = await launched(pressed.headers.location);
  assert.deepEqual([done.state, done.backend], ['succeeded', 'inline']);
  assert.match((await editor.get(`/tasks/${done.id}`)).body, /at once/);
  const noted = await db.pages.query('select notes from gazetteer.city where id = 1');
  assert.equal(noted.rows[0].notes, 'visited');

  const _op = randomUUID();
  const twice = await Promise.all(
    [1, 2].map(() => editor.post('/tasks/new/visit?_record=2', { _op })),
  );
  assert.equal(new Set(twice.map(({ headers }) => headers.location)).size, 1);
  const failed = await launched(twice[0]?.headers.location);
  assert.deepEqual(
    [failed.state, failed.reason, failed.message, failed.failed],
    ['failed', 'error', 'nobody is at home', 1],
  );

  const path = `/cities/bulk-edit?_s=${await selectAs(editor, 50, 5)}`;
  const dialog = (await editor.get(path, htmx)).body;
  assert.match(dialog, /All or nothing/);
  const form = /name="_op" value="([^"]+)"/.exec(dialog)?.[1] ?? '';
  const sent = { _op: form, field: 'status', 'value.status': 'published' };
  const changed = await launched((await editor.post(path, sent)).headers.location);
  assert.deepEqual([changed.state, changed.backend, changed.changed], ['succeeded', 'inline', 50]);

  const undo = (await editor.get(`/tasks/${changed.id}/undo`)).body;
  const back = await editor.post(`/tasks/${changed.id}/undo`, {
    _op: /name="_op" value="([^"]+)"/.exec(undo)?.[1] ?? '',
  });
  const undone = await launched(back.headers.location);
  assert.deepEqual([undone.state, undone.backend, undone.changed], ['succeeded', 'inline', 50]);
  assert.match((await editor.get(`/tasks/${undone.id}`)).body, /at once, good ones kept/);
  assert.equal(
    (await db.pages.query(`select from ${db.t.task} where finished_at is null`)).rowCount,
    0,
  );
});
