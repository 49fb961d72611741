import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyOf } from '../../metadata/keys.ts';
import { countStatements, htmx, testApp } from '../../testing/app.ts';
import { launchOn } from '../../testing/context.ts';
import { insertPlaces } from '../../testing/places.ts';

/** An admin's task that holds the first 25 of 30 places. */
async function setUp(t: Parameters<typeof testApp>[0]) {
  const testing = await testApp(t);
  const { context, db, signIn } = testing;
  await insertPlaces(db, 30);
  const cities = context.registry.get('cities');
  const keys = Array.from({ length: 25 }, (_, index) => keyOf(cities.model, { id: index + 1 }));
  const admin = await signIn('admin');
  const { task } = await launchOn(
    context,
    cities,
    { keys },
    'update',
    { field: 'status', 'value.status': 'archived' },
    admin.principal,
  );
  await db.pages.query(
    `insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key) values ($1, 900, 'active', $2, $3, $4)`,
    [task.id, keys, keys[0], keys.at(-1)],
  );
  const release = () =>
    db.pages.query(`update ${db.t.chunk} set state = 'done' where task_id = $1`, [task.id]);
  return { ...testing, admin, editor: await signIn('editor'), taskId: task.id, release };
}

test('whoever waits for a record sees how far somebody else’s task is, and nothing to do to it', async (t) => {
  const { db, admin, editor, taskId } = await setUp(t);
  const page = await editor.get('/cities/7/edit');
  assert.equal(page.statusCode, 423);
  assert.match(page.body, /hx-get="\/cities\/7\/lock"/);
  assert.doesNotMatch(page.body, /href="\/tasks\/\d/);
  const { result: poll, statements } = await countStatements(db, () =>
    editor.get('/cities/7/lock', htmx),
  );
  assert.equal(poll.statusCode, 200);
  assert.match(poll.body, / data-live="lock=cities%2F7" data-every="1"/);
  assert.doesNotMatch(poll.body, /href=|<form|<button/);
  assert.ok(statements.length <= 4, statements.join('\n'));
  assert.match(
    (await admin.get('/cities/7/lock', htmx)).body,
    new RegExp(`href="/tasks/${taskId}"`),
  );
});

test('the poll ends with the way back when the record is free', async (t) => {
  const { editor, release } = await setUp(t);
  assert.equal((await editor.get('/cities/26/lock', htmx)).statusCode, 286);
  await release();
  const answer = await editor.get('/cities/7/lock', htmx);
  assert.equal(answer.statusCode, 286);
  assert.match(answer.body, /data-ended="free"/);
  assert.match(answer.body, /href="\/cities\/7\/edit"/);
  assert.doesNotMatch(answer.body, /data-live/);
  const plain = await editor.get('/cities/7/lock');
  assert.equal(plain.statusCode, 303);
  assert.equal(plain.headers.location, '/cities/7/edit');
});

test('the poll ends for a record that is gone and for whoever is signed out', async (t) => {
  const { app, editor } = await setUp(t);
  const gone = await editor.get('/cities/999/lock', htmx);
  assert.equal(gone.statusCode, 286);
  assert.match(gone.body, /data-ended="gone"/);
  assert.equal((await editor.get('/cities/999/lock')).statusCode, 404);
  const stranger = await app.inject({ url: '/cities/7/lock', headers: htmx });
  assert.equal(stranger.statusCode, 286);
  assert.match(stranger.body, /data-ended="signed-out"/);
  assert.doesNotMatch(stranger.body, /archived|Edit cities/);
  assert.equal(
    (await app.inject({ url: '/cities/7/lock', headers: { accept: 'application/json' } }))
      .statusCode,
    401,
  );
});
