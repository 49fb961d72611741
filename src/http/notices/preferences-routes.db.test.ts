import assert from 'node:assert/strict';
import { test } from 'node:test';
import sample from '../../admin.ts';
import type { AdminDefinition } from '../../admin-definition.ts';
import { defineCallback, defineChannel } from '../../channels/define-channel.ts';
import { countStatements, testApp } from '../../testing/app.ts';

const send = () => undefined;
const path = '/tasks/notices/preferences';
const json = { accept: 'application/json' };

const admin: AdminDefinition = {
  ...sample,
  schedules: [],
  taskHooks: [],
  channels: [
    defineChannel({ name: 'pager', label: 'Pager <loud>', reaches: 'people', send }),
    defineCallback('log', send),
  ],
  notify: ['message', 'pager', 'log'],
};

test('each chooses for themselves how they are told, by each channel that reaches people', async (t) => {
  const { db, signIn } = await testApp(t, { admin });
  const editor = await signIn('editor');
  const { result, statements } = await countStatements(db, () => editor.get(path));
  assert.equal(statements.length, 2, 'the session, and what is chosen');
  assert.deepEqual(
    [...result.body.matchAll(/<legend[^>]*>([^<]*)/g)].map(([, legend]) => legend),
    ['Message on these pages', 'Pager &lt;loud&gt;'],
  );
  const answer = await editor.post(path, {
    'when.message': 'never',
    'seconds.message': '',
    'when.pager': 'failures',
    'seconds.pager': '90',
    'when.log': 'always',
  });
  assert.equal(answer.statusCode, 303);
  const chosen = async (who: typeof editor) =>
    JSON.parse((await who.get(path, json)).body).preferences;
  assert.deepEqual(await chosen(editor), [
    { channel: 'message', when: 'never', longerThanMs: 0 },
    { channel: 'pager', when: 'failures', longerThanMs: 90_000 },
  ]);
  const untouched = [
    { channel: 'message', when: 'as-ruled', longerThanMs: 0 },
    { channel: 'pager', when: 'as-ruled', longerThanMs: 0 },
  ];
  assert.deepEqual(await chosen(await signIn('admin')), untouched);
  const { body } = await editor.get(path);
  assert.match(body, /value="failures" checked[\s\S]*value="90"/);
  await editor.post(path, { 'when.message': 'as-ruled', 'when.pager': 'of-no-kind' });
  assert.deepEqual(await chosen(editor), untouched);
  assert.equal((await db.pages.query(`select from ${db.t.notice_preference}`)).rowCount, 0);
});

test('seconds that are none come back as they were typed, and nothing is kept', async (t) => {
  const { db, signIn } = await testApp(t, { admin });
  const editor = await signIn('editor');
  for (const seconds of ['-1', '1.5', 'soon', '86401', '"<b>']) {
    const answer = await editor.post(path, {
      'when.message': 'always',
      'seconds.message': seconds,
      'when.pager': 'never',
    });
    assert.equal(answer.statusCode, 422, seconds);
    assert.match(answer.body, /A whole number of seconds, from 0 to 86,400\./);
    assert.match(answer.body, /value="always" checked/);
    assert.ok(answer.body.includes(`value="${seconds.replace('"<b>', '&quot;&lt;b&gt;')}"`));
  }
  assert.equal((await db.pages.query(`select from ${db.t.notice_preference}`)).rowCount, 0);
});

test('where no channel reaches people there is nothing to choose, and without a bell the page of tasks leads there', async (t) => {
  const none = await testApp(t, { admin: { ...admin, notify: 'log' } });
  const visitor = await none.signIn('admin');
  assert.equal((await visitor.get(path)).statusCode, 404);
  assert.equal((await visitor.post(path)).statusCode, 404);
  const some = await testApp(t, { admin: { ...admin, notify: 'pager' } });
  const reader = await some.signIn('viewer');
  assert.ok((await reader.get('/tasks')).body.includes(path));
  assert.doesNotMatch((await reader.get(path)).body, /href="\/tasks\/notices"/);
  assert.ok(!(await visitor.get('/tasks')).body.includes(path));
});
